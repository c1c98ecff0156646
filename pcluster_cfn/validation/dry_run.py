"""ParallelCluster's own dry run of the clusters in a template, with the user's credentials.

A program of the engine makes it: the command imports neither the engine's code nor the library.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cfn_template.reading import read
from cfn_template.values import place_of, unknown_parts
from cluster_schema.conversion import pointer
from pcluster_cfn.aws import Aws, child_environment, find_cluster_stack, tags_of
from pcluster_cfn.errors import CommandError
from pcluster_cfn.planning.providers import Providers
from pcluster_cfn.planning.requests import (
    CLUSTER,
    CONFIGURATION,
    NOT_THE_LIBRARYS,
    PROVIDER,
    ExistingCluster,
    Library,
    OtherVersionError,
    RequestedCluster,
    Verdict,
    dry_run,
)
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.engine_program import installed_library, start
from pcluster_cfn.validation.partial_template import (
    Given,
    PartialTemplate,
    as_received,
    evaluate_partially,
    plain_values,
)
from pcluster_cfn.validation.report import Finding
from pcluster_cfn.validation.resource_check import resources

_PROGRAM = "cluster_engine.dry_run"
#: Longer than the engine's own time-out.
_TIMEOUT_S = 600

#: Asks the engine for a dry run, with the account's credentials. Source: docs/reference/engine.md.
Ask = Callable[[Aws, Mapping[str, Any]], Mapping[str, Any]]


def requested_clusters(
    text: str, parameters: Mapping[str, Given], deployed: DeployedStack
) -> Iterator[RequestedCluster | Finding]:
    """Yields the clusters of a template, and a finding for each unknown value of a cluster.

    Args:
        text: A template without mistakes.
        parameters: Given values. Other parameters have the deployed stack's values, or their defaults.
        deployed: The template's stack.
    """
    template = evaluate_partially(read(text), {**deployed.parameters, **parameters}, deployed.answers())
    for wanted in clusters_in(template):
        if isinstance(wanted, RequestedCluster):
            yield wanted.of(deployed.physical_ids.get(wanted.resource.logical_id, ""))
        else:
            yield wanted


def clusters_in(template: PartialTemplate) -> Iterator[RequestedCluster | Finding]:
    """Yields the clusters of an evaluated template, and a finding for each unknown value of a cluster."""
    for resource in resources(template):
        if resource.kind != CLUSTER:
            continue
        values = template.evaluate(resource.properties)
        if not isinstance(values, dict):  # Fn::Transform, for instance
            values = {CONFIGURATION: values}
        needed = {key: value for key, value in values.items() if key not in NOT_THE_LIBRARYS}
        missing = list(unknown_parts(needed))
        for path, reason in missing:
            place = place_of(values, path) or resource.place
            message = (
                f"is not known before the deployment ({reason}); give parameters with -p or the stack with "
                "--stack-name, or create what it refers to first"
            )
            yield Finding(place, resource.logical_id + pointer(path), message, "template")
        if not missing:
            token = values.get(PROVIDER)
            yield RequestedCluster(
                resource,
                plain_values(as_received(needed)),
                service_token=token if isinstance(token, str) else "",
            )


def ask_engine(aws: Aws, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the answer of the engine's dry run, which runs in a process of its own.

    Raises:
        CommandError: It ended without an answer, or did not answer in time.
    """
    process = start(_PROGRAM, child_environment(aws, os.environ))
    try:
        output, _ = process.communicate(json.dumps(request), timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise CommandError(f"the dry run did not answer within {_TIMEOUT_S} s", "try again") from error
    if process.returncode != 0:
        raise CommandError(
            f"the dry run ended without an answer, with exit status {process.returncode}",
            "check the library's requirements; PCLUSTER_CFN_DEBUG=1 shows its output",
        )
    answer: Mapping[str, Any] = json.loads(output)
    return answer


def dry_run_cluster(
    aws: Aws, wanted: RequestedCluster, deployed: DeployedStack, providers: Providers, ask: Ask = ask_engine
) -> Verdict:
    """Returns the library's dry run of a create, or of an update if a cluster of the name exists.

    Args:
        aws: Clients of the account.
        wanted: The cluster in the template.
        deployed: The template's stack.
        providers: The account's providers.
        ask: Asks the engine; by default in a process of its own.

    Raises:
        CommandError: The library is not installed, or not in the version that the cluster needs, or it ended
            without an answer.
    """
    existing, provider = _existing(aws, wanted.name), providers.of(wanted.service_token)
    library = Library(_installed, lambda question: ask(aws, question))
    try:
        return dry_run(wanted, deployed, existing, provider, library)
    except OtherVersionError as error:
        raise CommandError(
            f"{error}; the installed version is {_installed()}",
            "run the command where that version is installed",
        ) from error


def _existing(aws: Aws, name: str) -> ExistingCluster | None:
    stack = find_cluster_stack(aws.client("cloudformation"), name) if name else None
    return ExistingCluster(stack["StackId"], tags_of(stack)) if stack else None


def _installed() -> str:
    found = installed_library()
    if found is None:
        raise CommandError("the ParallelCluster library is not installed", "pip install aws-parallelcluster")
    return found
