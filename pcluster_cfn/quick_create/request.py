"""What links are asked for, held against the template: every mistake at once, then the links."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pcluster_cfn.errors import CommandError
from pcluster_cfn.quick_create.link import MAX_LINK_CHARACTERS, QuickCreateLink
from pcluster_cfn.quick_create.parameters import Declaration
from pcluster_cfn.quick_create.regions import region_named
from pcluster_cfn.quick_create.template_url import REGION_PLACEHOLDER, check
from pcluster_cfn.stack_names import STACK_NAME_RULE, is_stack_name


@dataclass(frozen=True)
class LinkRequest:
    """What links shall say.

    Attributes:
        template_url: Where the template is; ``{region}`` in it stands for each Region's name.
        regions: A link is made for each.
        stack_name: None lets the console ask for it.
        parameters: Names and values, as given; a name twice is a mistake.
        endpoint_url: Of an embedded cloud that the template may be at.
    """

    template_url: str
    regions: Sequence[str]
    stack_name: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    endpoint_url: str | None = None


def links(request: LinkRequest, declared: Mapping[str, Declaration]) -> list[QuickCreateLink]:
    """Returns a link for every Region, with the parameters in the template's order.

    Raises:
        CommandError: Something asked for cannot be; its text has a line for every mistake.
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
    """Returns the parameters that whoever opens the link has to fill in."""
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
            f"the link has {length:,} characters; {MAX_LINK_CHARACTERS:,} are what survives everywhere",
            "give fewer or shorter parameters and let the console ask for the rest",
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
            near = difflib.get_close_matches(name, declared, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(declared) or 'none'}"
            yield f"the template has no parameter {name}; {hint}"
        elif declared[name].no_echo:
            yield f"parameter {name} is NoEcho, which links cannot carry; it is typed in the console"
    for name, value in request.parameters:
        declaration = declared.get(name)
        fault = declaration.fault(value) if declaration and not declaration.no_echo else None
        if fault:
            yield f"{name}={value!r}: {fault}"
