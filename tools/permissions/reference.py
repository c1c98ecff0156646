"""IAM's actions, from cfn-lint. Source: Service Authorization Reference."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from localcloud.iam.policy import glob


@cache
def services() -> Mapping[str, Any]:
    """Returns the actions of each service, by IAM's name of it in lower case."""
    text = resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text()
    found: Mapping[str, Any] = json.loads(text)
    return found


def matching(pattern: str) -> frozenset[str]:
    """Returns the actions that match a pattern such as ``s3:Get*``, in lower case."""
    service, _, name = pattern.lower().partition(":")
    known = services().get(service, {"Actions": {}})["Actions"]
    return frozenset(f"{service}:{action}" for action in known if glob(name, action))
