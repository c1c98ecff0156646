"""Renders the pages: names, values and ranges from the code, sentences from the YAML files beside it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml
from click.testing import CliRunner

from cfn_template.reading import read_plain
from cluster_provider.core.errors import ERRORS
from pcluster_cfn.cli import COMMANDS, main
from pcluster_cfn.validation.resource_check import schemas as resource_schemas
from tools.engine_matrix import results
from tools.reference_pages.advisories import advisories_page
from tools.reference_pages.engines import engines_page
from tools.reference_pages.gaps import gaps_page
from tools.reference_pages.markdown import joined, table

ROOT = Path(__file__).parents[2]
FOLDER = Path("docs/reference")
WORDS = Path(__file__).parent
#: The letter by which errors.yaml names the resources of a type.
_LETTERS = {
    "Custom::PclusterCluster": "C",
    "Custom::PclusterClusterInfo": "R",
    "Custom::PclusterOfficialImage": "R",
    "Custom::PclusterImage": "I",
}
_ERRORS_LEAD = """
When a request fails, the reason in your stack's events begins with one of these codes. Then it names the
place, the value and what to do, root cause first. Throttling, server errors and lost connections are never
among them: the provider waits and tries again.

[Troubleshooting](../how-to/troubleshooting.md) starts from what you see instead.
"""
_COMMAND_LEAD = """
`make .venv/.installed` installs the command, and `source .venv/bin/activate` makes it available in a
shell. This page has what `pcluster-cfn COMMAND --help` prints. More about [the commands of every
day](../how-to/everyday.md), [`validate`](validate.md), [`advise`](../how-to/advisories.md),
[`upgrade`](../how-to/upgrading.md#move-a-cluster-to-another-parallelcluster-version),
[`publish`](../how-to/publish.md), [`quick-create` and `launch-page`](../how-to/launching.md), and [`local`
and `demo`](../how-to/embedded-cloud.md).

**Defaults** for all options can stand in [a configuration file](configuration-file.md).

**Completion** of commands and options: put the line of your shell into its start-up file.

```sh
eval "$(_PCLUSTER_CFN_COMPLETE=bash_source pcluster-cfn)"   # bash: ~/.bashrc
eval "$(_PCLUSTER_CFN_COMPLETE=zsh_source pcluster-cfn)"    # zsh: ~/.zshrc
_PCLUSTER_CFN_COMPLETE=fish_source pcluster-cfn | source    # fish: ~/.config/fish/config.fish
```
"""
#: Width of the help, in characters.
_COLUMNS = 100
_HOOK_LEAD = """
`hook.yaml` makes the hook that [shows the plan of clusters in every change set](../how-to/hook.md): two
Lambda functions, a table, two roles and a log group. Its required parameters are outputs of [the provider
stack](provider-stack.md).
"""
_STACK_LEAD = """
`template.yaml` makes the provider: two Lambda functions with their layer, a table, two queues, rules, log
groups and alarms. No parameter is required. [Operate the provider](../how-to/operations.md) and
[Permissions](permissions.md) say when to set one.
"""


class WordsError(ValueError):
    """The sentences do not fit the code: one of them has a name that the other lacks."""


def pages(words_folder: Path = WORDS) -> Iterator[tuple[Path, str]]:
    """Yields the path of each page, from the project's root, and its text.

    Args:
        words_folder: Where ``resources.yaml``, ``errors.yaml`` and ``advisories.yaml`` are.

    Raises:
        WordsError: A property, an attribute, an error or a resource type lacks its sentences, or is gone.
    """
    words, schemas = _words(words_folder / "resources.yaml"), resource_schemas()
    _same("resource types", words, schemas)
    errors = _words(words_folder / "errors.yaml")
    _same("error codes", errors, ERRORS)
    for resource_type, schema in schemas.items():
        page = words[resource_type]
        yield FOLDER / f"{page['page']}.md", _resource(resource_type, page, schema, errors)
    yield FOLDER / "errors.md", _errors(errors)
    yield FOLDER / "provider-stack.md", _stack("template.yaml", "The provider stack", _STACK_LEAD)
    yield FOLDER / "hook-stack.md", _stack("hook.yaml", "The hook's stack", _HOOK_LEAD)
    yield FOLDER / "command.md", _command()
    sections = _words(ROOT / "localcloud/gaps.yaml")
    yield (
        Path("localcloud/GAPS.md"),
        gaps_page(sections, "<!-- Made by make reference from localcloud/gaps.yaml. -->"),
    )
    yield FOLDER / "advisories.md", advisories_page(_words(words_folder / "advisories.yaml"))
    yield FOLDER / "engines.md", engines_page(_words(words_folder / "engines.yaml"), results())


def _resource(resource_type: str, words: Mapping[str, Any], schema: Mapping[str, Any], errors: Any) -> str:
    _same(f"properties of {resource_type}", words["properties"], schema["properties"])
    groups = [*words["attributes"], *words.get("more_attributes", [])]
    names = [name for group in groups for name in group["names"]]
    _same(f"attributes of {resource_type}", names, schema["x-attributes"])
    parts = [
        _made("resources.yaml"),
        f"# `{resource_type}`",
        words["lead"],
        "## Syntax",
        _syntax(resource_type, schema),
        "## Example",
        _example(**words["example"]),
        "## Properties",
        "A property with any other name is refused; the message suggests the nearest known name.",
        *(_property(name, each, schema) for name, each in words["properties"].items()),
        "## Attributes",
        f"`!Ref` returns: {_lower(words['ref'])}",
        words["attributes_lead"],
        table(("attribute", "value"), ((_codes(group["names"]), group["text"]) for group in groups)),
        "## Errors",
        "A failed request's reason begins with one of these codes.",
        _codes_of(_LETTERS[resource_type], errors),
        words.get("after", ""),
    ]
    return joined(parts)


def _syntax(resource_type: str, schema: Mapping[str, Any]) -> str:
    names = sorted(schema["properties"], key=lambda name: name not in schema["required"])
    width = max(map(len, names)) + 2
    lines = [
        f"  {f'{name}:':{width}}{_kind(schema['properties'][name])}"
        f"{' # required' if name in schema['required'] else ''}"
        for name in names
    ]
    return "\n".join(["```yaml", f"Type: {resource_type}", "Properties:", *lines, "```"])


def _kind(schema: Mapping[str, Any]) -> str:
    """Returns the kind of a property's value in one word, as CloudFormation's own pages have it."""
    if True in schema.get("enum", []):
        return "Boolean"
    match schema.get("type"):
        case "integer":
            return "Integer"
        case ["object", "string"]:
            return "Map or String"
        case ["array", "string"]:
            return "List of String"
    return "String or List of String" if "anyOf" in schema else "String"


def _property(name: str, words: Mapping[str, str], schema: Mapping[str, Any]) -> str:
    known = schema["properties"][name]
    required = name in schema["required"]
    if required == ("default" in words):
        raise WordsError(f"{name}: a property is either required or has a default")
    facts = [
        f"- Required: {'yes' if required else 'no'}",
        f"- Value: {_value(known)}",
        *([] if required else [f"- Default: {words['default']}"]),
        f"- Update: {_lower(words['update'])}",
    ]
    return joined([f"### `{name}`", words["text"], "\n".join(facts)])


def _value(schema: Mapping[str, Any]) -> str:
    options = schema.get("enum") or schema.get("anyOf", [{}])[0].get("enum", [])
    if True in options:
        return "`true` or `false`"
    if options:
        several = ", or a list of them" if "anyOf" in schema else ""
        return f"{', '.join(f'`{option}`' for option in options[:-1])} or `{options[-1]}`{several}"
    expected = str(schema.get("x-expected", "a string"))
    # The pattern is in the sentence already; names and placeholders are code.
    said = expected.partition(", as in ^")[0]
    return re.sub(r"(ALL|type:<\w+>|!Ref|AWS::\w+::\w+)", r"`\1`", said)


def _example(file: str, resource: str) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.search(rf"^  {resource}:\n(?:(?:    .*)?\n)+", text, re.MULTILINE)
    if found is None:
        raise WordsError(f"{file} has no resource {resource}")
    return (
        f"```yaml\n{found.group().rstrip()}\n```\n\nFrom [{file}](../../{file}), which is a whole template."
    )


def _codes_of(letter: str, errors: Mapping[str, Any]) -> str:
    of_the_resource = {code: words for code, words in errors.items() if letter in words["of"]}
    rows = (
        (f"[`{code}`](errors.md#{code.lower()})", _first(words["cause"]))
        for code, words in of_the_resource.items()
    )
    return table(("code", "cause"), rows)


def _errors(errors: Mapping[str, Any]) -> str:
    of = {"C": "cluster", "R": "read-only resource", "I": "image"}
    sections = (
        joined([
            f"## `{code}`",
            words["cause"],
            f"**What to do:** {words['fix']}",
            f"Resources: {', '.join(of[letter] for letter in words['of'])}.",
        ])
        for code, words in errors.items()
    )  # fmt: skip
    return joined([_made("errors.yaml"), "# Errors", _ERRORS_LEAD, *sections])


def _stack(file: str, title: str, lead: str) -> str:
    template = read_plain((ROOT / file).read_text(encoding="utf-8"))
    parameters = (
        (f"`{name}`", _default(each), f"{each['Description']}{_choices(each)}")
        for name, each in template["Parameters"].items()
    )
    outputs = ((f"`{name}`", each["Description"]) for name, each in template["Outputs"].items())
    return joined([
        f"<!-- Made from {file} by make reference. -->",
        f"# {title}",
        lead,
        "## Parameters",
        table(("parameter", "default", "meaning"), parameters),
        "## Outputs",
        table(("output", "value"), outputs),
    ])  # fmt: skip


def _command() -> str:
    return joined([
        "<!-- Made from the command's own help by make reference. -->",
        "# The command `pcluster-cfn`",
        _COMMAND_LEAD,
        *(section for name in COMMANDS for section in _help(name)),
    ])  # fmt: skip


def _help(*names: str) -> Iterator[str]:
    """Yields the help of a command, and that of the commands in it."""
    shown = CliRunner().invoke(main, [*names, "--help"], prog_name="pcluster-cfn", terminal_width=_COLUMNS)
    yield f"{'#' * (len(names) + 1)} `{' '.join(names)}`\n\n```text\n{shown.output.rstrip()}\n```"
    command: click.Command = main
    for name in names:
        assert isinstance(command, click.Group)  # noqa: S101 - it has the command of that name
        found = command.get_command(click.Context(command), name)
        assert found is not None  # noqa: S101 - its help was just shown
        command = found
    if isinstance(command, click.Group):
        for name in command.commands:
            yield from _help(*names, name)


def _default(parameter: Mapping[str, Any]) -> str:
    if "Default" not in parameter:
        return "required"
    default = str(parameter["Default"])
    return f"`{default}`" if default else "empty"


def _choices(parameter: Mapping[str, Any]) -> str:
    allowed = parameter.get("AllowedValues", [])
    return f" One of {', '.join(f'`{value}`' for value in allowed)}." if allowed else ""


def _codes(names: list[str]) -> str:
    """Returns names as code; those that share a prefix with the one before are shortened to their ending."""
    shown, before = [], ""
    for name in names:
        prefix = name.rpartition(".")[0]
        shown.append(f"`.{name.rpartition('.')[2]}`" if prefix and prefix == before else f"`{name}`")
        before = prefix
    return ", ".join(shown)


def _first(text: str) -> str:
    """Returns the first sentence, or what a list begins with."""
    said = " ".join(text.split())
    if said.startswith("One of these:"):
        said = said.partition(" - ")[2]
    sentence = re.split(r"(?<=\.) ", said)[0]
    return re.sub(r" \(\[[^]]*\]\([^)]*\)\)", "", sentence)


def _lower(sentence: str) -> str:
    """Returns a sentence as it goes on after a colon."""
    is_name = re.match(r"CloudFormation|ParallelCluster|\W", sentence)
    return sentence if is_name else sentence[0].lower() + sentence[1:]


def _made(source: str) -> str:
    return f"<!-- Made by make reference from the code and tools/reference_pages/{source}. -->"


def _words(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _same(what: str, words: Any, code: Any) -> None:
    if different := sorted(set(words) ^ set(code)):
        raise WordsError(f"{what}: only one of code and YAML has {', '.join(different)}")
