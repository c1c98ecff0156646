"""A template, evaluated before its deployment with some values still unknown."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfn_template.dynamic import SECURE_SERVICES, DynamicReference, references_in, resolve_references
from cfn_template.evaluation import Evaluator
from cfn_template.limits import Place
from cfn_template.loops import LANGUAGE_EXTENSIONS, PREFIX, LeftLoop, LoopError, expand_loops, transforms_of
from cfn_template.parameters import SSM_PREFIX, ParameterError, default_text, is_list, typed
from cfn_template.texts import EvaluationError, TooLargeError, as_text
from cfn_template.values import PartialText, Path, Unknown, copied_list, copied_map, place_of
from cluster_schema.conversion import UNKNOWN

Given = str | Unknown
#: A condition that is always true, and one that is always false.
_TRUE, _FALSE = {"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}


@dataclass(frozen=True)
class Answers:
    """Values from outside of the template. Each function returns None for an unknown value.

    Args:
        known: Values of pseudo parameters and of references to resources.
        attribute: Returns the value of ``Fn::GetAtt`` for ``LogicalId.name``.
        export: Returns the value of an export.
        stored: Returns a parameter in Parameter Store by its name or ``name:version``.
    """

    known: Mapping[str, Any] = field(default_factory=dict)
    attribute: Callable[[str], str | None] = lambda _: None
    export: Callable[[str], str | None] = lambda _: None
    stored: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True)
class Problem:
    """A mistake in a piece of a template, with its place; ``path`` is a JSON Pointer."""

    place: Place
    message: str
    path: str = ""


@dataclass
class PartialTemplate:
    """A template with its loops expanded, and the evaluator of its functions.

    Args:
        root: The template.
        names: Values of its parameters.
        answers: Values from outside of the template.
        left: Loops that are not expanded, because their collection is unknown.
        problems: Mistakes in the template itself.
    """

    root: Mapping[str, Any]
    names: Mapping[str, Any]
    answers: Answers
    left: list[LeftLoop] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self, section(self.root, "Mappings"), section(self.root, "Conditions"))
        self._expand()

    def evaluate(self, node: Any) -> Any:
        """Returns the value of a piece of the template, with dynamic references resolved."""
        return self.resolve(self.evaluator.evaluate(node))

    def resolve(self, value: Any) -> Any:
        """Returns an evaluated value with its dynamic references resolved."""
        return resolve_references(value, self._resolve)

    def exists(self, definition: Mapping[str, Any]) -> bool:
        """Whether a resource or an output may exist, that is, its condition is true or unknown."""
        if "Condition" not in definition:
            return True
        try:
            return self.evaluator.holds(definition["Condition"]) is not False
        except EvaluationError:
            return True  # CloudFormation refuses the template; its other mistakes are still reported

    def assuming(self, conditions: Mapping[str, bool]) -> "PartialTemplate":
        """Returns the template with the given values for some of its conditions."""
        made = copy.copy(self)
        assumed = {name: _TRUE if value else _FALSE for name, value in conditions.items()}
        mappings, declared = self.evaluator.mappings, self.evaluator.conditions
        made.evaluator = Evaluator(made, mappings, {**declared, **assumed})
        return made

    def name(self, name: str) -> Any:
        """Returns the value of a parameter or a pseudo parameter."""
        if name in self.names:
            return self.names[name]
        known = self.answers.known.get(name)
        return Unknown(f"{name} is known only after the deployment") if known is None else known

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns an attribute of a resource that exists already."""
        found = self.answers.attribute(f"{logical_id}.{name}")
        return Unknown(f"{logical_id}.{name} is known only after the deployment") if found is None else found

    def export(self, name: str) -> Any:
        """Returns the value of an export."""
        found = self.answers.export(name)
        return Unknown(f"the export {name} is not known") if found is None else found

    def zones(self, region: str) -> Any:
        """Returns Unknown: the Availability Zones of a Region are not looked up."""
        return Unknown(f"the Availability Zones of {region or 'the Region'} are not known", is_list=True)

    def failed(self, error: EvaluationError, node: Any) -> Unknown:
        """Returns Unknown for a function without a value; reports one with too large a result, once."""
        if isinstance(error, TooLargeError):
            problem = Problem(place_of(node, ()) or Place(1, 1), str(error))
            if problem.message not in {each.message for each in self.problems}:
                self.problems.append(problem)
        return Unknown(str(error))

    def _resolve(self, reference: DynamicReference) -> str | Unknown:
        if reference.service in SECURE_SERVICES:
            return Unknown(f"{reference.text} is not resolved in a custom resource")
        found = self.answers.stored(reference.name) if reference.service == "ssm" else None
        return Unknown(f"{reference.text} is not known") if found is None else found

    def _expand(self) -> None:
        loops = [key for key in section(self.root, "Resources") if key.startswith(PREFIX)]
        if LANGUAGE_EXTENSIONS not in transforms_of(self.root):
            for key in loops:
                place = place_of(self.root, ("Resources", key), of_key=True) or Place(1, 1)
                self.problems.append(Problem(place, f"{key} needs Transform: {LANGUAGE_EXTENSIONS}"))
            return
        try:
            self.root, self.left = expand_loops(self.root, self.evaluator.evaluate)
        except LoopError as error:
            place = place_of(self.root, ("Resources", *loops[:1]), of_key=True) or Place(1, 1)
            self.problems.append(Problem(place, f"{LANGUAGE_EXTENSIONS} fails: {error}"))
            return
        self.evaluator.conditions = section(self.root, "Conditions")


