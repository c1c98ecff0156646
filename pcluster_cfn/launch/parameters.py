"""A template's parameters as declared, and the rules for their values.

Each declaration becomes a list of rules, and each rule is one test with a message. The command and the launch
page apply the same list, so both report the same mistakes.

Source: CloudFormation user guide, "Parameters section" (properties and types), "CloudFormation-supplied
parameter types"; API reference of EC2 and Systems Manager for how ids and names look.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from yaml.nodes import Node, SequenceNode

from cfn_template.limits import DIGITS_MAX, shown
from cfn_template.nodes import child, entries, scalar, value
from cfn_template.patterns import matches
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template

#: Source: CloudFormation quotas, "Parameters".
MAX_PARAMETERS = 200
#: Source: CloudFormation quotas, "Parameter values".
MAX_VALUE_BYTES = 4_096
#: A decimal number that Python and JavaScript read in the same way.
NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
NOT_TEXT = "must be text, in UTF-8"
_LIST = re.compile(r"List<(.+)>")
_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<.+>")

Test: TypeAlias = Literal["one_of", "form", "pattern", "min", "max", "min_length", "max_length", "max_bytes"]


@dataclass(frozen=True)
class Rule:
    """One test, and the message for a text that fails it.

    The test ``form`` is a regular expression of ours, ``pattern`` one of the template's, in Java's syntax.
    """

    test: Test
    argument: str | float | tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Form:
    """The form of a type's values, and what the console lets users choose them from."""

    pattern: str
    looks: str
    choice: str = ""


def _id(prefix: str, noun: str) -> Form:
    """Returns the form of an EC2 id, which has eight or seventeen hexadecimal digits."""
    looks = f"must be the id of a {noun}, as in {prefix}-0123456789abcdef0"
    return Form(rf"{prefix}-(?:[0-9a-f]{{17}}|[0-9a-f]{{8}})", looks.replace(" a i", " an i"), noun)


_FORMS = {
    "Number": Form(NUMBER, "must be a number"),
    "AWS::EC2::AvailabilityZone::Name": Form(
        "[a-z]{2}[a-z0-9-]+[a-z]", "must be an Availability Zone, as in us-east-1a", "Availability Zone"
    ),
    "AWS::EC2::Image::Id": _id("ami", "image"),
    "AWS::EC2::Instance::Id": _id("i", "instance"),
    "AWS::EC2::KeyPair::KeyName": Form(
        r"[\x20-\x7e]{1,255}", "must be the name of a key pair, 1 to 255 ASCII characters", "key pair"
    ),
    "AWS::EC2::SecurityGroup::GroupName": Form(
        r"[\x20-\x7e]{1,255}", "must be the name of a security group", "security group"
    ),
    "AWS::EC2::SecurityGroup::Id": _id("sg", "security group"),
    "AWS::EC2::Subnet::Id": _id("subnet", "subnet"),
    "AWS::EC2::VPC::Id": _id("vpc", "VPC"),
    "AWS::EC2::Volume::Id": _id("vol", "volume"),
    "AWS::Route53::HostedZone::Id": Form(
        "[A-Z0-9]{1,32}", "must be the id of a hosted zone, as in Z0123456789ABC", "hosted zone"
    ),
    "AWS::SSM::Parameter::Name": Form(
        r"[A-Za-z0-9_.:/-]{1,2048}", "must be the name of an SSM parameter, as in /network/subnet"
    ),
}


@dataclass(frozen=True)
class Declaration:
    """One parameter; ``default`` and ``pattern`` are None if the template has none."""

    name: str
    type: str
    label: str
    description: str
    default: str | None
    no_echo: bool
    is_list: bool
    choice: str
    allowed: tuple[str, ...]
    rules: tuple[Rule, ...]
    pattern: str | None

    def fault(self, text: str) -> str | None:
        """Returns the message of the first rule that a value breaks; None if it breaks none.

        A pattern that cannot be tried here counts as kept: ``left_unchecked`` names it.
        """
        if any("\ud800" <= character <= "\udfff" for character in text):
            return NOT_TEXT
        items = self._items(text)
        return next((rule.message for rule in self.rules if _passes(rule, text, items) is False), None)

    def left_unchecked(self, text: str) -> str | None:
        """Returns the pattern that only CloudFormation can try on a value; None if there is none."""
        items = self._items(text)
        return self.pattern if any(_passes(rule, text, items) is None for rule in self.rules) else None

    def _items(self, text: str) -> list[str]:
        return [item.strip(" ") for item in text.split(",")] if self.is_list else [text]


@dataclass(frozen=True)
class Group:
    """A labelled group of parameters in a form."""

    label: str
    names: tuple[str, ...]


