"""A resource as its stack wants it and as it exists, and what every kind of resource can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.cloudformation.errors import UnresolvedValueError


class Owner(Protocol):
    """The stack that a resource belongs to, as far as the resource's handler needs it."""

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
    """A resource as a deployment wants it.

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
        state: What its handler needs to go on with it.
    """

    target: Target
    physical_id: str
    state: Any = None


class Progress(Protocol):
    """Where a handler reports; what comes after the end, or after a cancellation, is ignored."""

    def initiated(self, made: Made) -> None:
        """The resource has its physical id, but is not ready."""

    def succeeded(self, made: Made | None = None, *, replaces: bool = False) -> None:
        """The end: here it is (nothing after a delete); ``replaces`` leaves the one before to clean-up."""

    def failed(self, reason: str, made: Made | None = None) -> None:
        """The end: it did not work, and this is what there may be to delete, if anything."""


#: Stops caring about the outcome: drops timers and the like. What has begun outside goes on.
Cancel = Callable[[], None]


def no_cancel() -> None:
    """Cancels what has ended before it could be cancelled, or needs nothing dropped."""


def no_attribute(made: Made, name: str) -> UnresolvedValueError:
    """Returns the error for an attribute that a resource does not have."""
    return UnresolvedValueError(
        f"Template error: resource {made.target.logical_id} does not support attribute type {name} "
        "in Fn::GetAtt"
    )


class Handler(Protocol):
    """One kind of resource. Each call starts something and returns; its end comes through ``progress``."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Makes the resource."""
        ...

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Changes the resource to the new target, or makes another in its place."""
        ...

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Removes the resource."""
        ...

    def differs(self, target: Target, made: Made) -> bool:
        """Says whether an update has anything to do."""
        ...

    def attribute(self, made: Made, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives.

        Raises:
            UnresolvedValueError: There is no such attribute.
        """
        ...

    def is_secret(self, made: Made, name: str) -> bool:
        """Says whether an attribute must not be shown in outputs."""
        ...

    def leftover(self, target: Target) -> Made | None:
        """Returns what must be deleted after a create that was cancelled before it had a physical id."""
        ...

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Takes an update back.

        Args:
            before: The resource before the update.
            made: The resource now; its target is what the update wanted.
            progress: As for an update.
        """
        ...

    def commit(self, made: Made, progress: Progress) -> Cancel:
        """Ends what an update keeps open until all of the stack's update has succeeded."""
        ...

    def snapshot(self, made: Made) -> None:
        """Saves the content of a resource that is about to be deleted."""
        ...


class PlainHandler:
    """A handler without attributes, or anything special about differences and what comes after them."""

    def attribute(self, made: Made, name: str) -> Any:
        """Has none."""
        raise no_attribute(made, name)

    def differs(self, target: Target, made: Made) -> bool:
        """Compares the properties."""
        return target.properties != made.target.properties

    def is_secret(self, made: Made, name: str) -> bool:  # noqa: ARG002 - whatever they are
        """Shows everything."""
        return False

    def leftover(self, target: Target) -> Made | None:  # noqa: ARG002 - there is nothing, whatever it is
        """Without a physical id there is nothing."""
        return None

    def restore(self: Handler, before: Made, made: Made, progress: Progress) -> Cancel:
        """Updates with the properties swapped."""
        return self.update(before.target, made, progress)

    def commit(self, made: Made, progress: Progress) -> Cancel:
        """Nothing was kept open."""
        progress.succeeded(made)
        return no_cancel

    def snapshot(self, made: Made) -> None:
        """There is no content to save."""
