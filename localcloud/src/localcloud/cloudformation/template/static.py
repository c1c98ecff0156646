"""The errors of a template's functions that CloudFormation finds before it makes anything."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cfn_template.evaluation import Evaluator
from cfn_template.texts import EvaluationError
from cfn_template.values import Unknown
from localcloud.cloudformation.resource_types import has_attribute


@dataclass(frozen=True)
class _BeforeCreation:
    """The evaluator's context for a request: resources and exports have no values yet."""

    names: Mapping[str, Any]
    types: Mapping[str, str]
    list_zones: Callable[[str], list[str]]

    def name(self, name: str) -> Any:
        return self.names[name] if name in self.names else Unknown(f"{name} does not exist yet")

    def attribute(self, logical_id: str, name: str) -> Unknown:
        if logical_id not in self.types:
            raise EvaluationError(
                f"Template error: instance of Fn::GetAtt references undefined resource {logical_id}"
            )
        if not has_attribute(self.types[logical_id], name):
            raise EvaluationError(
                f"Template error: resource {logical_id} does not support attribute type {name} in Fn::GetAtt"
            )
        return Unknown(f"{logical_id} does not exist yet")

    def export(self, name: str) -> Unknown:
        return Unknown(f"the export {name} is looked up later")

    def zones(self, region: str) -> Any:
        return self.list_zones(region or self.names["AWS::Region"])

    def failed(self, error: EvaluationError, node: Any) -> NoReturn:  # noqa: ARG002 - every failure is one
        raise error


def check_functions(
    template: Mapping[str, Any],
    parts: Iterable[Mapping[str, Any]],
    names: Mapping[str, Any],
    list_zones: Callable[[str], list[str]],
) -> None:
    """Checks the functions whose errors do not depend on what resources turn out to be.

    Args:
        template: After its transforms.
        parts: The resources and outputs whose condition holds.
        names: Parameters and pseudo parameters by name.
        list_zones: Lists the Availability Zones of a Region.

    Raises:
        EvaluationError: A function has no value, whatever the resources' values will be.
    """
    types = {name: definition["Type"] for name, definition in template["Resources"].items()}
    evaluator = Evaluator(
        _BeforeCreation(names, types, list_zones),
        template.get("Mappings", {}),
        template.get("Conditions", {}),
    )
    for part in parts:
        evaluator.evaluate({key: part[key] for key in ("Properties", "Value", "Export") if key in part})
