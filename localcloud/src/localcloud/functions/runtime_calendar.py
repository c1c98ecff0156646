"""Lambda's calendar of runtimes: until when each can create and update functions."""

import json
from datetime import date
from pathlib import Path
from typing import Literal

from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud.clock import clock
from localcloud.functions.limits import check_runtime_name

Block = Literal["create-block", "update-block"]

#: From which days on Lambda creates, and updates, no function with a runtime; UTC. Runtimes without such days
#: are left out. A test holds the table to cfn-lint's: that package is too large for every embedded cloud.
#: Source: AWS Lambda developer guide, "Lambda runtimes", as of 2026-10-20.
BLOCKS: dict[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def check_runtime(runtime: str, block: Block) -> None:
    """Checks that Lambda still creates, or updates, functions with a runtime, by the cloud's clock.

    Args:
        runtime: The one that the function would have.
        block: The kind of request.

    Raises:
        InvalidParameterValueException: In Lambda's words: it does not any more, or never did.
            Source: vittorio-nardone/disposable_app issue 3, 2025-01-20.
    """
    check_runtime_name(runtime)
    if runtime not in BLOCKS:
        return
    create_block, update_block = BLOCKS[runtime]
    ends_on = create_block if block == "create-block" else update_block
    if date.fromisoformat(ends_on) <= clock.now().date():
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
