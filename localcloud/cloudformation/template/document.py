"""The text of a template, JSON or YAML with short forms, as plain data."""

import json
from typing import Any

import yaml

from localcloud.cloudformation.errors import ValidationError
from localcloud.cloudformation.template.numbers import FIRST_CHARACTERS, FLOAT_WITHOUT_POINT

#: Short forms that stand for a key without the prefix ``Fn::``.
#: Source: CloudFormation user guide, "Intrinsic function reference" and "Condition functions".
_UNPREFIXED = {"Ref", "Condition"}


#: In C where that is installed: to read a cluster's template in Python takes most of a CreateStack.
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc, valid-type]
    """YAML as CloudFormation reads it: dates stay text, and ``!Function`` stands for a function."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Returns a map whose numeric keys, such as account numbers in mappings, are text."""
        for key_node, _ in node.value:
            if key_node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}:
                key_node.tag = "tag:yaml.org,2002:str"
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


# Its own, since others in this process may have put theirs into SafeLoader, which is inherited.
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# The last one: what YAML calls an integer stays one.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT_WITHOUT_POINT, FIRST_CHARACTERS)


def _construct_node(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    raise yaml.constructor.ConstructorError(problem=f"unexpected {node.tag}", problem_mark=node.start_mark)


def _construct_function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value = _construct_node(loader, node)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", maxsplit=1)
    return {suffix if suffix in _UNPREFIXED else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_function)


def parse(text: str) -> dict[str, Any]:
    """Reads a template.

    Args:
        text: JSON or YAML.

    Raises:
        ValidationError: The text is neither, or not a mapping.
    """
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError) as error:
        raise ValidationError(f"Template format error: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return document


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"YAML not well-formed. (line {mark.line + 1}, column {mark.column + 1}) {error.problem}"
    if isinstance(error, json.JSONDecodeError):
        return f"JSON not well-formed. (line {error.lineno}, column {error.colno})"
    return str(error)
