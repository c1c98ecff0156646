"""A stack of the embedded cloud, and what it takes to write templates in short."""

import json
from collections.abc import Callable
from typing import Any

from localcloud.testing.waiting import settled


class Deployment:
    """One stack, made and changed by templates given as resources."""

    def __init__(self, client: Callable[[str], Any], name: str) -> None:
        self._stacks = client("cloudformation")
        self.name = name

    def create(self, resources: dict[str, Any], **outputs: Any) -> dict[str, str]:
        self._stacks.create_stack(**self._request(resources, outputs))
        return self._outputs("CREATE_COMPLETE")

    def update(self, resources: dict[str, Any], **outputs: Any) -> dict[str, str]:
        self._stacks.update_stack(**self._request(resources, outputs))
        return self._outputs("UPDATE_COMPLETE")

    def delete(self) -> None:
        self._stacks.delete_stack(StackName=self.name)
        assert settled(self._stacks, self.name) == "DELETE_COMPLETE"

    def _request(self, resources: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        body = json.dumps({key: value for key, value in template.items() if value})
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        return {"StackName": self.name, "TemplateBody": body, "Capabilities": capabilities}

    def _outputs(self, wanted: str) -> dict[str, str]:
        status = settled(self._stacks, self.name)
        events = self._stacks.describe_stack_events(StackName=self.name)["StackEvents"]
        assert status == wanted, [event.get("ResourceStatusReason") for event in events]
        stack = self._stacks.describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """One resource of a template, its type without ``AWS::``."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def get(name: str, attribute: str) -> dict[str, Any]:
    """``Fn::GetAtt``."""
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, str]:
    """``Ref``."""
    return {"Ref": name}
