"""The configuration file ``pcluster-cfn.toml``: defaults of options, for a project and its commands.

Keys at the top are for every command that talks to AWS. A table has the defaults of one command, by the
options' long names::

    region = "eu-west-1"

    [deploy]
    bucket = "my-bucket"

    [deploy.parameter]
    MaxCount = 8
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pcluster_cfn.errors import CommandError, suggest

FILE_NAME = "pcluster-cfn.toml"
#: What every command that talks to AWS has, so that it may stand at the top.
_SHARED = ("profile", "region")
_PLACE_OF_OPTIONS = f"a key is the long name of an option, or one of {' and '.join(_SHARED)} at the top"


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file that was read."""

    path: Path
    content: Mapping[str, Any]

    def defaults(self, name: str, command: click.Command) -> dict[str, Any]:
        """Returns the defaults of a command's options, by the parameters' names, for click's ``default_map``.

        Args:
            name: The command's name: that of its table.
            command: The command.

        Raises:
            CommandError: The table has a key that is no option of the command, or a value that is not valid.
        """
        options = {long_name: each for each in command.params if (long_name := _long_name(each))}
        given = dict(self._table(name))
        for key in given:
            if key not in options:
                known = f"{name} has: {', '.join(options)}"
                raise CommandError(
                    f"{self.path}: [{name}] has {key!r}, which is no option of {name}",
                    suggest(key, options, known),
                )
        if "profile" in options:
            shared = {key: self.content[key] for key in _SHARED if key in self.content}
            given = shared | given
        return {
            str(options[key].name): self._value(name, key, value, options[key])
            for key, value in given.items()
        }

    def require_known_names(self, commands: Iterable[str]) -> None:
        """Refuses a name at the top that is neither a command's table nor a shared option.

        Raises:
            CommandError: Names the first one.
        """
        tables = list(commands)
        for name, value in self.content.items():
            is_table = isinstance(value, dict)
            if name in (tables if is_table else _SHARED):
                continue
            known = tables if is_table else [*_SHARED, *tables]
            what = f"a table [{name}]" if is_table else f"a key {name!r} at the top"
            raise CommandError(f"{self.path} has {what}", suggest(name, known, _PLACE_OF_OPTIONS))

    def _table(self, name: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self.content.get(name, {})
        return table

    def _value(self, table: str, key: str, value: Any, option: click.Parameter) -> Any:
        """Returns a value as click takes it from a command line.

        Raises:
            CommandError: The option does not take the value.
        """
        pairs = [f"{name}={_text(each)}" for name, each in value.items()] if isinstance(value, dict) else None
        many = value if pairs is None else pairs
        taken = ([many] if not isinstance(many, list) else many) if option.multiple else many
        try:
            option.type_cast_value(click.Context(click.Command(table)), taken)
        except (click.BadParameter, TypeError) as error:
            where = key if key not in self._table(table) else f"[{table}] {key}"
            reason = error.message if isinstance(error, click.BadParameter) else "it is not valid"
            raise CommandError(
                f"{self.path}: {where} = {value!r}: {reason}",
                f"pcluster-cfn {table} --help says what it takes",
            ) from error
        return taken


def find(folder: Path, home: Path) -> ConfigFile | None:
    """Returns the configuration file that counts in a folder; None if there is none.

    It is in the folder or the nearest parent, up to the root of the git repository or the home folder.
    Outside of both, only the folder itself counts: others may be able to write into those above it.

    Args:
        folder: The current folder.
        home: The user's home folder.

    Raises:
        CommandError: The file cannot be read, or is not TOML.
    """
    above: list[Path] = []
    for each in (folder, *folder.parents):
        above.append(each)
        if each == home or (each / ".git").exists():
            break
    else:
        above = [folder]
    path = next((each / FILE_NAME for each in above if (each / FILE_NAME).is_file()), None)
    return _read(path) if path else None


def _read(path: Path) -> ConfigFile:
    try:
        return ConfigFile(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path} is not TOML: {error}", "fix the text there") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8", "save the file as UTF-8") from error
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}", "check its permissions") from error


def _long_name(parameter: click.Parameter) -> str | None:
    """Returns an option's long name without its dashes; None for an argument."""
    names = parameter.opts if isinstance(parameter, click.Option) else ()
    return next((name.removeprefix("--") for name in names if name.startswith("--")), None)


def _text(value: Any) -> str:
    """Returns a parameter as CloudFormation takes it: lists with commas, Booleans in lower case."""
    if isinstance(value, list):
        return ",".join(_text(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
