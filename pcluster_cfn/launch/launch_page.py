"""``pcluster-cfn launch-page``: a web page with a template's parameters that makes quick-create links."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from cfn_template.nodes import child, scalar
from cfn_template.reading import read
from pcluster_cfn.cost.quotes import offline_quotes
from pcluster_cfn.cost.report import not_priced_names, origin, summary
from pcluster_cfn.cost.template_cost import cost_of
from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import MAX_LINK_CHARACTERS, QuickCreateLink, Region, region_named, regions
from pcluster_cfn.launch.page_fields import field_id, fieldset
from pcluster_cfn.launch.parameters import NOT_TEXT, Declaration, Rule, declarations, groups
from pcluster_cfn.launch.template_source import REGION_PLACEHOLDER, check, warn_of_local_paths
from pcluster_cfn.options import EXIT_CODES, STACK_NAME, STACK_NAME_RULE, is_stack_name
from pcluster_cfn.template import Template, reason
from pcluster_cfn.validation.partial_template import Answers, evaluate_partially

_FOLDER = Path(__file__).parent
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class LaunchPage:
    """The contents of a page.

    Attributes:
        template: The template, for its description, parameters and interface.
        template_url: Address of the template; ``{region}`` in it stands for the chosen Region.
        title: Heading of the page.
        regions: Regions to choose from; the first one is preselected.
        stack_name: Initial value of the field for the stack's name; may be empty.
    """

    template: Template
    template_url: str
    title: str
    regions: Sequence[Region]
    stack_name: str = ""

    def html(self) -> str:
        """Returns the page, which loads no other file."""
        declared = declarations(self.template)
        style, script = _file("page.css"), _file("page.js")
        first = self.regions[0].name
        template_url = self.template_url.replace(REGION_PLACEHOLDER, first)
        return _fill(
            _file("page.html"),
            policy=_policy(style, script),
            title=escape(self.title),
            description=escape(scalar(child(self.template.root, "Description")) or ""),
            fields="\n".join(fieldset(group, declared) for group in groups(self.template)),
            regions=_options(self.regions),
            stack_name=escape(self.stack_name),
            capabilities=_capabilities(self.template),
            cost=_cost(self.template, first),
            plain_link=escape(QuickCreateLink(first, template_url).url()),
            template_url=escape(template_url),
            style=style,
            script=script,
            data=_json(self._data(declared)),
        )

    def _data(self, declared: dict[str, Declaration]) -> dict[str, Any]:
        """Returns the input of the page's script."""
        stack_name = Rule("form", STACK_NAME, STACK_NAME_RULE)
        return {
            "templateURL": self.template_url,
            "consoles": {region.name: region.console_url for region in self.regions},
            "limit": MAX_LINK_CHARACTERS,
            "notText": NOT_TEXT,
            "fields": [
                _field("stack-name", "Stack name", [stack_name]),
                *(
                    {
                        **_field(field_id(item, declared), item.label, item.rules),
                        "name": item.name,
                        "list": item.is_list,
                        "asked": item.default is None,
                    }
                    for item in declared.values()
                    if not item.no_echo
                ),
            ],
            "secrets": [item.label for item in declared.values() if item.no_echo and item.default is None],
        }


def readable_regions(template_url: str, names: Sequence[str]) -> list[Region]:
    """Returns the given Regions, or all in which CloudFormation can read a template.

    Raises:
        CommandError: CloudFormation cannot read the template in a given Region, or in any.
    """
    if names:
        chosen = [region_named(name) for name in dict.fromkeys(names)]
        for region in chosen:
            check(template_url.replace(REGION_PLACEHOLDER, region.name), region)
        return chosen
    readable = [region for region in regions().values() if _can_read(template_url, region)]
    if not readable:
        check(template_url.replace(REGION_PLACEHOLDER, "us-east-1"), region_named("us-east-1"))
    return sorted(readable, key=lambda region: region.name != "us-east-1")


def _can_read(template_url: str, region: Region) -> bool:
    try:
        check(template_url.replace(REGION_PLACEHOLDER, region.name), region)
    except CommandError:
        return False
    return True


def _field(identifier: str, label: str, rules: Sequence[Rule]) -> dict[str, Any]:
    return {
        "id": identifier,
        "label": label,
        "rules": [[rule.test, rule.argument, rule.message] for rule in rules],
    }


def _options(chosen: Sequence[Region]) -> str:
    """Returns the Regions as options, grouped by partition, with the first Region selected."""
    ordered = sorted(chosen, key=lambda region: region.partition.title)
    written = []
    for title, members in groupby(ordered, key=lambda region: region.partition.title):
        options = "\n".join(
            f'<option value="{region.name}"{" selected" if region is chosen[0] else ""}>'
            f"{escape(region.title)} · {region.name}</option>"
            for region in members
        )
        written.append(f'<optgroup label="{escape(title)}">\n{options}\n</optgroup>')
    return "\n".join(written)


def _capabilities(template: Template) -> str:
    """Returns a note if the console will ask for an acknowledgement. Source: API reference, CreateStack."""
    types = {resource.type for resource in template.resources()}
    nested = child(template.root, "Transform") is not None or "AWS::CloudFormation::Stack" in types
    if nested or any(kind.startswith("AWS::IAM::") for kind in types):
        return " The console will ask you to acknowledge that the stack may make IAM resources."
    return ""


def _policy(style: str, script: str) -> str:
    """Returns a policy that allows the page's own style and script, and no loading or sending."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _cost(template: Template, region: str) -> str:
    """Returns what the template's clusters cost with its defaults, by the table; nothing without clusters."""
    evaluated = evaluate_partially(read(template.text()), {}, Answers(known={"AWS::Region": region}))
    quotes = offline_quotes(region, "")
    cost = cost_of(evaluated, quotes)
    if not cost.clusters or not cost.total.lines:
        return ""
    said = (
        f"With the default values in {region}: {summary(cost.total)}. {origin(cost.total, quotes)}. "
        f"{not_priced_names(cost.total)}."
    )
    return f'<p id="cost">{escape(said)}</p>\n'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: Any) -> str:
    """Returns JSON that cannot end the script element around it."""
    return json.dumps(value).replace("<", "\\u003c")


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _fill(text: str, **values: str) -> str:
    """Returns a text with its placeholders replaced, but not those in the replacements."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


@click.command("launch-page", epilog=EXIT_CODES, short_help="Write a web page that launches a template.")
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "--template-url",
    required=True,
    help="Address of the template: https in S3, or ssm-doc://ARN. {region} in it stands for the name of the "
    "chosen Region.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file to write."
)
@click.option("--title", help="Heading of the page. Default: made from the template's file name.")
@click.option("--stack-name", help="Initial name of the stack. Default: the template's file name.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    help="Region to choose from; repeat it for more. Default: all Regions.",
)
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

    The page asks for the template's parameters and makes the same links as quick-create. It is one file that
    loads nothing: send it, host it or open it from a disk.
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
        raise CommandError(
            f"cannot write {output}: {reason(error)}", "name another file with --output"
        ) from error
    warn_of_local_paths(page.template, template)
    click.echo(f"{output}: open it in a browser, or put it on any web server")


def _stack_name(stem: str) -> str:
    """Returns a file's name if it is a valid stack name, and nothing otherwise."""
    return stem if is_stack_name(stem) else ""
