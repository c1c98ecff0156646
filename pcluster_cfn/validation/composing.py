"""The text of a template or of a configuration as YAML nodes."""

import yaml
from yaml.nodes import Node

#: A tab is no indentation in YAML and is in JSON; one column stays one column.
_TAB = str.maketrans("\t", " ")


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON.

    Args:
        problem: What is wrong.
        mark: Where; None if only the whole is.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


def compose(text: str) -> Node | None:
    """Returns the root node of a text, None for an empty one.

    Raises:
        UnreadableError: It is not YAML, which JSON is as well.
    """
    readable = _indented_by_spaces(text) if text.lstrip().startswith(("{", "[")) else text
    try:
        return yaml.compose(readable, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise UnreadableError(error.problem or str(error), error.problem_mark) from error
    except yaml.YAMLError as error:
        raise UnreadableError(str(error), None) from error


def _indented_by_spaces(text: str) -> str:
    lines = text.split("\n")
    widths = [len(line) - len(line.lstrip()) for line in lines]
    pairs = zip(lines, widths, strict=True)
    return "\n".join(line[:width].translate(_TAB) + line[width:] for line, width in pairs)
