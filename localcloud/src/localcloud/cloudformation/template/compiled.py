"""A compiled template: the resources and outputs of a stack for given parameters."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.loops import transforms_of
from cfn_template.parameters import Parameter, ParameterError, resolve
from cfn_template.references import names_in
from cfn_template.texts import EvaluationError
from localcloud.cloudformation.errors import UnresolvedValueError, ValidationError
from localcloud.cloudformation.order import dependencies
from localcloud.cloudformation.template.functions import Scope, Values, unresolved
from localcloud.cloudformation.template.source import check_structure, parse
from localcloud.cloudformation.template.static import check_functions
from localcloud.cloudformation.template.transform import apply_transforms


@dataclass(frozen=True)
class Place:
    """A stack's identity, and the values outside of it that a template can refer to."""

    account_id: str
    region: str
    partition: str
    stack_name: str
    stack_id: str
    read_ssm: Callable[[str], str | None]
    import_value: Callable[[str], str]
    zones: Callable[[str], list[str]]

    def pseudo_parameters(self) -> dict[str, Any]:
        """Returns the pseudo parameters except ``AWS::NoValue``, which the evaluator handles."""
        return {
            "AWS::AccountId": self.account_id,
            "AWS::NotificationARNs": [],
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com",
        }


class _NoValues:
    """Resources while a template is compiled: none has a value."""

    def ref(self, logical_id: str) -> Any:
        raise EvaluationError(
            f"Template format error: Unresolved dependencies [{logical_id}]. "
            "Cannot reference resources in the Conditions block of the template"
        )

    def attribute(self, logical_id: str, name: str) -> Any:  # noqa: ARG002 - the attribute does not matter
        return self.ref(logical_id)


@dataclass(frozen=True)
class CompiledTemplate:
    """A template that has been read, checked and transformed for a stack.

    Attributes:
        source: The template's text as given.
        original: The template before its transforms.
        processed: The template after its transforms.
        parameters: By name.
        definitions: The resources whose condition holds, without untaken branches of ``Fn::If``.
        dependencies: What must be complete before each resource.
        outputs: Those whose condition holds.
    """

    source: str
    original: Mapping[str, Any]
    processed: Mapping[str, Any]
    place: Place
    parameters: Mapping[str, Parameter]
    definitions: Mapping[str, dict[str, Any]]
    dependencies: Mapping[str, set[str]]
    outputs: Mapping[str, dict[str, Any]]

    @property
    def transforms(self) -> list[str]:
        """The transforms that were applied."""
        return transforms_of(self.original)

    def processed_text(self) -> str:
        """Returns the template after its transforms; without transforms, the text as given."""
        return json.dumps(self.processed) if self.transforms else self.source

    def scope(self, values: Values) -> Scope:
        """Returns the scope in which the template's functions are evaluated."""
        return _scope(self.processed, self.parameters, self.place, values)


def _scope(
    template: Mapping[str, Any], parameters: Mapping[str, Parameter], place: Place, values: Values
) -> Scope:
    return Scope(
        names=place.pseudo_parameters() | {name: p.value for name, p in parameters.items()},
        mappings=template.get("Mappings", {}),
        conditions=template.get("Conditions", {}),
        values=values,
        import_value=place.import_value,
        zones=place.zones,
    )


def compile_template(source: str, supplied: Mapping[str, str], place: Place) -> CompiledTemplate:
    """Compiles a template for a stack.

    Args:
        source: JSON or YAML.
        supplied: Parameter texts.
        place: The stack it is for.

    Raises:
        ValidationError: The template or a parameter is not acceptable.
    """
    original = parse(source)
    check_structure(original)
    parameters = _resolved(original, supplied, place)
    texts = {name: parameter.resolved or parameter.text for name, parameter in parameters.items()}
    scope = _scope(original, parameters, place, _NoValues())
    template = apply_transforms(original, texts, place.region, scope.evaluator.evaluate)
    check_structure(template)
    parameters = _resolved(template, supplied, place)
    try:
        with unresolved():
            scope = _scope(template, parameters, place, _NoValues())
            definitions, outputs = _existing_parts(template, scope)
            check_functions(template, [*definitions.values(), *outputs.values()], scope.names, place.zones)
            needs = dependencies(definitions)
    except UnresolvedValueError as error:
        raise ValidationError(str(error)) from error
    return CompiledTemplate(source, original, template, place, parameters, definitions, needs, outputs)


def _resolved(template: Mapping[str, Any], supplied: Mapping[str, str], place: Place) -> dict[str, Parameter]:
    try:
        with unresolved():
            return resolve(template.get("Parameters", {}), supplied, place.read_ssm)
    except (ParameterError, UnresolvedValueError) as error:
        raise ValidationError(str(error)) from error


def _existing_parts(
    template: Mapping[str, Any], scope: Scope
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Returns resources and outputs whose condition holds, after checking their references."""
    definitions = _existing(template["Resources"], scope)
    outputs = _existing(template.get("Outputs", {}), scope)
    known = set(scope.names) | set(definitions) | {"AWS::NoValue"}
    _check_references(definitions, known | set(template["Resources"]), known)
    if unknown := _unknown_names(outputs, known):
        raise ValidationError(f"{unknown} in the Outputs block of the template")
    return definitions, outputs


def _existing(section: Mapping[str, dict[str, Any]], scope: Scope) -> dict[str, dict[str, Any]]:
    return {
        name: scope.choose(definition)
        for name, definition in section.items()
        if "Condition" not in definition or scope.holds(definition["Condition"])
    }


def _check_references(definitions: Mapping[str, dict[str, Any]], declared: set[str], known: set[str]) -> None:
    for definition in definitions.values():
        explicit = definition.get("DependsOn", [])
        names = [explicit] if isinstance(explicit, str) else explicit
        # Waiting for a resource whose condition is false is waiting for nothing, not an error.
        if unknown := [name for name in names if name not in declared]:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(unknown)}] "
                "in the Resources block of the template"
            )
    properties = {name: definition.get("Properties", {}) for name, definition in definitions.items()}
    if unresolved_names := _unknown_names(properties, known):
        raise ValidationError(
            f"Template format error: {unresolved_names} in the Resources block of the template"
        )


def _unknown_names(section: Mapping[str, Any], known: set[str]) -> str:
    """What is wrong with the references of a section; empty if all of them are known."""
    unknown = sorted({reference for reference in names_in(list(section.values())) if reference not in known})
    return f"Unresolved resource dependencies [{', '.join(unknown)}]" if unknown else ""
