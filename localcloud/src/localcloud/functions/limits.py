"""What Lambda refuses when a function is created or changed: names and sizes beyond its quotas.

Source: AWS Lambda quotas, and "Defined runtime environment variables" in the developer guide.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

import botocore.session
from botocore.model import StringShape
from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud.functions.deployment import Archive

LAYERS_LIMIT = 5
#: Function and layers together.
UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
VARIABLES_LIMIT_BYTES = 4096

_RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
    r"|AWS_(ACCESS_KEY(_ID)?|SECRET_ACCESS_KEY|SESSION_TOKEN|(DEFAULT_)?REGION|EXECUTION_ENV)"
    r"|AWS_LAMBDA_(FUNCTION_(MEMORY_SIZE|NAME|VERSION)|INITIALIZATION_TYPE|LOG_(GROUP|STREAM)_NAME|RUNTIME_API)"
)


def check_runtime_name(runtime: str) -> None:
    """Checks that Lambda knows a runtime.

    Raises:
        InvalidParameterValueException: It never had one of this name.
    """
    if runtime not in (names := _runtimes()):
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(names)}] or be a valid ARN"
        )


def check_variables(variables: Mapping[str, str]) -> None:
    """Checks a function's environment variables.

    Raises:
        InvalidParameterValueException: They are too large, or some are Lambda's.
            Source: github-aws-runners/terraform-aws-github-runner issue 3594.
    """
    start = (
        "Lambda was unable to configure your environment variables because the environment variables you "
        "have provided"
    )
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > VARIABLES_LIMIT_BYTES:
        raise InvalidParameterValueException(f"{start} exceeded the 4KB limit. String measured: {measured}")
    if reserved := sorted(filter(_RESERVED.fullmatch, variables)):
        raise InvalidParameterValueException(
            f"{start} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )


def check_size(archives: Iterable[Archive]) -> None:
    """Checks the code of a function and its layers.

    Raises:
        InvalidParameterValueException: It is too large, or no zip archive.
    """
    try:
        total_bytes = sum(archive.unzipped_bytes() for archive in archives)
    except zipfile.BadZipFile as error:
        raise InvalidParameterValueException("Could not unzip uploaded file.") from error
    if total_bytes > UNZIPPED_LIMIT_BYTES:
        raise InvalidParameterValueException(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_LIMIT_BYTES} bytes. The actual size is {total_bytes} bytes."
        )


@cache
def _runtimes() -> tuple[str, ...]:
    shape = botocore.session.get_session().get_service_model("lambda").shape_for("Runtime")
    return tuple(cast(StringShape, shape).enum)
