"""Nested stacks: a resource that is a stack of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from localcloud.cloudformation.errors import RequestRefused, UnresolvedValueError
from localcloud.cloudformation.handlers.dynamic_references import with_secrets
from localcloud.cloudformation.resource import (
    Cancel,
    Handler,
    Made,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)
from localcloud.cloudformation.template.functions import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.cloudformation.resource import Owner
    from localcloud.cloudformation.stack import Stack


@dataclass(frozen=True)
class Inputs:
    """The template, parameters and tags of a child."""

    text: str
    parameters: dict[str, str]
    tags: dict[str, str]


class NestedStacks(Protocol):
    """Creates, updates and deletes stacks for resources, and calls ``ended`` at each end."""

    def read_template(self, parent: Owner, url: str) -> str:
        """Returns the text of a template in S3.

        Raises:
            ValidationError: There is no such object.
        """
        ...

    def create(self, parent: Owner, logical_id: str, inputs: Inputs, ended: Callable[[], None]) -> Stack:
        """Starts the creation of a child. A child that fails is not rolled back: its parent deletes it.

        Raises:
            ValidationError: The template or a parameter is not acceptable.
            InsufficientCapabilitiesError: The parent's caller has not acknowledged what the child needs.
        """
        ...

    def differs(self, child: Stack, inputs: Inputs) -> bool:
        """Returns whether an update of the child would change anything."""
        ...

    def update(
        self,
        child: Stack,
        inputs: Inputs,
        ended: Callable[[], None],
        failing: Callable[[str | None], None],
    ) -> None:
        """Starts an update that can be undone until it is committed.

        Raises:
            ValidationError: The template or a parameter is not acceptable.
            InsufficientCapabilitiesError: The parent's caller has not acknowledged what the child needs.
        """
        ...

    def restore(self, child: Stack, ended: Callable[[], None]) -> None:
        """Rolls back the child's running, failed or uncommitted update."""
        ...

    def commit(self, child: Stack, ended: Callable[[], None]) -> None:
        """Commits the child's update."""
        ...

    def delete(self, child: Stack, ended: Callable[[], None]) -> None:
        """Deletes the child in any status."""
        ...


class NestedStackHandler(Handler):
    """Creates, updates and deletes stacks on behalf of a parent; ``made.state`` is the child."""

    def __init__(self, stacks: NestedStacks) -> None:
        self._stacks = stacks

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Creates the child."""

        def ended() -> None:
            if child.status == "CREATE_COMPLETE":
                progress.succeeded(made)
            else:
                progress.failed(
                    f"Embedded stack {child.id} was not successfully created: {child.status_reason or ''}",
                    made,
                )

        child = self._stacks.create(target.stack, target.logical_id, self.inputs(target), ended)
        made = Made(target, child.id, child)
        progress.initiated(made)
        return no_cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Updates the child in place."""
        child: Stack = made.state

        def ended() -> None:
            if child.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                progress.succeeded(Made(target, child.id, child))
            elif child.status == "UPDATE_FAILED":
                failing(child.status_reason)

        def failing(reason: str | None) -> None:
            progress.failed(
                f"Embedded stack {child.id} was not successfully updated. "
                f"Currently in {child.status} with reason: {reason or ''}"
            )

        self._stacks.update(child, self.inputs(target), ended, failing)
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Deletes the child in any status."""
        child: Stack = made.state

        def ended() -> None:
            if child.status == "DELETE_COMPLETE":
                progress.succeeded()
            else:
                progress.failed(
                    f"Embedded stack {child.id} was not successfully deleted: {child.status_reason or ''}"
                )

        self._stacks.delete(child, ended)
        return no_cancel

    def differs(self, target: Target, made: Made) -> bool:
        """Compares the child's template, parameters and tags."""
        child: Stack = made.state
        try:
            return self._stacks.differs(child, self.inputs(target))
        except (UnresolvedValueError, RequestRefused):
            return True  # The update fails for the same reason, and reports it.

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Rolls back the child's update, or waits for its rollback."""
        child: Stack = made.state

        def ended() -> None:
            if child.status == "UPDATE_ROLLBACK_FAILED":
                progress.failed(
                    f"Embedded stack {child.id} was not successfully rolled back: {child.status_reason}"
                )
            else:
                progress.succeeded(Made(before.target, child.id, child))

        self._stacks.restore(child, ended)
        return no_cancel

    def commit(self, made: Made, progress: Progress) -> Cancel:
        """Commits the child's update."""
        self._stacks.commit(made.state, progress.succeeded)
        return no_cancel

    def attribute(self, made: Made, name: str) -> Any:
        """Returns an output of the child."""
        child: Stack = made.state
        for output in child.outputs:
            if name == f"Outputs.{output.key}":
                return output.value
        raise no_attribute(made, name)

    def inputs(self, target: Target) -> Inputs:
        """Returns what the child is made or updated with.

        Raises:
            UnresolvedValueError: A property has no value of the right kind.
            ValidationError: There is no such template.
        """
        url = target.properties.get("TemplateURL")
        if not isinstance(url, str):
            raise UnresolvedValueError("Property TemplateURL cannot be empty.")
        text = self._stacks.read_template(target.stack, url)
        return Inputs(text, _parameters(target), _tags(target))


def _parameters(target: Target) -> dict[str, str]:
    parameters = target.properties.get("Parameters", {})
    if any(isinstance(value, list | dict) for value in parameters.values()):
        raise UnresolvedValueError(
            "Value of property Parameters must be an object with String (or simple type) properties"
        )
    texts = {name: as_text(value) for name, value in parameters.items()}
    return dict(with_secrets(texts, target.stack.account_id, target.stack.region_name))


def _tags(target: Target) -> dict[str, str]:
    own = {tag["Key"]: tag["Value"] for tag in target.properties.get("Tags", [])}
    return dict(target.stack_tags) | own
