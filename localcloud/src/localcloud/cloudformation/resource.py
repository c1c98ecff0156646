"""A resource as a template describes it and as it exists, and the interface of its handler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.cloudformation.errors import UnresolvedValueError


class Owner(Protocol):
    """The part of a stack that the handlers of its resources use."""

    id: str
    name: str
    leftovers: list[Made]

    @property
    def account_id(self) -> str:
        """12 digits."""
        ...

    @property
    def region_name(self) -> str:
        """Such as us-east-1."""
        ...


@dataclass(frozen=True)
class Target:
    """A resource as a template describes it.

    Attributes:
        stack: The stack it belongs to.
        handler: Makes, changes and deletes it.
        properties: Evaluated; scalars have their types.
        stack_tags: The stack's tags at the time of the deployment.
    """

    stack: Owner = field(repr=False)
    handler: Handler = field(repr=False, compare=False)
    logical_id: str
    resource_type: str
    properties: Mapping[str, Any]
    stack_tags: Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """A resource that exists, or may exist.

    Attributes:
        target: What was asked for when it was last changed, or tried to be.
        physical_id: What ``Ref`` gives and the API shows.
        state: The handler's own data about it.
    """

    target: Target
    physical_id: str
    state: Any = None


class Progress(Protocol):
    """Receives a handler's reports; those after the end or a cancellation are ignored."""

    def initiated(self, made: Made) -> None:
        """Reports that the resource has a physical id but is not ready."""

    def succeeded(self, made: Made | None = None, *, replaces: bool = False) -> None:
        """Reports success, with the resource unless it was deleted; ``replaces`` means a new one."""

    def failed(self, reason: str, made: Made | None = None) -> None:
        """Reports a failure, with the resource that may exist and must be deleted, if any."""


#: Cancels timers and the like; the outcome is no longer needed. Requests that were sent are not recalled.
Cancel = Callable[[], None]


def no_cancel() -> None:
    """Does nothing: there is nothing to cancel."""


def no_attribute(made: Made, name: str) -> UnresolvedValueError:
    """Returns the error for an attribute that a resource does not have."""
    return UnresolvedValueError(
        f"Template error: resource {made.target.logical_id} does not support attribute type {name} "
        "in Fn::GetAtt"
    )


class Handler(ABC):
    """Makes one kind of resource. Each call starts an action, whose end is reported to ``progress``.

    By default a resource has no attributes, secrets and leftovers.
    """

    @abstractmethod
    def create(self, target: Target, progress: Progress) -> Cancel:
        """Makes the resource."""

    @abstractmethod
    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Changes the resource to the new target, or replaces it."""

    @abstractmethod
    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Removes the resource."""

    def differs(self, target: Target, made: Made) -> bool:
        """Returns whether an update would change anything: by default, whether the properties differ."""
        return target.properties != made.target.properties

    def attribute(self, made: Made, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives.

        Raises:
            UnresolvedValueError: There is no such attribute.
        """
        raise no_attribute(made, name)

    def is_secret(self, made: Made, name: str) -> bool:  # noqa: ARG002 - whatever they are
        """Returns whether outputs must mask an attribute."""
        return False

    def leftover(self, target: Target) -> Made | None:  # noqa: ARG002 - there is nothing, whatever it is
        """Returns what must be deleted after a creation that was cancelled before it had a physical id."""
        return None

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Undoes an update; by default by another one, with the properties swapped.

        Args:
            before: The resource before the update.
            made: The resource now; its target is what the update wanted.
            progress: As for an update.
        """
        return self.update(before.target, made, progress)

    def commit(self, made: Made, progress: Progress) -> Cancel:
        """Makes an update final, after the update of the whole stack has succeeded."""
        progress.succeeded(made)
        return no_cancel

    def snapshot(self, made: Made) -> None:  # noqa: B027 - most have no content
        """Saves the content of a resource that is about to be deleted."""
