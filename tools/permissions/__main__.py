"""Writes the policies that a role given as ``CustomLambdaRole`` needs, or checks the written ones.

Usage: ``python -m tools.permissions [--check]``.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.iam.policy import Place
from tools.permissions.template import TEMPLATE, Names, Template

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "custom-lambda-role"
#: Words in the policies that the role's author replaces.
WORDS = Names(Place("REGION", "ACCOUNT"), "STACK")


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields file names and contents: the trust policy, and the permissions of both roles of the template."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), WORDS)
    yield "trust.json", template.properties("ProviderRole")["AssumeRolePolicyDocument"]
    roles = template.roles()
    small = [policy for role in ("ProviderRole", "EngineRole") for policy in _inline(roles[role])]
    statements = [_named(statement) for policy in small for statement in policy["Statement"]]
    yield "functions.json", {"Version": "2012-10-17", "Statement": statements}
    for name, policy in roles["EngineRole"].items():
        if _is_managed(name):
            file = name.removeprefix("Engine").removesuffix("Policy").lower()
            yield f"clusters-{file}.json", policy


def main() -> int:
    """Returns the exit status: 1 if ``--check`` found a committed file missing or out of date."""
    parser = argparse.ArgumentParser(prog="tools.permissions", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    is_check = parser.parse_args().check
    for name, document in documents():
        path, text = FOLDER / name, json.dumps(document, indent=2) + "\n"
        if not is_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path.name} is out of date: run python -m tools.permissions\n")
            return 1
    return 0


def _named(statement: dict[str, Any]) -> dict[str, Any]:
    """Returns a statement about any stack's provider, limited to the stack that the role is for."""
    place, stack = WORDS.place, f"function:{WORDS.stack}-Provider-*"
    if statement["Resource"] == place.arn("lambda", "function:*-Provider-*"):
        return statement | {"Resource": place.arn("lambda", stack)}
    return statement


def _is_managed(name: str) -> bool:
    return name.endswith("Policy")


def _inline(policies: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from (policy for name, policy in policies.items() if not _is_managed(name))


if __name__ == "__main__":
    sys.exit(main())
