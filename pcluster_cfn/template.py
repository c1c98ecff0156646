"""Templates that the command changes and passes on; what is not changed leaves as it came."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yaml.nodes import MappingNode

from cfn_template.composing import compose
from cfn_template.limits import TemplateError
from cfn_template.nodes import child, empty_map, entries, scalar, serialize, value
from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_text


@dataclass(frozen=True)
class Resource:
    """One entry of a template's ``Resources``."""

    logical_id: str
    type: str
    properties: MappingNode


@dataclass(frozen=True)
class Parameter:
    """One entry of a template's ``Parameters``; ``default`` is None where the template has none."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Template:
    """A template's node tree, which its methods hand out for reading and changing in place."""

    root: MappingNode

    @staticmethod
    def parse(text: str, source: str) -> "Template":
        """Reads a template's text.

        Args:
            text: YAML or JSON.
            source: Where the text comes from, for error messages.

        Raises:
            CommandError: The text is no YAML, or is no CloudFormation template.
        """
        try:
            root = compose(text)
        except TemplateError as error:
            if error.place is None:
                raise CommandError(f"{source}: {error.problem}", "a template is YAML or JSON text") from error
            where = f"{source}:{error.place.line}:{error.place.column}"
            raise CommandError(f"{where}: {error.problem}", "fix the text there") from error
        if not isinstance(root, MappingNode) or not isinstance(child(root, "Resources"), MappingNode):
            raise CommandError(f"{source} has no Resources", "give the path of a CloudFormation template")
        return Template(root)

    @staticmethod
    def read(path: Path) -> "Template":
        """Reads a template file.

        Raises:
            CommandError: There is no such file, or it holds no template.
        """
        return Template.parse(read_text(path), str(path))

    def text(self) -> str:
        """Returns the template as YAML, as CloudFormation reads it: in block style, aliases written out."""
        return serialize(self.root)

    def resources(self) -> Iterator[Resource]:
        """Yields the resources in the order of the text."""
        for logical_id, node in entries(child(self.root, "Resources")):
            properties = child(node, "Properties")
            yield Resource(
                logical_id,
                scalar(child(node, "Type")) or "",
                properties if isinstance(properties, MappingNode) else empty_map(),
            )

    def parameters(self) -> dict[str, Parameter]:
        """Returns the template's parameters by name."""
        return {
            name: Parameter(name, scalar(child(node, "Type")) or "String", value(child(node, "Default")))
            for name, node in entries(child(self.root, "Parameters"))
        }