def evaluate_partially(
    root: Mapping[str, Any], given: Mapping[str, Given], answers: Answers | None = None
) -> PartialTemplate:
    """Returns a template with the values that are known before a deployment.

    Args:
        root: The template, with places.
        given: Values of parameters, instead of their defaults.
        answers: Values from outside of the template.
    """
    answers = answers or Answers()
    names = {
        name: _parameter(name, declaration, given.get(name), answers)
        for name, declaration in section(root, "Parameters").items()
    }
    return PartialTemplate(root, names, answers)


def section(root: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Returns a section of a template; an empty one if it is missing or not a map."""
    found = root.get(name)
    return found if isinstance(found, dict) else {}


def as_received(value: Any) -> Any:
    """Returns a value as a custom resource receives it: text at any depth, with unknown values kept."""
    if isinstance(value, dict):
        return copied_map(value, {key: as_received(item) for key, item in value.items()})
    if isinstance(value, list):
        return copied_list(value, [(index, as_received(item)) for index, item in enumerate(value)])
    return value if value is None or isinstance(value, Unknown) else as_text(value)


def plain_values(value: Any) -> Any:
    """Returns plain values for a schema, with UNKNOWN for values that are unknown in whole or in part.

    A list of which nothing else is known becomes a list with one unknown item: a list parameter always has an
    item.
    """
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_values(item) for item in value]
    if isinstance(value, Unknown) and value.is_list:
        return [UNKNOWN]
    if isinstance(value, Unknown | PartialText):
        return UNKNOWN
    return str(value) if isinstance(value, str) else value


def secure_references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yields the dynamic references that CloudFormation does not resolve in custom resources, with paths."""
    if isinstance(value, str):
        for reference in references_in(value):
            if reference.service in SECURE_SERVICES:
                yield path, reference.text
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secure_references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secure_references(item, (*path, index))


def _parameter(name: str, declaration: Any, given: Given | None, answers: Answers) -> Any:
    """Returns the value of a parameter; a secret is Unknown, so that no message shows it."""
    declared = declaration if isinstance(declaration, dict) else {}
    kind = str(declared.get("Type", "String"))
    wants_list = is_list(kind.removeprefix(SSM_PREFIX))
    if isinstance(given, Unknown):
        return Unknown(given.reason, is_list=wants_list)
    if str(declared.get("NoEcho", False)).lower() == "true":
        return Unknown(f"parameter {name} is secret", is_list=wants_list)
    if given is None and "Default" not in declared:
        return Unknown(f"parameter {name} has no value", is_list=wants_list)
    try:
        text = default_text(declared) if given is None else given
        if kind.startswith(SSM_PREFIX):
            kind = kind.removeprefix(SSM_PREFIX).removesuffix(">")
            stored = answers.stored(text)
            if stored is None:
                return Unknown(f"parameter {name} is in Parameter Store", is_list=wants_list)
            text = stored
        return typed(name, kind, text)
    except (EvaluationError, ParameterError) as error:
        return Unknown(str(error), is_list=wants_list)
