"""Evaluates the policies in template.yaml without a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from cfn_template.evaluation import Evaluator
from cfn_template.parameters import default_text, typed
from cfn_template.reading import read_plain
from cfn_template.texts import EvaluationError
from localcloud.iam.policy import Place

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
#: Service and kind of the resources that policies name, by type. CloudFormation names them after the stack.
_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::Logs::LogGroup": ("logs", "log-group:"),
    "AWS::SQS::Queue": ("sqs", ""),
    "AWS::Serverless::Function": ("lambda", "function:"),
}

Documents = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Names:
    """The names in policies that only a deployment has."""

    place: Place
    stack: str


@cache
def _parsed(text: str) -> dict[str, Any]:
    template: dict[str, Any] = read_plain(text)
    return template


@dataclass(frozen=True)
class _Policies:
    """The evaluation context of policies: parameters, and ARNs of resources named after the stack."""

    names: Names
    values: Mapping[str, Any]
    resources: Mapping[str, Any]

    def name(self, name: str) -> Any:
        return self.values.get(name, name)

    def attribute(self, logical_id: str, name: str) -> str:
        kind = _KINDS.get(self.resources[logical_id]["Type"])
        if kind is None or name != "Arn":
            return f"{logical_id}.{name}"
        service, prefix = kind
        return self.names.place.arn(service, f"{prefix}{self.names.stack}-{logical_id}-*")

    def export(self, name: str) -> NoReturn:
        raise EvaluationError(f"an import of {name} in a policy of the template")

    def zones(self, region: str) -> NoReturn:
        raise EvaluationError(f"Availability Zones of {region} in a policy of the template")

    def failed(self, error: EvaluationError, node: Any) -> NoReturn:  # noqa: ARG002 - every failure is one
        raise error


class Template:
    """A template whose policies are evaluated with the given parameters, or their defaults."""

    def __init__(self, text: str, names: Names, parameters: Mapping[str, Any] | None = None) -> None:
        template = _parsed(text)
        self._resources: Mapping[str, Any] = template["Resources"]
        place = names.place
        pseudo = {
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::AccountId": place.account,
            "AWS::StackName": names.stack,
            "AWS::URLSuffix": place.url_suffix,
        }
        values = {
            name: _value(name, declared, (parameters or {}).get(name))
            for name, declared in template["Parameters"].items()
        }
        policies = _Policies(names, pseudo | values, self._resources)
        self._evaluator = Evaluator(policies, template.get("Mappings", {}), template.get("Conditions", {}))

    def roles(self) -> Documents:
        """Returns the policies of each role, by their names or logical ids."""
        resources = {
            name: self.properties(name)
            for name, resource in self._resources.items()
            if resource["Type"].startswith("AWS::IAM::") and self._exists(resource)
        }
        types = {name: self._resources[name]["Type"] for name in resources}
        found: Documents = {name: {} for name in resources if types[name] == "AWS::IAM::Role"}
        for name, properties in resources.items():
            if name in found:
                for policy in properties.get("Policies", []):
                    found[name][policy["PolicyName"]] = policy["PolicyDocument"]
            else:
                for role in properties["Roles"]:
                    found[role][properties.get("PolicyName", name)] = properties["PolicyDocument"]
        return found

    def properties(self, name: str) -> dict[str, Any]:
        """Returns the properties of a resource, evaluated."""
        properties: dict[str, Any] = self._evaluator.evaluate(self._resources[name].get("Properties", {}))
        return properties

    def _exists(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self._evaluator.holds(resource["Condition"]) is True


def _value(name: str, declared: Mapping[str, Any], given: Any) -> Any:
    """Returns the value of a parameter; a given value may be a list already."""
    if given is None and "Default" not in declared:
        return None
    value = default_text(declared) if given is None else given
    return typed(name, declared.get("Type", "String"), value) if isinstance(value, str) else value
