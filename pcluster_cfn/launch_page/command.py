"""``pcluster-cfn launch-page``."""

from collections.abc import Sequence
from pathlib import Path

import click

from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch_page.page import LaunchPage, readable_regions
from pcluster_cfn.options import EXIT_CODES
from pcluster_cfn.quick_create.source import remark_on_local_paths
from pcluster_cfn.stack_names import STACK_NAME_RULE, is_stack_name
from pcluster_cfn.template import Template


@click.command("launch-page", epilog=EXIT_CODES, short_help="Write a web page that launches a template.")
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "--template-url",
    required=True,
    help="Where CloudFormation finds the template: an https address in S3, or ssm-doc://ARN. {region} in it "
    "stands for the name of the Region that is chosen.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file to write."
)
@click.option("--title", help="Heading of the page; made of the template's file name without one.")
@click.option("--stack-name", help="What the field for it begins with; the template's file name without one.")
@click.option("--region", "regions", multiple=True, help="Region to choose from, once or more; all without.")
def launch_page(
    *,
    template: Path,
    template_url: str,
    output: Path,
    title: str | None,
    stack_name: str | None,
    regions: Sequence[str],
) -> None:
    """Write a web page that launches TEMPLATE.

    People fill in its parameters there, and the page makes the links of quick-create. It is one file without
    anything from elsewhere: send it, host it or open it from a disk.
    """
    if stack_name and not is_stack_name(stack_name):
        raise CommandError(
            f"the stack name {stack_name!r} {STACK_NAME_RULE}", "give another with --stack-name"
        )
    page = LaunchPage(
        Template.read(template),
        template_url,
        title or template.stem.replace("-", " ").replace("_", " ").capitalize(),
        readable_regions(template_url, regions),
        _stack_name(template.stem) if stack_name is None else stack_name,
    )
    try:
        output.write_text(page.html(), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error}", "name another file with --output") from error
    remark_on_local_paths(page.template, template)
    click.echo(f"{output}: open it in a browser, or put it on any web server")


def _stack_name(stem: str) -> str:
    """Returns a file's name where a stack may have it, too."""
    return stem if is_stack_name(stem) else ""
