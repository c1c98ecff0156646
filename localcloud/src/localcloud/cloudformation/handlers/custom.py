"""Custom resources: a request to a function, and the one response to it."""

import json
import logging
import secrets
import string
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends

from localcloud.clock import clock
from localcloud.cloudformation.errors import ResourceFailedError, UnresolvedValueError
from localcloud.cloudformation.ports import connected
from localcloud.cloudformation.resource import Cancel, Handler, Made, Progress, Target, no_cancel
from localcloud.cloudformation.response_endpoint import response_endpoint
from localcloud.cloudformation.response_urls import response_host
from localcloud.cloudformation.steps import schedule
from localcloud.cloudformation.template.functions import stringify
from localcloud.faults import REQUEST, faults
from localcloud.gaps import gap

_LOG = logging.getLogger(__name__)

#: Source: CloudFormation user guide, "Custom resource response objects" and "CloudFormation quotas".
MAX_RESPONSE_BYTES = 4096
MAX_PHYSICAL_ID_BYTES = 1024
#: Source: AWS::CloudFormation::CustomResource, ServiceTimeout.
DEFAULT_TIMEOUT_S = 3600
_URL_EXPIRES_S = 7200
_SUFFIX_LENGTH = 12


@dataclass(frozen=True)
class CustomState:
    """A custom resource's last response."""

    data: dict[str, Any] = field(default_factory=dict)
    no_echo: bool = False


class _ProtocolError(ResourceFailedError):
    """A response or a request that violates the protocol."""


