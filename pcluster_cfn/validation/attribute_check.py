"""Finds attributes that a template reads from clusters and that never exist."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import Place
from cfn_template.loops import PREFIX
from cfn_template.references import Reference, references
from cfn_template.texts import EvaluationError
from cfn_template.values import Unknown, place_of
from pcluster_cfn.validation.branches import find_branches
from pcluster_cfn.validation.partial_template import PartialTemplate, section
from pcluster_cfn.validation.report import Finding
from pcluster_cfn.validation.resource_check import schemas

#: A login node pool's number in the name of an attribute.
_POOL = re.compile(r"loginNodes\.(0|[1-9][0-9]{0,8})\.")
_LOGIN_NODES = "loginNodes."


@dataclass(frozen=True)
class Readable:
    """A resource with known attributes.

    Args:
        kind: Its type, one of ``schemas()``.
        login_pools: Number of login node pools in its configuration; None if unknown.
    """

    kind: str
    login_pools: int | None


def missing_attributes(template: PartialTemplate, readable: Mapping[str, Readable]) -> Iterator[Finding]:
    """Yields a finding for each attribute that the template reads and that the resource never has.

    Args:
        template: The template. Its resources and outputs are searched, except branches that are not taken.
        readable: The resources with known attributes by logical id.
    """
    for name in ("Resources", "Outputs"):
        for key, entry in section(template.root, name).items():
            if not isinstance(entry, dict) or key.startswith(PREFIX) or not template.exists(entry):
                continue
            if not set(_missing(template, (name, key), entry, readable)):
                continue
            branches = find_branches(template, entry)
            found = {
                assumption: set(_missing(assumed, (name, key), entry, readable))
                for assumption, assumed in branches.templates.items()
            }
            yield from branches.conditions_of(found, Finding.only_if)


def _missing(
    template: PartialTemplate, entry_at: tuple[str, str], entry: Any, readable: Mapping[str, Readable]
) -> Iterator[Finding]:
    name, key = entry_at
    path = key if name == "Resources" else f"Outputs/{key}"
    read = list(_references(template, entry))
    for reference in read:
        message = _problem(template, reference, readable)
        if message:
            place = reference.place or place_of(template.root, entry_at) or Place(1, 1)
            yield Finding(place, path, message, "attribute")
    if "Export" in entry:
        yield from _empty_exports(path, entry.get("Value"), read, readable)


def _references(template: PartialTemplate, entry: Any) -> Iterator[Reference]:
    try:
        yield from references(template.evaluator.choose(entry))
    except EvaluationError:
        return  # CloudFormation refuses a template with this function


def _problem(template: PartialTemplate, reference: Reference, readable: Mapping[str, Readable]) -> str | None:
    resource = readable.get(reference.name)
    if resource is None or reference.attribute is None:
        return None
    attribute = template.evaluate(reference.attribute)
    if not isinstance(attribute, str) or isinstance(attribute, Unknown) or _is_partial(attribute):
        return None
    known: list[str] = schemas()[resource.kind]["x-attributes"]
    pool = _POOL.match(attribute)
    if (f"{_LOGIN_NODES}N.{attribute[pool.end() :]}" if pool else attribute) not in known:
        return f"{reference.name} has no attribute {attribute}{_advice(attribute, known)}"
    pools = resource.login_pools
    # Pool 0 always has attributes, which are empty without login nodes. Source: docs/reference/cluster.md.
    if pool is None or pools is None or int(pool[1]) < max(pools, 1):
        return None
    return (
        f"{reference.name} has no attribute {attribute}: its configuration has {pools} login node pool(s), "
        "numbered from 0"
    )


def _is_partial(text: str) -> bool:
    return bool(getattr(text, "reason", ""))


def _advice(attribute: str, known: list[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(attribute.lower(), by_lower, n=1)
    if near:
        return f"; did you mean {by_lower[near[0]]}?"
    return f": there are {', '.join(known)}"


def _empty_exports(
    path: str, value: Any, read: list[Reference], readable: Mapping[str, Readable]
) -> Iterator[Finding]:
    """Yields exports of a login node attribute that is empty, because an export may not be empty.

    Source: smoketurner/serverless-vpc-plugin issue 704, which quotes CloudFormation's message.
    """
    if not isinstance(value, dict) or len(read) == 0 or set(value) != {"Fn::GetAtt"}:
        return
    reference = read[0]
    resource = readable.get(reference.name)
    is_login = isinstance(reference.attribute, str) and reference.attribute.startswith(_LOGIN_NODES)
    if resource is not None and resource.login_pools == 0 and is_login and reference.place is not None:
        message = f"{reference.attribute} is empty without login nodes, and an export may not be empty"
        yield Finding(reference.place, path, message, "attribute")
