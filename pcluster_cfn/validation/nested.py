"""The local templates that a template nests, with the parameters that it gives them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfn_template.limits import Place
from cfn_template.loops import PREFIX
from cfn_template.references import references
from cfn_template.texts import EvaluationError, as_text
from cfn_template.values import HOLE, PartialText, Unknown, place_of
from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_text
from pcluster_cfn.nesting import nested
from pcluster_cfn.validation.findings import Finding, NotLookedAt
from pcluster_cfn.validation.foresight import Foresight, Given, section

#: Which property of a resource names the template that it nests.
#: Source: ``aws cloudformation package``, AWS CLI command reference.
_LOCATIONS = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
_ELSEWHERE = ("s3://", "http://", "https://")
#: The official provider's template, which has no clusters. Source: ParallelCluster user guide,
#: "cfn-provider-stack".
_OFFICIAL_PROVIDER = re.compile(r"/templates/custom_resource/cluster\.yaml$")
#: What a provider's stack is nested for. Source: docs/contract.md.
_PROVIDER_OUTPUT = "Outputs.ServiceToken"


@dataclass(frozen=True)
class Nested:
    """A local template.

    Args:
        text: What is in its file.
        source: The file.
        given: The parameters that it is given.
        chain: The files that it is nested in, itself last.
    """

    text: str
    source: str
    given: Mapping[str, Given]
    chain: tuple[Path, ...]


def nested_templates(
    template: Foresight, source: str, chain: tuple[Path, ...]
) -> Iterator[Nested | Finding | NotLookedAt]:
    """Yields the templates that a template nests, or why one is not looked at.

    Args:
        template: Its resources are searched.
        source: Its file; empty if it is no file.
        chain: Files of the templates that it is nested in, as ``nested`` returned them.
    """
    if source and not chain:
        chain = nested((), Path(source), source)
    providers: set[str] | None = None
    for logical_id, definition in section(template.root, "Resources").items():
        key = _LOCATIONS.get(str(definition.get("Type"))) if isinstance(definition, dict) else None
        if key is None or logical_id.startswith(PREFIX) or not template.exists(definition):
            continue
        evaluated = template.evaluate(definition.get("Properties", {}))
        properties = evaluated if isinstance(evaluated, dict) else {}
        location = properties.get(key)
        place = place_of(template.root, ("Resources", logical_id, "Properties", key)) or Place(1, 1)
        path = f"{logical_id}/{key}"
        known = location if isinstance(location, str) and not isinstance(location, PartialText) else None
        if known is not None and not known.startswith(_ELSEWHERE) and source:
            yield from _local(Path(source).parent / known, path, place, chain, properties.get("Parameters"))
            continue
        providers = _providers(template) if providers is None else providers
        if logical_id in providers or (isinstance(location, str) and _OFFICIAL_PROVIDER.search(location)):
            continue  # a provider, and no clusters
        what = f"its template is at {_shown(location)}" if location else "it names no template"
        advice = "validate that template, too"
        yield NotLookedAt(place, path, f"{what}; {advice}")


def _shown(location: Any) -> str:
    """Returns an address as far as it is known."""
    if isinstance(location, Unknown):
        return f"an address that is not known ({location.reason})"
    return re.sub(f"{HOLE}+", "…", location) if isinstance(location, str) else "an address that is no text"


def _local(
    file: Path, path: str, place: Place, chain: tuple[Path, ...], parameters: Any
) -> Iterator[Nested | Finding]:
    try:
        inner = nested(chain, file, path)
        text = read_text(file)
    except (CommandError, OSError, ValueError) as error:
        problem = str(error) if isinstance(error, CommandError) else f"{file} is no path here"
        yield Finding(place, path, problem, "template")
        return
    yield Nested(text, str(file), _given(parameters), inner)


def _given(parameters: Any) -> dict[str, Given]:
    if not isinstance(parameters, dict):
        return {}
    return {name: _text(value) for name, value in parameters.items()}


def _text(value: Any) -> Given:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, PartialText):
        return Unknown(value.reason)
    try:
        return as_text(value)
    except EvaluationError as error:
        return Unknown(str(error))


def _providers(template: Foresight) -> set[str]:
    """Returns the nested stacks that are read for their service token."""
    found: set[str] = set()
    for name in ("Resources", "Outputs"):
        for entry in section(template.root, name).values():
            try:
                read = list(references(entry))
            except EvaluationError:
                continue
            found |= {each.name for each in read if each.attribute == _PROVIDER_OUTPUT}
    return found
