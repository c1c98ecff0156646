"""The console output of instances: what was written to it here, instead of moto's sample of 2006."""

import base64
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

#: Source: Amazon EC2 API reference, GetConsoleOutput: the most recent 64 KB.
OUTPUT_MAX_BYTES = 64 * 1024


def write(backend: EC2Backend, instance_id: str, lines: list[str]) -> None:
    """Adds lines to an instance's console; it keeps the newest 64 KB, also when the instance has ended."""
    text = _outputs(backend).get(instance_id, "") + "".join(f"{line}\n" for line in lines)
    _outputs(backend)[instance_id] = text.encode()[-OUTPUT_MAX_BYTES:].decode(errors="ignore")


def answer_api_calls() -> None:
    """Replaces GetConsoleOutput of moto's EC2."""
    response_class: Any = EC2Response
    response_class.get_console_output = _get_console_output


def _outputs(backend: EC2Backend) -> dict[str, str]:
    """Returns the outputs by instance. They are kept on moto's backend, so resetting it forgets them."""
    outputs: dict[str, str] = backend.__dict__.setdefault("console_outputs", {})
    return outputs


def _get_console_output(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    instance = backend.get_instance(response._get_param("InstanceId"))  # noqa: SLF001
    answer: dict[str, Any] = {"InstanceId": instance.id, "Timestamp": utcnow()}
    if output := _outputs(backend).get(instance.id, ""):
        answer["Output"] = base64.b64encode(output.encode()).decode()
    return ActionResult(answer)
