"""``pcluster-cfn plan``."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from pcluster_cfn.aws import Aws, session
from pcluster_cfn.cost.quotes import read_quotes
from pcluster_cfn.cost.template_cost import other_parts_in
from pcluster_cfn.deploy.ctrl_c import InterruptedOperationError, ended_as_by_ctrl_c
from pcluster_cfn.deploy.parameters import refuse_unknown_parameters
from pcluster_cfn.forecast.clusters import Cluster, clusters_of
from pcluster_cfn.forecast.forecast import forecast, ignore_option
from pcluster_cfn.options import (
    FAILURE,
    INTERRUPTED,
    PARAMETERS,
    ChangesCommand,
    aws_options,
    example,
    named_after,
)
from pcluster_cfn.plan.costs import PlanCosts, costs_of, needed_prices
from pcluster_cfn.plan.other_resources import NOT_ASKED, OtherResources, preview
from pcluster_cfn.plan.planner import PlannedTemplate, Planner
from pcluster_cfn.plan.report import Plan, print_plan
from pcluster_cfn.planning.clusters import CHANGING, MAKING, PlannedCluster
from pcluster_cfn.template import Template, read_text
from pcluster_cfn.terminal import Console
from pcluster_cfn.validation.deployed_stack import read_deployed_stack
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.policy import Policy, policy_option
from pcluster_cfn.validation.report import Outcome, finding_line

_EXIT_CODES = (
    "Exit codes: 0 nothing changes, 2 something changes, 1 something is refused or not known, or the usage "
    "is wrong, 130 interrupted."
)


@click.command(
    cls=ChangesCommand,
    epilog=example("pcluster-cfn plan hpc.yaml -p MaxCount=8", _EXIT_CODES),
    short_help="Show what a deployment would do to clusters.",
)
@click.argument("template", type=click.Path(path_type=Path))
@PARAMETERS
@click.option("--stack-name", help="Name of the stack. Default: the template's file name.")
@aws_options
@click.option(
    "--bucket",
    envvar="ARTIFACT_BUCKET",
    show_envvar=True,
    help="Bucket for the files that the template names by local path.",
)
@policy_option
@click.option("--no-change-set", is_flag=True, help="Leave out the other resources, and make no change set.")
@ignore_option
@click.option("--strict", is_flag=True, help="Exit with 1 if the forecast has a warning.")
@click.option("--json", "wants_json", is_flag=True, help="Print the plan as JSON, for scripts.")
def plan(
    *,
    template: Path,
    parameters: Iterable[tuple[str, str]],
    stack_name: str | None,
    profile: str | None,
    region: str | None,
    bucket: str | None,
    policies: Iterable[Path],
    no_change_set: bool,
    ignored: Iterable[str],
    strict: bool,
    wants_json: bool,
) -> None:
    """Show what a deployment of TEMPLATE would do to each cluster. Nothing is changed.

    Compares the template with the deployed stack and asks ParallelCluster's own dry run, with your
    credentials. Shows each cluster that would be created, updated, updated with a stopped fleet, replaced,
    adopted, deleted or refused, with every changed parameter, and the storage that would be lost. Clusters in
    local nested templates are included.

    What CloudFormation would do to the other resources comes from a change set, which is removed again. Each
    cluster's cost is shown before and after, with prices of AWS's Price List or of a dated table.

    Last, a forecast warns of what may run out when the clusters are made and grow to full scale: quotas,
    addresses of subnets, instance types in the zones, capacity reservations. A warning changes the exit code
    only with --strict.
    """
    text, given = read_text(template), dict(parameters)
    refuse_unknown_parameters(Template.parse(text, str(template)), given)
    name = stack_name or named_after(template)
    aws = session(region, profile)
    own = [Policy.read(path) for path in policies]
    _refuse_mistakes(text, template, Inputs(dict(given), policies=own))
    stack = read_deployed_stack(aws, name)
    if own:  # the values that the stack has may break a policy, too
        _refuse_mistakes(text, template, Inputs({**stack.parameters, **given}, policies=own))
    console = Console(stderr=wants_json)
    with console.status("Comparing with the deployed stack …") as status:
        planner = Planner(aws, lambda cluster: status.update(f"Asking ParallelCluster about {cluster} …"))
        clusters = list(planner.plan(PlannedTemplate(text, str(template), given, stack)))
        status.update("Looking up prices …")
        costs = _costs(aws, stack.known["AWS::Region"], planner, clusters)
        others = NOT_ASKED
        if not no_change_set:
            status.update("Asking CloudFormation about the other resources …")
            others = _others(aws, template, name, given, bucket)
        status.update("Comparing with the account's quotas and capacity …")
        foreseen = forecast(aws, _changing(planner, clusters), set(ignored))
    others = others.without({each.place for each in clusters})
    planned = Plan(
        name, clusters, others, costs, foreseen, is_strict=strict, providers=planner.providers.read()
    )
    if wants_json:
        click.echo(json.dumps(planned.document(), indent=2))
    else:
        print_plan(Console(), planned)
    sys.exit(planned.exit_code)


def _changing(planner: Planner, clusters: Iterable[PlannedCluster]) -> Iterator[Cluster]:
    """Yields the clusters that a planned deployment makes or changes."""
    actions = {each.place: each.action for each in clusters}
    changing = {place for place, action in actions.items() if action in CHANGING}
    return clusters_of(planner.templates, changing, {each for each in changing if actions[each] in MAKING})


def _refuse_mistakes(text: str, template: Path, inputs: Inputs) -> None:
    """Prints the mistakes of a template, and exits if there are any."""
    found = Outcome(check_file(text, str(template), inputs).all()).findings
    for source, finding in found:
        click.echo(finding_line(source, finding), err=True)
    if found:
        sys.exit(FAILURE)


def _costs(aws: Aws, region: str, planner: Planner, clusters: list[PlannedCluster]) -> PlanCosts:
    others = [part for each in planner.templates for part in other_parts_in(each.template)]
    return costs_of(clusters, others, read_quotes(aws, region, needed_prices(clusters, others)))


def _others(aws: Aws, template: Path, name: str, given: dict[str, str], bucket: str | None) -> OtherResources:
    """Returns the changes of all resources; on Ctrl-C, exits and says what may be left behind."""
    try:
        with ended_as_by_ctrl_c():
            return preview(aws, template, name, given, bucket)
    except InterruptedOperationError as error:
        click.echo(f"\n{error.advice}", err=True)
        sys.exit(INTERRUPTED)
