"""`AWS::CloudFormation::LambdaHook`: the activation of a hook, which ``cloudformation.hooks`` invokes."""

import re
from typing import Any

from localcloud.cloudformation.errors import ResourceFailedError
from localcloud.cloudformation.resource import (
    Cancel,
    Handler,
    Made,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)

_ALIAS = re.compile(r"(?!(?i:aws))[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}")
#: Source: CloudFormation registry, AWS::CloudFormation::LambdaHook.
_ALLOWED = {"FailureMode": {"FAIL", "WARN"}, "HookStatus": {"ENABLED", "DISABLED"}}
_OPERATIONS = {"RESOURCE", "STACK", "CHANGE_SET", "CLOUD_CONTROL"}


class LambdaHookHandler(Handler):
    """Checks the properties; a stack's resource of this type is an activated hook as long as it exists."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Activates the hook."""
        _check(target)
        alias = str(target.properties["Alias"]).replace("::", "-")
        stack = target.stack
        partition = stack.id.split(":")[1]
        arn = f"arn:{partition}:cloudformation:{stack.region_name}:{stack.account_id}:type/hook/{alias}"
        progress.succeeded(Made(target, arn))
        return no_cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Changes the configuration; another alias is another hook."""
        if target.properties.get("Alias") != made.target.properties.get("Alias"):
            self.create(target, _Replacing(progress))
            return no_cancel
        _check(target)
        progress.succeeded(Made(target, made.physical_id))
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - the resource was all of it
        """Deactivates the hook."""
        progress.succeeded()
        return no_cancel

    def attribute(self, made: Made, name: str) -> Any:
        """Returns the ARN."""
        if name != "HookArn":
            raise no_attribute(made, name)
        return made.physical_id


class _Replacing:
    """Reports a creation as a replacement."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.initiated, self.failed = progress.initiated, progress.failed

    def succeeded(self, made: Made | None = None, *, replaces: bool = True) -> None:
        """See ``Progress``."""
        self._progress.succeeded(made, replaces=replaces)


def _check(target: Target) -> None:
    """Checks the properties.

    Raises:
        ResourceFailedError: One has a value that the type does not allow.
    """
    given = target.properties
    if not _ALIAS.fullmatch(str(given["Alias"])):
        raise ResourceFailedError(f"Properties validation failed: #/Alias: {given['Alias']} is no alias")
    for name, allowed in _ALLOWED.items():
        if given[name] not in allowed:
            raise ResourceFailedError(
                f"Properties validation failed: #/{name}: {given[name]} is none of {sorted(allowed)}"
            )
    if unknown := set(given["TargetOperations"]) - _OPERATIONS:
        raise ResourceFailedError(
            f"Properties validation failed: #/TargetOperations: {sorted(unknown)} are not known"
        )
