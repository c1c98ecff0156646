"""``pcluster-cfn quick-create``."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from pcluster_cfn.options import ASSIGNMENT, EXIT_CODES
from pcluster_cfn.quick_create import output
from pcluster_cfn.quick_create.link import QuickCreateLink
from pcluster_cfn.quick_create.parameters import Declaration, declarations
from pcluster_cfn.quick_create.request import LinkRequest, left_to_console, links
from pcluster_cfn.quick_create.source import read_template, remark_on_local_paths
from pcluster_cfn.session import configured_region


@click.command("quick-create", epilog=EXIT_CODES, short_help="Make links that launch a template.")
@click.option(
    "--template-url",
    required=True,
    help="Where CloudFormation finds the template: an https address in S3, or ssm-doc://ARN. {region} in it "
    "stands for the name of each Region.",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="A local copy to check against; without one the template is downloaded.",
)
@click.option("--stack-name", help="Name of the stack; the console asks for it without one.")
@click.option("-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Template parameter.")
@click.option("--region", "regions", multiple=True, help="Region, once or more; the configured one without.")
@click.option("--badge-url", default=output.BADGE_URL, help="Picture of the Markdown and HTML badges.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")
def quick_create(
    *,
    template_url: str,
    template: Path | None,
    stack_name: str | None,
    parameters: Iterable[tuple[str, str]],
    regions: Sequence[str],
    badge_url: str,
    wants_json: bool,
) -> None:
    """Make links that launch a template.

    A link opens CloudFormation's console with everything filled in. What it says is checked against what the
    template declares, and all mistakes are told at once. Parameters that are not given keep the template's
    defaults, or are asked for by the console.
    """
    output.require_badge_url(badge_url)
    request = LinkRequest(
        template_url,
        regions or [configured_region()],
        stack_name,
        list(parameters),
        os.environ.get("AWS_ENDPOINT_URL"),
    )
    source = read_template(template_url, request.regions[0], template, endpoint_url=request.endpoint_url)
    declared = declarations(source)
    made = links(request, declared)
    missing = left_to_console(request, declared)
    remark_on_local_paths(source, template)
    if wants_json:
        described = {
            "links": [output.as_json(link, badge_url) for link in made],
            "stackName": stack_name,
            "parameters": dict(made[0].parameters),
            "leftToConsole": [item.name for item in missing],
        }
        click.echo(json.dumps(described, indent=2))
        return
    for link in made:
        _print(link, badge_url)
    _print_remarks(made[0], declared, missing)


def _print(link: QuickCreateLink, badge_url: str) -> None:
    click.echo(f"{link.region}\n{link.url()}\n")
    click.echo(f"Markdown\n{output.markdown(link, badge_url)}\n")
    click.echo(f"HTML\n{output.html_anchor(link, badge_url)}\n")


def _print_remarks(
    link: QuickCreateLink, declared: Mapping[str, Declaration], missing: Sequence[Declaration]
) -> None:
    """Says on standard error what the links leave open."""
    if missing:
        click.echo(f"The console will ask for: {', '.join(item.name for item in missing)}", err=True)
    for name, value in link.parameters.items():
        pattern = declared[name].left_unchecked(value)
        if pattern is not None:
            click.echo(f"Only CloudFormation can check {name} against its pattern {pattern}", err=True)
