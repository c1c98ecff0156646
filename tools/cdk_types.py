"""The types of the CDK construct, made from the schemas that the provider and the engine check by.

Usage: ``make schemas``, which runs ``python -m tools.cdk_types``. A test compares the committed modules with
what this one makes.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from cluster_schema import configuration_schema, versions
from pcluster_cfn.editor_schemas import update
from pcluster_cfn.project import ROOT
from pcluster_cfn.validation.resource_check import RESOURCES

_FOLDER = ROOT / "cdk" / "src" / "pcluster_cfn_cdk"
CONFIGURATION, RESOURCE = _FOLDER / "configuration.py", _FOLDER / "resource.py"
_MADE: Final = "Made by ``make schemas``; do not edit."
_CLUSTER = "Custom::PclusterCluster"
#: What the construct has arguments for itself.
_ARGUMENTS = {"ServiceToken", "ServiceTimeout", "ClusterName", "ClusterConfiguration"}
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_BOOLEANS = {True, False, "true", "false", "True", "False"}

JsonSchema = dict[str, Any]


def modules() -> Iterator[tuple[Any, str]]:
    """Yields the path of each module and its text."""
    yield CONFIGURATION, configuration(versions()[0])
    resource = json.loads(RESOURCES.read_text(encoding="utf-8"))[_CLUSTER]
    yield RESOURCE, _resource(resource)


def configuration(version: str) -> str:
    """Returns the module with a type for each section of a ParallelCluster version's configuration."""
    sections = _Sections()
    sections.add((), configuration_schema(version), "A cluster's configuration")
    head = [
        f'"""The types of ParallelCluster {version}\'s configuration. {_MADE}"""',
        "",
        "from typing import Any, Literal, Required, TypedDict",
    ]
    return "\n".join([*head, *sections.lines]) + "\n"


class _Sections:
    """The types of sections; those of the same form are one type."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def add(self, path: tuple[str, ...], schema: JsonSchema, what: str) -> str:
        """Returns the name of a section's type, and adds it, with those inside of it, unless it exists."""
        form = json.dumps(schema, sort_keys=True)
        if form not in self._names:
            self._names[form] = name = "".join(path) or "ClusterConfiguration"
            required = schema.get("required", [])
            keys: list[str] = []
            for key, place in schema["properties"].items():
                kind = self._type((*path, key), place)
                keys.append(f"    {key}: {f'Required[{kind}]' if key in required else kind}")
                if policy := place.get("x-update-policy"):
                    keys.append(f'    """Update: {update(policy, key)}."""')
            self.lines += ["", "", f"class {name}(TypedDict, total=False):", f'    """{what}."""', "", *keys]
        return self._names[form]

    def _type(self, path: tuple[str, ...], schema: JsonSchema) -> str:
        if values := schema.get("enum"):
            return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(_SIMPLE[each] for each in kind)
        if kind == "array":
            return f"list[{self._type(path, schema.get('items', {}))}]"
        if kind == "object" and "properties" in schema:
            return self.add(path, schema, f"``{'/'.join(path)}``")
        return "dict[str, Any]" if kind == "object" else _SIMPLE.get(str(kind), "Any")


def _resource(schema: JsonSchema) -> str:
    """Returns the module with the resource's further properties and its attributes."""
    lines = [
        f'"""The properties and attributes of ``{_CLUSTER}``. {_MADE}"""',
        "",
        "from typing import Literal, TypedDict",
        "",
        "",
        "class ClusterProperties(TypedDict, total=False):",
        '    """The properties of a cluster beside those that every cluster has."""',
        "",
    ]
    for name, place in schema["properties"].items():
        if name not in _ARGUMENTS:
            lines += [f"    {_snake_case(name)}: {_property_type(place)}", f'    """{place["x-expected"]}"""']
    lines += [
        "",
        "",
        "class ClusterAttributes:",
        '    """A property for each attribute: a token for what the cluster has once it exists."""',
        "",
        "    def attribute(self, name: str) -> str:",
        '        """Returns a token for an attribute, such as ``loginNodes.1.address``."""',
        "        raise NotImplementedError",
    ]
    for name in schema["x-attributes"]:
        if ".N." not in name:
            lines += [
                "",
                "    @property",
                f"    def {_snake_case(name)}(self) -> str:",
                f'        """``{name}``."""',
                f'        return self.attribute("{name}")',
            ]
    return "\n".join(lines) + "\n"


def _property_type(schema: JsonSchema) -> str:
    values = schema.get("enum")
    if values and set(values) <= _BOOLEANS:
        return "bool"
    if values:
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return "list[str]" if "array" in kinds else " | ".join(_SIMPLE[each] for each in kinds)


def _snake_case(name: str) -> str:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    return "_".join(word.lower() for word in words)


if __name__ == "__main__":
    for path, text in modules():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
