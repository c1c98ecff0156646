"""Nested stacks: a resource that is a stack of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localcloud.cloudformation.errors import RequestRefused, UnresolvedValueError
from localcloud.cloudformation.handlers.base import (
    Cancel,
    Made,
    PlainHandler,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)
from localcloud.cloudformation.handlers.dynamic_references import with_secrets
from localcloud.cloudformation.template.functions import as_text

if TYPE_CHECKING:
    from localcloud.cloudformation.stack import Stack


@dataclass(frozen=True)
class Inputs:
    """What a child is made from."""

    text: str
    parameters: dict[str, str]
    tags: dict[str, str]


class NestedStackHandler(PlainHandler):
    """Creates, updates and deletes stacks on behalf of a parent; ``made.state`` is the child."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Creates the child, which leaves taking back a failure to its parent."""

        def ended() -> None:
            if child.status == "CREATE_COMPLETE":
                progress.succeeded(made)
            else:
                progress.failed(
                    f"Embedded stack {child.id} was not successfully created: {child.status_reason or ''}",
                    made,
                )

        child = target.stack.registry.nesting.create(target.stack, target.logical_id, _inputs(target), ended)
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

        child.registry.nesting.update(child, _inputs(target), ended, failing)
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Deletes the child, whatever it is doing."""
        child: Stack = made.state

        def ended() -> None:
            if child.status == "DELETE_COMPLETE":
                progress.succeeded()
            else:
                progress.failed(
                    f"Embedded stack {child.id} was not successfully deleted: {child.status_reason or ''}"
                )

        child.registry.nesting.delete(child, ended)
        return no_cancel

    def differs(self, target: Target, made: Made) -> bool:
        """Asks whether the child's template, parameters or tags would change."""
        child: Stack = made.state
        try:
            return child.registry.nesting.differs(child, _inputs(target))
        except (UnresolvedValueError, RequestRefused):
            return True  # The update meets the same obstacle, and says which.

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Has the child take its own update back, or waits while it does."""
        child: Stack = made.state

        def ended() -> None:
            if child.status == "UPDATE_ROLLBACK_FAILED":
                progress.failed(
                    f"Embedded stack {child.id} was not successfully rolled back: {child.status_reason}"
                )
            else:
                progress.succeeded(Made(before.target, child.id, child))

        child.registry.nesting.restore(child, ended)
        return no_cancel

    def commit(self, made: Made, progress: Progress) -> Cancel:
        """Has the child clean up."""
        made.state.registry.nesting.commit(made.state, progress.succeeded)
        return no_cancel

    def attribute(self, made: Made, name: str) -> Any:
        """Returns an output of the child."""
        child: Stack = made.state
        for output in child.outputs:
            if name == f"Outputs.{output.key}":
                return output.value
        raise no_attribute(made, name)


def _inputs(target: Target) -> Inputs:
    return Inputs(_template(target), _parameters(target), _tags(target))


def _template(target: Target) -> str:
    url = target.properties.get("TemplateURL")
    if not isinstance(url, str):
        raise UnresolvedValueError("Property TemplateURL cannot be empty.")
    return target.stack.registry.read_template(url)


def _parameters(target: Target) -> dict[str, str]:
    parameters = target.properties.get("Parameters", {})
    if any(isinstance(value, list | dict) for value in parameters.values()):
        raise UnresolvedValueError(
            "Value of property Parameters must be an object with String (or simple type) properties"
        )
    registry = target.stack.registry
    texts = {name: as_text(value) for name, value in parameters.items()}
    return dict(with_secrets(texts, registry.account_id, registry.region_name))


def _tags(target: Target) -> dict[str, str]:
    own = {tag["Key"]: tag["Value"] for tag in target.properties.get("Tags", [])}
    return dict(target.stack_tags) | own
