"""Puts functions that run into moto's Lambda service."""

import base64
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.cloudformation import parsing

from localcloud.functions import resources
from localcloud.functions.models import Function, check_deliverable
from localcloud.functions.service import Result, functions
from localcloud.resources.model import take_place

__all__ = ["install", "resources"]


class FunctionsBackend(LambdaBackend):
    """moto's Lambda service, running functions for real."""

    def put_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Replaces the configuration for asynchronous invocation; moto would keep the first for ever."""
        for condition in ("OnSuccess", "OnFailure"):
            destination = (config.get("DestinationConfig") or {}).get(condition, {}).get("Destination")
            if destination:
                check_deliverable(destination)
        self.get_function(function_name).event_invoke_config.clear()
        return super().put_function_event_invoke_config(function_name, config)

    def update_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Changes the fields that are named and keeps the others."""
        kept = self.get_function(function_name).event_invoke_config
        merged = {**(kept[0].config if kept else {}), **config}
        return self.put_function_event_invoke_config(function_name, merged)

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Deletes a function and ends its processes."""
        arn = _function(self, function_name, qualifier).unqualified_arn
        super().delete_function(function_name, qualifier)
        functions.forget(f"{arn}:{qualifier}" if qualifier else arn)

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: str | bytes,
        headers: Any,  # noqa: ARG002 - moto's signature
        response_headers: dict[str, str],
    ) -> bytes:
        """Runs a function for another of moto's services, an SQS event source for instance."""
        arn = _qualified(_function(self, function_name, qualifier).unqualified_arn, qualifier)
        result = functions.invoke(arn, body.encode() if isinstance(body, str) else body)
        if result.function_error:
            response_headers["x-amz-function-error"] = result.function_error
        return result.payload


def invoke(response: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
    """Answers the API call Invoke in its three kinds: RequestResponse, Event and DryRun."""
    name = unquote(response.path.rsplit("/", 2)[-2])
    qualifier = response.querystring.get("Qualifier", [None])[0]
    kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    payload = response.body.encode() if isinstance(response.body, str) else response.body
    function = _function(response.backend, name, qualifier)
    arn = _qualified(function.unqualified_arn, qualifier or _qualifier_in(name))
    if kind == "DryRun":
        return HTTPStatus.NO_CONTENT, {}, b""
    if kind == "Event":
        request_id = functions.invoke_async(arn, payload or b"{}")
        return HTTPStatus.ACCEPTED, {"x-amzn-RequestId": request_id}, b""
    result = functions.invoke(arn, payload or b"{}")
    return HTTPStatus.OK, _headers(result, response.headers.get("X-Amz-Log-Type") == "Tail"), result.payload


def install() -> None:
    """Rebinds moto's classes for functions, layers and the Lambda API; call it before the first request."""
    take_place()
    lambda_backends.backend = FunctionsBackend
    LambdaResponse.invoke = invoke  # type: ignore[method-assign]
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def _function(backend: LambdaBackend, name: str, qualifier: str | None) -> Function:
    return cast(Function, backend.get_function(name, qualifier))


def _headers(result: Result, with_log: bool) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "X-Amz-Executed-Version": result.executed_version,
        "x-amzn-RequestId": result.request_id,
    }
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if with_log:
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail).decode()
    return headers


def _qualified(arn: str, qualifier: str | None) -> str:
    return f"{arn}:{qualifier}" if qualifier else arn


def _qualifier_in(name: str) -> str | None:
    fields = name.split(":")
    if fields[0] == "arn":
        return fields[7] if len(fields) > 7 else None  # noqa: PLR2004 - a function's ARN has seven fields
    return fields[1] if len(fields) > 1 else None
