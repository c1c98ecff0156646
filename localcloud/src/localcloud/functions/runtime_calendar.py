"""Lambda's calendar of runtimes: until when each can create and update functions."""

import json
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud.clock import clock

Block = Literal["create-block", "update-block"]

#: In the package cfn-lint, which moto's CloudFormation needs; read without importing it.
_CALENDAR = Path("data", "AdditionalSpecs", "LmbdRuntimeLifecycle.json")


def check_runtime(runtime: str, block: Block) -> None:
    """Checks that Lambda still creates, or updates, functions with a runtime, by the cloud's clock.

    Args:
        runtime: The one that the function would have; one that cfn-lint does not know is not refused.
        block: The kind of request.

    Raises:
        InvalidParameterValueException: In Lambda's words.
            Source: vittorio-nardone/disposable_app issue 3, 2025-01-20.
    """
    ends_on = _calendar().get(runtime, {}).get(block)
    if ends_on is not None and date.fromisoformat(ends_on) <= clock.now().date():
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )


@cache
def _calendar() -> dict[str, dict[str, str | None]]:
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package cfn-lint is missing: pip install 'moto[all]'")
    calendar: dict[str, dict[str, str | None]] = json.loads(
        (Path(spec.origin).parent / _CALENDAR).read_text(encoding="utf-8")
    )
    return calendar