class CustomResourceHandler(Handler):
    """Sends Create, Update and Delete requests and evaluates the responses."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Sends a Create; without a valid response, a generated physical id is left to delete."""

        def answered(response: dict[str, Any]) -> None:
            made = _made(target, response)
            if response["Status"] == "SUCCESS":
                progress.succeeded(made)
            else:
                progress.failed(_reason(response), made)

        def unanswered(reason: str) -> None:
            progress.failed(reason, self.leftover(target))

        return _exchange(target, {"RequestType": "Create"}, answered, unanswered)

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Sends an Update; another physical id in the response is a replacement."""
        if target.properties.get("ServiceToken") != made.target.properties.get("ServiceToken"):
            progress.failed("Modifying service token is not allowed.")
            return no_cancel

        def answered(response: dict[str, Any]) -> None:
            now = _made(target, response)
            if response["Status"] == "SUCCESS":
                progress.succeeded(now, replaces=now.physical_id != made.physical_id)
            else:
                progress.failed(_reason(response))

        request = {
            "RequestType": "Update",
            "PhysicalResourceId": made.physical_id,
            "OldResourceProperties": stringify(made.target.properties),
        }
        return _exchange(target, request, answered, progress.failed)

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Sends a Delete."""

        def answered(response: dict[str, Any]) -> None:
            if response["Status"] == "SUCCESS":
                progress.succeeded()
            else:
                progress.failed(_reason(response))

        request = {"RequestType": "Delete", "PhysicalResourceId": made.physical_id}
        return _exchange(made.target, request, answered, progress.failed)

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Sends an Update with the properties swapped, unless the Update to undo was never sent."""
        if before.target.properties.get("ServiceToken") != made.target.properties.get("ServiceToken"):
            progress.succeeded(before)
            return no_cancel
        return self.update(before.target, made, progress)

    def differs(self, target: Target, made: Made) -> bool:
        """Compares the properties as a request contains them."""
        return bool(stringify(target.properties) != stringify(made.target.properties))

    def is_secret(self, made: Made, name: str) -> bool:  # noqa: ARG002 - all of it or nothing
        """Returns the ``NoEcho`` of the last response."""
        return bool(made.state and made.state.no_echo)

    def attribute(self, made: Made, name: str) -> Any:
        """Returns a value of ``Data`` in the last response."""
        state = made.state or CustomState()
        if name not in state.data:
            stack = made.target.stack
            raise UnresolvedValueError(
                f"CustomResource attribute error: Vendor response doesn't contain {name} key in object "
                f"{stack.id}|{made.target.logical_id}|{made.physical_id} in S3 bucket "
                f"cloudformation-custom-resource-storage-{stack.region_name.replace('-', '')}"
            )
        return state.data[name]

    def leftover(self, target: Target) -> Made | None:
        """Returns a resource with a generated physical id: an unfinished Create may have left something."""
        alphabet = string.ascii_uppercase + string.digits
        suffix = "".join(secrets.choice(alphabet) for _ in range(_SUFFIX_LENGTH))
        return Made(target, f"{target.stack.name}-{target.logical_id}-{suffix}", CustomState())


def _exchange(target: Target, request: dict[str, Any], answered: Any, unanswered: Any) -> Cancel:
    """Sends a request and calls back once: with a valid response, or with the reason that there is none."""
    stack, properties = target.stack, target.properties
    timeout_s = _timeout_s(properties)
    request_id = str(uuid.uuid4())

    def receive(body: bytes) -> None:
        if not expectation.open:
            return
        expectation.close()
        timer.cancel()
        try:
            response = _parse(body, stack.id, request_id, target.logical_id)
        except _ProtocolError as error:
            unanswered(str(error))
        else:
            answered(response)

    def time_out() -> None:
        expectation.close()
        unanswered(
            "CloudFormation did not receive a response from your Custom Resource. "
            f"Please check your logs for requestId [{request_id}]."
        )

    def cancel() -> None:
        expectation.close()
        timer.cancel()

    region = stack.region_name
    expectation = response_endpoint.expect(
        response_host(region),
        f"{stack.id}|{target.logical_id}|{request_id}",
        region,
        receive=receive,
        expires_s=_URL_EXPIRES_S,
        operation=request["RequestType"],
    )
    timer = schedule(time_out, delay_s=timeout_s)
    event = {
        **request,
        "ServiceToken": properties.get("ServiceToken"),
        "ResponseURL": expectation.url,
        "StackId": stack.id,
        "RequestId": request_id,
        "LogicalResourceId": target.logical_id,
        "ResourceType": target.resource_type,
        "ResourceProperties": stringify(properties),
    }
    try:
        _invoke(properties.get("ServiceToken"), event)
    except Exception:
        cancel()
        raise
    return cancel


def _invoke(service_token: Any, event: dict[str, Any]) -> None:
    if not isinstance(service_token, str) or ":lambda:" not in service_token:
        raise _ProtocolError(
            f"Invalid service token: {service_token} is no function {gap('cloudformation.custom-resources')}"
        )
    _require_python(service_token)
    payload = json.dumps(event).encode()
    function = service_token.split(":")[6]
    for after_s in faults.deliveries(REQUEST, event["RequestType"], function):
        if after_s:
            clock.call_later(after_s, lambda: _deliver_late(service_token, payload))
        else:
            _deliver(service_token, payload)


def _require_python(service_token: str) -> None:
    """Refuses a function that is not run here at once: it would never answer.

    Raises:
        ResourceFailedError: The function's runtime is not Python.
    """
    _, _, _, region, account, _, name, *_ = service_token.split(":")
    try:
        runtime = str(lambda_backends[account][region].get_function(service_token).run_time)
    except LambdaClientError:
        return  # there is no such function: the invocation says so
    if not runtime.startswith("python"):
        raise ResourceFailedError(
            f"localcloud runs functions in Python only, and {name}, which this resource would be asked of, "
            f"has the runtime {runtime} {gap('lambda.languages')}"
        )


def _deliver(service_token: str, payload: bytes) -> None:
    connected().invoke_async(service_token, payload)


def _deliver_late(service_token: str, payload: bytes) -> None:
    try:
        _deliver(service_token, payload)
    except LambdaClientError as error:
        _LOG.warning("not delivered, the function is gone: %s", error.message)


def _timeout_s(properties: Any) -> int:
    timeout_s = int(properties.get("ServiceTimeout", DEFAULT_TIMEOUT_S))
    if not 1 <= timeout_s <= DEFAULT_TIMEOUT_S:
        raise _ProtocolError(f"ServiceTimeout must be between 1 and {DEFAULT_TIMEOUT_S}, not {timeout_s}")
    return timeout_s


def _parse(body: bytes, stack_id: str, request_id: str, logical_id: str) -> dict[str, Any]:
    if len(body) > MAX_RESPONSE_BYTES:
        raise _ProtocolError(
            f"Response is too long: {len(body)} bytes, at most {MAX_RESPONSE_BYTES} are read"
        )
    try:
        response = json.loads(body)
    except ValueError as error:
        raise _ProtocolError("Invalid response: the body is not JSON") from error
    if not isinstance(response, dict) or response.get("Status") not in {"SUCCESS", "FAILED"}:
        raise _ProtocolError("Invalid response: Status must be SUCCESS or FAILED")
    copied = {"StackId": stack_id, "RequestId": request_id, "LogicalResourceId": logical_id}
    for name, expected in copied.items():
        if response.get(name) != expected:
            raise _ProtocolError(f"Invalid response: {name} is not the request's")
    physical_id = response.get("PhysicalResourceId")
    if not isinstance(physical_id, str) or not 0 < len(physical_id.encode()) <= MAX_PHYSICAL_ID_BYTES:
        raise _ProtocolError("Invalid PhysicalResourceId")
    if not isinstance(response.get("Data") or {}, dict):
        raise _ProtocolError("Invalid response: Data must be a map")
    return response


def _made(target: Target, response: dict[str, Any]) -> Made:
    no_echo = str(response.get("NoEcho", False)).lower() == "true"
    return Made(target, response["PhysicalResourceId"], CustomState(response.get("Data") or {}, no_echo))


def _reason(response: dict[str, Any]) -> str:
    return (
        "Received response status [FAILED] from custom resource. "
        f"Message returned: {response.get('Reason', '')} (RequestId: {response['RequestId']})"
    )
