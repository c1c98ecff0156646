"""IAM's actions, and the permissions that CloudFormation's handlers use.

``tools/iam_reference.py`` makes the file beside this module from cfn-lint, which is not among the cloud's own
packages. Source: Service Authorization Reference (actions and the resources they can be limited to), and the
CloudFormation registry (permissions of each handler of a resource type).
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


class UnknownActionError(Exception):
    """IAM has no such action, or it is of a service that this cloud does not know."""


@cache
def _reference() -> Mapping[str, Any]:
    text = resources.files("localcloud.iam").joinpath("reference.json").read_text()
    reference: Mapping[str, Any] = json.loads(text)
    return reference


def has_resources(action: str) -> bool:
    """Returns whether an action can be limited to resources; otherwise only ``*`` allows it.

    Raises:
        UnknownActionError: There is no such action.
    """
    service, _, name = action.lower().partition(":")
    try:
        return bool(_actions(service)[name])
    except KeyError:
        raise UnknownActionError(action) from None


@cache
def _actions(service: str) -> Mapping[str, bool]:
    limited, others = _reference()["actions"][service]
    return dict.fromkeys(limited.split(), True) | dict.fromkeys(others.split(), False)


def handler_permissions(resource_type: str) -> Mapping[str, frozenset[str]] | None:
    """Returns the permissions of a type's handlers; None if the registry does not have them.

    Actions are CREATE, UPDATE (both followed by a read) and DELETE. Patterns stay patterns.
    """
    handlers = _reference()["handlers"].get(resource_type)
    return handlers and {action: frozenset(text.split()) for action, text in handlers.items()}