def declarations(template: Template) -> dict[str, Declaration]:
    """Returns a template's parameters by name, in the order of its text.

    Raises:
        CommandError: There are too many parameters, or a bound is not a number.
    """
    declared = list(entries(child(template.root, "Parameters")))
    if len(declared) > MAX_PARAMETERS:
        raise CommandError(
            f"the template declares {len(declared):,} parameters; CloudFormation allows {MAX_PARAMETERS}",
            "declare fewer",
        )
    labels = {name: scalar(child(node, "default")) for name, node in _interface(template, "ParameterLabels")}
    return {name: _declaration(name, node, labels.get(name) or name) for name, node in declared}


def groups(template: Template) -> list[Group]:
    """Returns the groups of the template's interface, and one for the other parameters."""
    declared = dict(entries(child(template.root, "Parameters")))
    found: list[Group] = []
    interface = child(child(template.root, "Metadata"), "AWS::CloudFormation::Interface")
    for node in _items(child(interface, "ParameterGroups")):
        names = [scalar(item) for item in _items(child(node, "Parameters"))]
        known = tuple(name for name in names if name is not None and declared.pop(name, None) is not None)
        found.append(Group(scalar(child(child(node, "Label"), "default")) or "Parameters", known))
    if declared:
        found.append(Group("Other parameters" if found else "Parameters", tuple(declared)))
    return [group for group in found if group.names]


def _interface(template: Template, key: str) -> Iterator[tuple[str, Node]]:
    return entries(child(child(child(template.root, "Metadata"), "AWS::CloudFormation::Interface"), key))


def _declaration(name: str, node: Node, label: str) -> Declaration:
    declared = scalar(child(node, "Type")) or "String"
    inner = _LIST.fullmatch(declared)
    kind = "AWS::SSM::Parameter::Name" if _SSM_VALUE.fullmatch(declared) else inner[1] if inner else declared
    form = _FORMS.get(kind)
    pattern = scalar(child(node, "AllowedPattern"))
    allowed = tuple(value(item) or "" for item in _items(child(node, "AllowedValues")))
    rules = [Rule("max_bytes", MAX_VALUE_BYTES, f"must be at most {MAX_VALUE_BYTES:,} bytes long")]
    if form:
        rules.append(Rule("form", form.pattern, form.looks))
    if allowed:
        rules.append(
            Rule("one_of", allowed, f"must be one of {', '.join(item or '(empty)' for item in allowed)}")
        )
    rules += _bounds(name, node, numeric=kind == "Number")
    if pattern is not None:
        constraint = scalar(child(node, "ConstraintDescription"))
        message = constraint or f"does not match the pattern {pattern}"
        rules.append(Rule("pattern", pattern, message))
    return Declaration(
        name=name,
        type=declared,
        label=label,
        description=" ".join((scalar(child(node, "Description")) or "").split()),
        default=value(child(node, "Default")),
        no_echo=(value(child(node, "NoEcho")) or "").lower() == "true",
        is_list=inner is not None or declared == "CommaDelimitedList",
        choice=form.choice if form else "",
        allowed=allowed,
        rules=tuple(rules),
        pattern=pattern,
    )


def _bounds(name: str, node: Node, *, numeric: bool) -> Iterator[Rule]:
    words: tuple[tuple[str, Test, str], ...] = (
        ("MinValue", "min", "must be at least {}"),
        ("MaxValue", "max", "must be at most {}"),
        ("MinLength", "min_length", "must have at least {} characters"),
        ("MaxLength", "max_length", "must have at most {} characters"),
    )
    for key, test, message in words:
        bound = scalar(child(node, key))
        if bound is None or numeric is not (test in {"min", "max"}):  # CloudFormation ignores the others
            continue
        is_number = len(bound) <= DIGITS_MAX and re.fullmatch(NUMBER, bound)
        if not is_number or not math.isfinite(float(bound)):
            raise CommandError(
                f"Parameters.{name}.{key} is {shown(bound)}", "make it a number in the template"
            )
        said = message.format(bound)
        yield Rule(test, float(bound), said.removesuffix("s") if said.endswith(" 1 characters") else said)


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _passes(rule: Rule, text: str, items: list[str]) -> bool | None:
    """Returns whether a value keeps a rule; None if that cannot be decided here."""
    match rule.test, rule.argument:
        case "one_of", tuple(allowed):
            return set(items) <= set(allowed)
        case "pattern", str(pattern):
            return matches(pattern, items)
        case "form", str(expression):
            return all(re.fullmatch(expression, item) for item in items)
        case "min", float(bound):
            return all(float(item) >= bound for item in items)
        case "max", float(bound):
            return all(float(item) <= bound for item in items)
        case "min_length", float(bound):
            return len(text) >= bound
        case "max_length", float(bound):
            return len(text) <= bound
    return len(text.encode()) <= MAX_VALUE_BYTES
