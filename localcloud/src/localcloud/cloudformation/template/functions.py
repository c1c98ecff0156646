"""Evaluates a template's functions with the values of a stack."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from cfn_template import texts
from cfn_template.evaluation import Evaluator
from cfn_template.texts import EvaluationError, UnknownFunctionError
from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.gaps import gap


class Values(Protocol):
    """The values of a stack's resources."""

    def ref(self, logical_id: str) -> Any:
        """Returns what ``Ref`` gives."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives; the name may hold dots."""
        ...


@dataclass(frozen=True)
class _Live:
    """The evaluator's context for a stack: everything has a value or is an error."""

    names: Mapping[str, Any]
    values: Values
    import_value: Callable[[str], str]
    list_zones: Callable[[str], list[str]]

    def name(self, name: str) -> Any:
        return self.names[name] if name in self.names else self.values.ref(name)

    def attribute(self, logical_id: str, name: str) -> Any:
        return self.values.attribute(logical_id, name)

    def export(self, name: str) -> Any:
        return self.import_value(name)

    def zones(self, region: str) -> Any:
        return self.list_zones(region or self.names["AWS::Region"])

    def failed(self, error: EvaluationError, node: Any) -> NoReturn:  # noqa: ARG002 - every failure is one
        raise error


@dataclass(frozen=True)
class Scope:
    """The names and values that functions in a template can use.

    Attributes:
        names: Parameters and pseudo parameters by name.
        import_value: Finds the value of an export.
        zones: Lists the Availability Zones of a Region.
    """

    names: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    values: Values
    import_value: Callable[[str], str]
    zones: Callable[[str], list[str]]
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        live = _Live(self.names, self.values, self.import_value, self.zones)
        object.__setattr__(self, "evaluator", Evaluator(live, self.mappings, self.conditions))

    def evaluate(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every function replaced by its value.

        Raises:
            UnresolvedValueError: A function has no value.
        """
        with unresolved():
            return self.evaluator.evaluate(node)

    def holds(self, name: str) -> bool:
        """Returns whether a condition of the template is true.

        Raises:
            UnresolvedValueError: It cannot be evaluated.
        """
        with unresolved():
            return self.evaluator.holds(name) is True

    def choose(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every ``Fn::If`` replaced by the branch it takes.

        Raises:
            UnresolvedValueError: A condition cannot be evaluated.
        """
        with unresolved():
            return self.evaluator.choose(node)


@contextmanager
def unresolved() -> Iterator[None]:
    """Turns the evaluator's errors into those of a stack's resources."""
    try:
        yield
    except UnknownFunctionError as error:
        what = f"Template error: localcloud does not know the {error.kind} {error.name} "
        what += gap("cloudformation.templates")
        raise UnresolvedValueError(what) from error
    except EvaluationError as error:
        raise UnresolvedValueError(str(error)) from error


def as_text(value: Any) -> str:
    """Returns a scalar the way CloudFormation writes it into text.

    Raises:
        UnresolvedValueError: The value is a list or a map.
    """
    with unresolved():
        return texts.as_text(value)


def stringify(value: Any) -> Any:
    """Returns a copy in which every scalar is a string and lists and maps keep their shape.

    Raises:
        UnresolvedValueError: There is a null in it.
    """
    with unresolved():
        return texts.stringify(value)
