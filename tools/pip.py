"""Settings of pip on this machine, for programs that use the same package index."""

import os
import subprocess
import sys
from collections.abc import Mapping

#: The sections of pip's settings, the most specific first.
#: Source: pip documentation, "Configuration": a command's section precedes the global one.
_SECTIONS = ("download", "install", "global")
#: uv's variable for each setting of pip that names an index or the trusted certificates.
#: Source: uv documentation, "Environment variables"; uv does not read pip's files.
_UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
}


def settings() -> dict[str, str]:
    """Returns the output of ``pip config list``, by ``section.key``."""
    return dict(_setting(line) for line in output("config", "list").splitlines() if "=" in line)


def configured(settings: Mapping[str, str], environment: Mapping[str, str], key: str) -> str | None:
    """Returns a setting of pip from the environment or its files.

    Args:
        settings: The output of ``pip config list``, by ``section.key``.
        environment: This process's environment.
        key: As in pip's files, ``index-url`` for instance.
    """
    variable = environment.get(f"PIP_{key.upper().replace('-', '_')}")
    named = (settings.get(f"{section}.{key}") for section in _SECTIONS)
    return variable or next(filter(None, named), None)


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment in which uv uses pip's index, unless it names one for uv.

    Args:
        settings: The output of ``pip config list``, by ``section.key``.
        environment: This process's environment.
    """
    found = {name: configured(settings, environment, key) for key, name in _UV_VARIABLES.items()}
    return {name: value for name, value in found.items() if value} | dict(environment)


def output(*arguments: str) -> str:
    """Returns what pip prints."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    wide = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, env=wide, capture_output=True, text=True, check=False).stdout


def _setting(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip().strip("'\"")
