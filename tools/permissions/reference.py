"""AWS's lists of actions and of the permissions of resource handlers, from cfn-lint.

Source: Service Authorization Reference (actions and the resources they can be limited to), and the
CloudFormation registry (permissions of each handler of a resource type).
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tools.permissions.policy import glob

_REGION = "us-east-1"


class UnknownActionError(Exception):
    """IAM has no such action."""


@cache
def _services() -> Mapping[str, Any]:
    text = resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text()
    services: Mapping[str, Any] = json.loads(text)
    return services


def has_resources(action: str) -> bool:
    """Returns whether an action can be limited to resources; otherwise only ``*`` allows it.

    Raises:
        UnknownActionError: There is no such action.
    """
    service, _, name = action.lower().partition(":")
    try:
        return bool(_services()[service]["Actions"][name].get("Resources"))
    except KeyError:
        raise UnknownActionError(action) from None


def matching(pattern: str) -> frozenset[str]:
    """Returns the actions that match a pattern such as ``s3:Get*``, in lower case."""
    service, _, name = pattern.lower().partition(":")
    known = _services().get(service, {"Actions": {}})["Actions"]
    return frozenset(f"{service}:{action}" for action in known if glob(name, action))


@cache
def handler_permissions(resource_type: str) -> Mapping[str, frozenset[str]] | None:
    """Returns the permissions of a type's handlers; None if the registry does not have them.

    Actions are CREATE, UPDATE (both followed by a read) and DELETE. Patterns stay patterns.
    """
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return None
    handlers = schema.get("handlers")
    if not handlers:
        return None
    named = {name: frozenset(handler.get("permissions", ())) for name, handler in handlers.items()}
    read = named.get("read", frozenset())
    none: frozenset[str] = frozenset()
    return {
        "CREATE": named.get("create", none) | read,
        "UPDATE": named.get("update", none) | read,
        "DELETE": named.get("delete", none),
    }
