"""Plans every cluster of a template and of the local templates that it nests."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfn_template.limits import TemplateError
from cfn_template.reading import read
from pcluster_cfn.aws import Aws, find_cluster_stack, tags_of
from pcluster_cfn.cost.template_cost import configurations_in
from pcluster_cfn.errors import CommandError
from pcluster_cfn.forecast.clusters import EvaluatedTemplate
from pcluster_cfn.planning.clusters import (
    REMOVAL,
    REPLACEMENT,
    Deployed,
    Place,
    PlannedAction,
    PlannedCluster,
    is_untouched,
    kept_by,
    plan_removal,
    plan_requested,
    plan_unknown,
    untouched,
)
from pcluster_cfn.planning.providers import Providers
from pcluster_cfn.planning.requests import CLUSTER, ExistingCluster, RequestedCluster
from pcluster_cfn.template import NESTED_STACK
from pcluster_cfn.validation.deployed_stack import DeployedStack, read_deployed_stack
from pcluster_cfn.validation.dry_run import (
    Ask,
    ask_engine,
    clusters_in,
    dry_run_cluster,
)
from pcluster_cfn.validation.dry_run_report import update_policy
from pcluster_cfn.validation.file_check import Nested, find_nested
from pcluster_cfn.validation.partial_template import Given, evaluate_partially, section
from pcluster_cfn.validation.report import Finding
from pcluster_cfn.validation.resource_check import resources


@dataclass(frozen=True)
class PlannedTemplate:
    """A template to plan, and its stack.

    Args:
        text: Its text.
        source: Its file.
        given: Given values of its parameters.
        stack: Its stack, which may not exist yet.
        path: Logical ids of the nested stacks that lead to it.
        chain: The files that nest it, itself last; empty for the outermost.
    """

    text: str
    source: str
    given: Mapping[str, Given]
    stack: DeployedStack
    path: tuple[str, ...] = ()
    chain: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _DeployedTemplate:
    """The template that a stack was deployed from.

    Args:
        clusters: Its clusters by logical id; None for one of which not everything is known.
        retained: Logical ids of the resources that stay when they are removed from it.
        configurations: The clusters' configurations by logical id, as far as they are known.
    """

    clusters: Mapping[str, RequestedCluster | None] = field(default_factory=dict)
    retained: frozenset[str] = frozenset()
    configurations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Planner:
    """Plans clusters.

    Args:
        aws: Clients of the account.
        progress: Called with the name of each cluster before the library is asked about it.
        ask: Asks the engine; by default in a process of its own.

    Attributes:
        templates: The templates whose clusters were planned, nested ones included, as they were evaluated.
        providers: The providers of the clusters that the library was asked about.
    """

    def __init__(
        self, aws: Aws, progress: Callable[[str], None] = lambda _: None, ask: Ask = ask_engine
    ) -> None:
        self._aws = aws
        self._cloudformation = aws.client("cloudformation")
        self._progress = progress
        self._ask = ask
        self.templates: list[EvaluatedTemplate] = []
        self.providers = Providers(aws.client("lambda"))

    def plan(self, template: PlannedTemplate) -> Iterator[PlannedCluster]:
        """Yields what a deployment would do to each cluster, removed ones last.

        Raises:
            CommandError: A template cannot be read.
        """
        stack = template.stack
        before = self._deployed_template(stack)
        evaluated = evaluate_partially(
            read(template.text), {**stack.parameters, **template.given}, stack.answers()
        )
        self.templates.append(EvaluatedTemplate(template.source, template.text, template.path, evaluated))
        present = {each.logical_id for each in resources(evaluated) if each.kind == CLUSTER}
        present |= {
            logical_id
            for logical_id, definition in section(evaluated.root, "Resources").items()
            if isinstance(definition, dict)
            and definition.get("Type") == NESTED_STACK
            and evaluated.exists(definition)
        }
        kept, configurations = (
            kept_by(REPLACEMENT, section(evaluated.root, "Resources")),
            configurations_in(evaluated),
        )
        for wanted in _each_once(clusters_in(evaluated)):
            logical_id = _logical_id(wanted)
            place = Place(template.source, (*template.path, logical_id))
            by = REPLACEMENT if logical_id in kept else ""
            yield replace(
                self._cluster(place, stack, wanted, self._deployed(stack, before, logical_id, by)),
                configuration=configurations.get(logical_id),
                applied=before.configurations.get(logical_id),
            )
        for inner in find_nested(evaluated, template.source, template.chain):
            yield from self._nested(template, inner)
        yield from self._removed(template, before, present)

    def _cluster(
        self, place: Place, stack: DeployedStack, wanted: RequestedCluster | Finding, deployed: Deployed
    ) -> PlannedCluster:
        if not isinstance(wanted, RequestedCluster):
            return plan_unknown(place, f"{wanted.path} {wanted.message}", deployed)
        if is_untouched(wanted, deployed):
            return untouched(place, wanted, deployed)
        self._progress(wanted.of(deployed.physical_id).name or wanted.resource.logical_id)
        try:
            return plan_requested(
                place,
                wanted,
                deployed,
                lambda cluster: dry_run_cluster(self._aws, cluster, stack, self.providers, self._ask),
                update_policy,
            )
        except CommandError as error:
            return place.planned(wanted.of(deployed.physical_id).name, PlannedAction.UNKNOWN, str(error))

    def _nested(self, template: PlannedTemplate, inner: Any) -> Iterator[PlannedCluster]:
        if not isinstance(inner, Nested):
            reason = inner.message if isinstance(inner, Finding) else inner.reason
            place = Place(template.source, (*template.path, inner.path.partition("/")[0]))
            yield place.planned("", PlannedAction.UNKNOWN, reason)
            return
        physical_id = template.stack.physical_ids.get(inner.logical_id, "")
        if physical_id.startswith("arn:"):
            stack = read_deployed_stack(self._aws, physical_id)
        else:
            stack = template.stack.new_nested()
        path = (*template.path, inner.logical_id)
        yield from self.plan(PlannedTemplate(inner.text, inner.source, inner.given, stack, path, inner.chain))

    def _removed(
        self, template: PlannedTemplate, before: _DeployedTemplate, present: set[str]
    ) -> Iterator[PlannedCluster]:
        for logical_id in sorted(before.clusters.keys() - present):
            place = Place("", (*template.path, logical_id))
            by = REMOVAL if logical_id in before.retained else ""
            removed = plan_removal(place, self._deployed(template.stack, before, logical_id, by))
            yield replace(removed, applied=before.configurations.get(logical_id))
        stacks = {key for key, kind in template.stack.types.items() if kind == NESTED_STACK} - present
        for logical_id in sorted(stacks):
            physical_id = template.stack.physical_ids[logical_id]
            if logical_id in before.retained or not physical_id.startswith("arn:"):
                continue
            gone = read_deployed_stack(self._aws, physical_id)
            inner = PlannedTemplate("", "", {}, gone, (*template.path, logical_id))
            yield from self._removed(inner, self._deployed_template(gone), set())

    def _deployed(
        self, stack: DeployedStack, before: _DeployedTemplate, logical_id: str, retained_by: str
    ) -> Deployed:
        physical_id = stack.physical_ids.get(logical_id, "")
        deployed = Deployed(physical_id, before.clusters.get(logical_id), retained_by)
        if not deployed.cluster_name:
            return deployed
        found = find_cluster_stack(self._cloudformation, deployed.cluster_name)
        if found is None:
            return deployed
        existing = ExistingCluster(found["StackId"], tags_of(found))
        return replace(deployed, existing=existing, created_here=existing.is_made_by(stack, logical_id))

    def _deployed_template(self, stack: DeployedStack) -> _DeployedTemplate:
        """Returns the clusters of the template that a stack was deployed from."""
        stack_id = stack.known.get("AWS::StackId")
        if stack_id is None:
            return _DeployedTemplate()
        body = self._cloudformation.get_template(StackName=stack_id)["TemplateBody"]
        text = body if isinstance(body, str) else json.dumps(body)
        try:
            template = evaluate_partially(read(text), stack.parameters, stack.answers())
        except TemplateError as error:
            raise CommandError(
                f"the deployed template of stack {stack.name} cannot be read: {error.problem}",
                "compare the templates yourself",
            ) from error
        clusters: dict[str, RequestedCluster | None] = {
            each.logical_id: None for each in resources(template) if each.kind == CLUSTER
        }
        for known in clusters_in(template):
            if isinstance(known, RequestedCluster):
                clusters[known.resource.logical_id] = known
        return _DeployedTemplate(
            clusters, kept_by(REMOVAL, section(template.root, "Resources")), configurations_in(template)
        )


def _each_once(wanted: Iterator[RequestedCluster | Finding]) -> Iterator[RequestedCluster | Finding]:
    """Yields each cluster once: only the first of its values that are not known."""
    seen: set[str] = set()
    for each in wanted:
        name = _logical_id(each)
        if name not in seen:
            seen.add(name)
            yield each


def _logical_id(wanted: RequestedCluster | Finding) -> str:
    return wanted.path.partition("/")[0] if isinstance(wanted, Finding) else wanted.resource.logical_id
