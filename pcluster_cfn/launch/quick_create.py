"""``pcluster-cfn quick-create``."""

import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pcluster_cfn.aws import configured_region
from pcluster_cfn.errors import CommandError, suggest
from pcluster_cfn.launch.link import MAX_LINK_CHARACTERS, QuickCreateLink, region_named
from pcluster_cfn.launch.parameters import Declaration, declarations
from pcluster_cfn.launch.template_source import (
    REGION_PLACEHOLDER,
    check,
    read_template,
    warn_of_local_paths,
)
from pcluster_cfn.options import (
    EXIT_CODES,
    PARAMETERS,
    STACK_NAME_RULE,
    aws_options_with_regions,
    is_stack_name,
)

#: The button that AWS hosts and that its own samples show.
BADGE_URL = "https://s3.amazonaws.com/cloudformation-examples/cloudformation-launch-stack.png"


#: An address without characters that end Markdown's parentheses or HTML's quotes. Source: RFC 3986, 2.
_BADGE = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/(?:[A-Za-z0-9._~:/?@!$&*+,;=-]|%[0-9A-Fa-f]{2})*")


def require_badge_url(url: str) -> None:
    """Refuses an address that is not https, or that could break out of the badge.

    Raises:
        CommandError: The address is not https, or has quotes, brackets, spaces or a fragment.
    """
    if not _BADGE.fullmatch(url):
        raise CommandError(
            f"the badge's URL {url} is not a valid https address",
            "give one such as https://HOST/PATH, with other characters as %XX",
        )


def markdown(link: QuickCreateLink, badge_url: str = BADGE_URL) -> str:
    """Returns a badge in Markdown that opens the link."""
    return f"[![{_title(link)}]({badge_url})]({link.url()})"


def html_anchor(link: QuickCreateLink, badge_url: str = BADGE_URL) -> str:
    """Returns a badge in HTML that opens the link."""
    picture = f'<img src="{html.escape(badge_url)}" alt="{_title(link)}">'
    return f'<a href="{html.escape(link.url())}">{picture}</a>'


def as_json(link: QuickCreateLink, badge_url: str = BADGE_URL) -> dict[str, Any]:
    """Returns a link and its badges as JSON values."""
    return {
        "region": link.region,
        "partition": region_named(link.region).partition.name,
        "url": link.url(),
        "templateURL": link.template_url,
        "markdown": markdown(link, badge_url),
        "html": html_anchor(link, badge_url),
    }


def _title(link: QuickCreateLink) -> str:
    return f"Launch stack in {link.region}"


@dataclass(frozen=True)
class LinkRequest:
    """The contents of the links to make.

    Attributes:
        template_url: Address of the template; ``{region}`` in it stands for each Region's name.
        regions: Regions; each gets a link.
        stack_name: Name of the stack; with None the console asks for it.
        parameters: Names and values as given; the same name twice is a mistake.
        endpoint_url: Address of an embedded cloud that may have the template.
    """

    template_url: str
    regions: Sequence[str]
    stack_name: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    endpoint_url: str | None = None


def links(request: LinkRequest, declared: Mapping[str, Declaration]) -> list[QuickCreateLink]:
    """Returns a link for each Region, with the parameters in the template's order.

    Raises:
        CommandError: The request has mistakes. The text has a line for each.
    """
    mistakes = [*_stack_name_mistakes(request), *_parameter_mistakes(request, declared)]
    given = dict(request.parameters)
    ordered = {name: given[name] for name in declared if name in given}
    outcomes = [_link_or_mistake(request, region, ordered) for region in dict.fromkeys(request.regions)]
    mistakes += dict.fromkeys(outcome for outcome in outcomes if isinstance(outcome, str))
    if mistakes:
        raise _refusal(mistakes)
    return [outcome for outcome in outcomes if isinstance(outcome, QuickCreateLink)]


def left_to_console(request: LinkRequest, declared: Mapping[str, Declaration]) -> list[Declaration]:
    """Returns the parameters that the console will ask for."""
    given = dict(request.parameters)
    return [item for name, item in declared.items() if item.default is None and name not in given]


