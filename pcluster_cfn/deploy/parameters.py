"""Values of a template's parameters: given ones, those that a stack has, and missing ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pcluster_cfn.errors import CommandError, suggest

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

    from pcluster_cfn.template import Template


def parameters_to_send(
    template: "Template", given: Mapping[str, str], stack: "StackTypeDef | None"
) -> "list[ParameterTypeDef]":
    """Returns the parameters to send: the given values, and the previous ones of an existing stack.

    Raises:
        CommandError: The template lacks a given parameter, or a parameter has no value. Names all of them.
    """
    declared = template.parameters()
    refuse_unknown_parameters(template, given)
    present = {item["ParameterKey"] for item in stack.get("Parameters", [])} if stack else set()
    sent: list[ParameterTypeDef] = []
    missing = []
    for name, parameter in declared.items():
        if name in given:
            sent.append({"ParameterKey": name, "ParameterValue": given[name]})
        elif name in present:
            sent.append({"ParameterKey": name, "UsePreviousValue": True})
        elif parameter.default is None:
            missing.append(name)
    if missing:
        raise missing_parameters(missing)
    return sent


def refuse_unknown_parameters(template: "Template", given: Iterable[str]) -> None:
    """Refuses values for parameters that a template does not have.

    Raises:
        CommandError: Names all of them. For a single one, it suggests the nearest parameter.
    """
    declared = template.parameters()
    unknown = [name for name in given if name not in declared]
    if not unknown:
        return
    known = f"it has: {', '.join(declared) or 'none'}"
    next_step = suggest(unknown[0], declared, known) if len(unknown) == 1 else known
    raise CommandError(f"the template has no parameter {', '.join(unknown)}", next_step)


def missing_parameters(names: Sequence[str]) -> CommandError:
    """Returns one error for all parameters of a template that have no value."""
    options = " ".join(f"-p {name}=…" for name in names)
    if len(names) == 1:
        return CommandError(f"parameter {names[0]} has no value", f"give it one: {options}")
    return CommandError(f"parameters {', '.join(names)} have no value", f"give each one: {options}")
