"""Assembles the page from its three files, a template's declarations and the Regions."""

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
from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import MAX_LINK_CHARACTERS, QuickCreateLink, Region, region_named, regions
from pcluster_cfn.launch.page_fields import field_id, fieldset
from pcluster_cfn.launch.parameters import NOT_TEXT, Declaration, Rule, declarations, groups
from pcluster_cfn.launch.template_source import REGION_PLACEHOLDER, check, warn_of_local_paths
from pcluster_cfn.options import EXIT_CODES, STACK_NAME, STACK_NAME_RULE, is_stack_name
from pcluster_cfn.template import Template

_FOLDER = Path(__file__).parent
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class LaunchPage:
    """What a page is about.

    Attributes:
        template: Read for its description, parameters and interface.
        template_url: Where CloudFormation finds it; ``{region}`` stands for the Region that is chosen.
        title: Heading of the page.
        regions: Those to choose from, the first one chosen already.
        stack_name: What the field begins with; may be empty.
    """

    template: Template
    template_url: str
    title: str
    regions: Sequence[Region]
    stack_name: str = ""

    def html(self) -> str:
        """Returns the page: one file that needs nothing else."""
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
            plain_link=escape(QuickCreateLink(first, template_url).url()),
            template_url=escape(template_url),
            style=style,
            script=script,
            data=_json(self._data(declared)),
        )

    def _data(self, declared: dict[str, Declaration]) -> dict[str, Any]:
        """Returns what the script works with."""
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
    """Returns the Regions in which CloudFormation reads a template: of those named, or of all.

    Raises:
        CommandError: One that is named cannot read it, or none at all.
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
    """Returns the Regions as options, those of a partition together, the first one of all chosen."""
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
    """Says what the console will want to have acknowledged. Source: API reference, CreateStack."""
    types = {resource.type for resource in template.resources()}
    nested = child(template.root, "Transform") is not None or "AWS::CloudFormation::Stack" in types
    if nested or any(kind.startswith("AWS::IAM::") for kind in types):
        return " The console will ask you to acknowledge that the stack may make IAM resources."
    return ""


def _policy(style: str, script: str) -> str:
    """Returns a policy that lets this page's own style and script run, and nothing be loaded or sent."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: Any) -> str:
    """Returns JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _fill(text: str, **values: str) -> str:
    """Replaces every placeholder once; what is put in is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


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
    warn_of_local_paths(page.template, template)
    click.echo(f"{output}: open it in a browser, or put it on any web server")


def _stack_name(stem: str) -> str:
    """Returns a file's name where a stack may have it, too."""
    return stem if is_stack_name(stem) else ""