def _link(request: LinkRequest, region_name: str, parameters: Mapping[str, str]) -> QuickCreateLink:
    region = region_named(region_name)
    template_url = request.template_url.replace(REGION_PLACEHOLDER, region_name)
    check(template_url, region, endpoint_url=request.endpoint_url)
    link = QuickCreateLink(region_name, template_url, request.stack_name, parameters)
    length = len(link.url())
    if length > MAX_LINK_CHARACTERS:
        raise CommandError(
            f"the link has {length:,} characters; only {MAX_LINK_CHARACTERS:,} work everywhere",
            "give fewer or shorter parameters; the console asks for the rest",
        )
    return link


def _refusal(mistakes: Sequence[str]) -> CommandError:
    if len(mistakes) == 1:
        return CommandError(mistakes[0])
    return CommandError(f"{len(mistakes)} mistakes:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


def _link_or_mistake(
    request: LinkRequest, region_name: str, parameters: Mapping[str, str]
) -> QuickCreateLink | str:
    try:
        return _link(request, region_name, parameters)
    except CommandError as error:
        return str(error)


def _stack_name_mistakes(request: LinkRequest) -> Iterator[str]:
    if request.stack_name is not None and not is_stack_name(request.stack_name):
        yield f"the stack name {request.stack_name!r} {STACK_NAME_RULE}"


def _parameter_mistakes(request: LinkRequest, declared: Mapping[str, Declaration]) -> Iterator[str]:
    names = [name for name, _ in request.parameters]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"parameter {name} is given {names.count(name)} times; give it once"
        if name not in declared:
            hint = suggest(name, declared, f"it has: {', '.join(declared) or 'none'}")
            yield f"the template has no parameter {name}; {hint}"
        elif declared[name].no_echo:
            yield f"parameter {name} is NoEcho, which a link cannot contain; the console asks for it"
    for name, value in request.parameters:
        declaration = declared.get(name)
        fault = declaration.fault(value) if declaration and not declaration.no_echo else None
        if fault:
            yield f"{name}={value!r}: {fault}"


@click.command("quick-create", epilog=EXIT_CODES, short_help="Make links that launch a template.")
@click.option(
    "--template-url",
    required=True,
    help="Address of the template: https in S3, or ssm-doc://ARN. {region} in it stands for the name of each "
    "Region.",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="Local copy of the template to check against, or - for standard input. Default: the template is "
    "downloaded.",
)
@click.option("--stack-name", help="Name of the stack. Default: the console asks for it.")
@PARAMETERS
@aws_options_with_regions
@click.option("--badge-url", default=BADGE_URL, help="Address of the picture of the badges.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")
def quick_create(
    *,
    template_url: str,
    template: Path | None,
    stack_name: str | None,
    parameters: Iterable[tuple[str, str]],
    regions: Sequence[str],
    profile: str | None,
    badge_url: str,
    wants_json: bool,
) -> None:
    """Make links that launch a template.

    A link opens CloudFormation's console with everything filled in. Its values are checked against the
    template first, and all mistakes are reported at once. A parameter that you do not give has the template's
    default, or the console asks for it.
    """
    require_badge_url(badge_url)
    request = LinkRequest(
        template_url,
        regions or [configured_region(profile)],
        stack_name,
        list(parameters),
        os.environ.get("AWS_ENDPOINT_URL"),
    )
    source = read_template(
        template_url, request.regions[0], template, profile=profile, endpoint_url=request.endpoint_url
    )
    declared = declarations(source)
    made = links(request, declared)
    missing = left_to_console(request, declared)
    warn_of_local_paths(source, template)
    if wants_json:
        described = {
            "links": [as_json(link, badge_url) for link in made],
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
    click.echo(f"Markdown\n{markdown(link, badge_url)}\n")
    click.echo(f"HTML\n{html_anchor(link, badge_url)}\n")


def _print_remarks(
    link: QuickCreateLink, declared: Mapping[str, Declaration], missing: Sequence[Declaration]
) -> None:
    """Prints on standard error which values the links leave open or unchecked."""
    if missing:
        click.echo(f"The console will ask for: {', '.join(item.name for item in missing)}", err=True)
    for name, value in link.parameters.items():
        pattern = declared[name].left_unchecked(value)
        if pattern is not None:
            click.echo(f"Only CloudFormation can check {name} against its pattern {pattern}", err=True)
