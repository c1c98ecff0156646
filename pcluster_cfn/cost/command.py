"""``pcluster-cfn cost``."""

import json
from collections.abc import Iterable
from pathlib import Path

import click

from cfn_template.reading import read
from pcluster_cfn.aws import configured_region, session
from pcluster_cfn.cost.estimate import Estimate, meters_in, meters_of
from pcluster_cfn.cost.quotes import offline_quotes, read_quotes
from pcluster_cfn.cost.report import (
    document,
    not_priced,
    origin,
    parts,
    quotes_document,
    summary,
)
from pcluster_cfn.cost.template_cost import TemplateCost, configurations_in, cost_of, other_parts_in
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES, JSON, PARAMETERS, aws_options, example
from pcluster_cfn.template import Template, read_text
from pcluster_cfn.validation.partial_template import Answers, evaluate_partially


@click.command(
    epilog=example("pcluster-cfn cost hpc.yaml -p MaxCount=8", EXIT_CODES),
    short_help="Show what the clusters of a template cost.",
)
@click.argument("template", type=click.Path(path_type=Path))
@PARAMETERS
@aws_options
@click.option("--offline", is_flag=True, help="Use the table of prices that ships, and ask AWS nothing.")
@JSON
def cost(
    *,
    template: Path,
    parameters: Iterable[tuple[str, str]],
    profile: str | None,
    region: str | None,
    offline: bool,
    wants_json: bool,
) -> None:
    """Show what the clusters of TEMPLATE cost at rest and at most.

    At rest there are the head node, the login nodes, MinCount nodes of each compute resource, and storage. At
    most, every compute resource has MaxCount nodes. Prices come from AWS's Price List with your credentials,
    or from a dated table. What has no price is named. Nested templates are left to plan.
    """
    text = read_text(template)
    Template.parse(text, str(template))
    where = region or configured_region(profile)
    answers = Answers(known={"AWS::Region": where})
    evaluated = evaluate_partially(read(text), dict(parameters), answers)
    configurations = configurations_in(evaluated)
    if not configurations:
        raise CommandError(f"{template} has no cluster", "name a template with a Custom::PclusterCluster")
    if offline:
        quotes = offline_quotes(where)
    else:
        needed = {meter for each in configurations.values() for meter in meters_of(each)}
        needed |= meters_in(other_parts_in(evaluated))
        quotes = read_quotes(session(where, profile), where, needed)
    found = cost_of(evaluated, quotes)
    if wants_json:
        click.echo(json.dumps(_document(found), indent=2))
        return
    for logical_id, each in found.clusters.items():
        click.echo(f"{logical_id}: {summary(each)}")
        _print_parts(each)
    if found.others != Estimate():
        click.echo(f"Other resources: {summary(found.others)}")
        _print_parts(found.others)
    click.echo(f"Template: {summary(found.total)}")
    click.echo(origin(found.total, quotes))


def _print_parts(each: Estimate) -> None:
    click.echo(f"  {'at rest':>12} {'at most':>12}  USD/h")
    for line in parts(each):
        click.echo(f"  {line}")
    for line in not_priced(each):
        click.echo(f"  {'not priced':>25}  {line}")


def _document(found: TemplateCost) -> dict[str, object]:
    return {
        "clusters": [{"resource": key, **document(each)} for key, each in found.clusters.items()],
        "otherResources": document(found.others),
        "total": document(found.total),
        "prices": quotes_document(found.quotes),
    }
