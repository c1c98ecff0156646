"""What stacks may be called, and what a template's stack is called if nobody says."""

import re
from pathlib import Path

from pcluster_cfn.errors import CommandError

#: Source: user guide, "Create quick-create links for stacks"; API reference, CreateStack, StackName.
STACK_NAME = "[A-Za-z][A-Za-z0-9-]{0,127}"
STACK_NAME_RULE = "must be 1 to 128 letters, digits and hyphens, the first a letter"


def is_stack_name(name: str) -> bool:
    """Says whether a stack may have a name."""
    return re.fullmatch(STACK_NAME, name) is not None


def named_after(template: Path) -> str:
    """Returns the name of the stack of a template for which no other is given: that of its file.

    Raises:
        CommandError: No stack can have that name.
    """
    if not is_stack_name(template.stem):
        raise CommandError(
            f"{template.stem!r}, the name of {template}, cannot be a stack's name, which {STACK_NAME_RULE}",
            "give one with --stack-name",
        )
    return template.stem
