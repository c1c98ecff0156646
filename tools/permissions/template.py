"""The policies in template.yaml, resolved without deploying it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tools.permissions.arns import Place

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
#: Service and kind of the resources that policies name, by type. CloudFormation names them after the stack.
_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::Logs::LogGroup": ("logs", "log-group:"),
    "AWS::SQS::Queue": ("sqs", ""),
    "AWS::Serverless::Function": ("lambda", "function:"),
}
_NO_VALUE = object()

Documents = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Names:
    """What only a deployment knows, as it is to stand in the policies."""

    place: Place
    stack: str


@cache
def _parsed(text: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse(text)
    return template


class Template:
    """A template whose policies are evaluated with these parameters; others have their defaults."""

    def __init__(self, text: str, names: Names, parameters: Mapping[str, Any] | None = None) -> None:
        self._template = _parsed(text)
        self._names = names
        self._parameters = {
            name: parameter.get("Default") for name, parameter in self._template["Parameters"].items()
        } | dict(parameters or {})

    def roles(self) -> Documents:
        """Returns the policies of each role, by their names or logical ids."""
        resources = {
            name: self._evaluated(resource.get("Properties", {}))
            for name, resource in self._template["Resources"].items()
            if resource["Type"].startswith("AWS::IAM::") and self._holds(resource.get("Condition"))
        }
        types = {name: self._template["Resources"][name]["Type"] for name in resources}
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
        properties: dict[str, Any] = self._evaluated(self._template["Resources"][name]["Properties"])
        return properties

    def _evaluated(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self._evaluated(item)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), *_ = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        pairs = ((key, self._evaluated(value)) for key, value in node.items())
        return {key: value for key, value in pairs if value is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument.split(".") if isinstance(argument, str) else argument
                return self._attribute(logical_id, attribute)
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self._evaluated(then if self._holds(condition) else otherwise)
            case "Fn::Join":
                separator, parts = argument
                values = self._evaluated(parts)
                return separator.join(values if isinstance(values, list) else filter(None, [values]))
            case _:
                raise NotImplementedError(f"{name} in a policy of the template")

    def _reference(self, name: str) -> Any:
        place = self._names.place
        known = {
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::AccountId": place.account,
            "AWS::StackName": self._names.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        return known.get(name, self._parameters.get(name, name))

    def _attribute(self, logical_id: str, attribute: str) -> str:
        kind = _KINDS.get(self._template["Resources"][logical_id]["Type"])
        if kind is None or attribute != "Arn":
            return f"{logical_id}.{attribute}"
        service, prefix = kind
        return self._names.place.arn(service, f"{prefix}{self._names.stack}-{logical_id}-*")

    def _substituted(self, text: str) -> str:
        pieces = text.split("${")
        return pieces[0] + "".join(self._pieces(pieces[1:]))

    def _pieces(self, pieces: list[str]) -> Iterator[str]:
        for piece in pieces:
            name, _, rest = piece.partition("}")
            yield str(self._attribute(*name.split(".")) if "." in name else self._reference(name)) + rest

    def _holds(self, condition: str | None) -> bool:
        return condition is None or self._judged(self._template["Conditions"][condition])

    def _judged(self, node: Any) -> bool:
        ((name, argument),) = node.items()
        match name:
            case "Fn::Equals":
                one, other = (self._evaluated(item) for item in argument)
                return bool(one == other)
            case "Fn::Not":
                return not self._judged(argument[0])
            case "Fn::And":
                return all(self._judged(item) for item in argument)
            case "Fn::Or":
                return any(self._judged(item) for item in argument)
            case "Condition":
                return self._holds(argument)
            case _:
                raise NotImplementedError(f"{name} in a condition of the template")
