"""Replaces the parts of moto's Lambda service that do not run functions."""

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.cloudformation import parsing

from localcloud.functions import resources
from localcloud.functions.models import Function, check_deliverable
from localcloud.functions.permissions import require_destination
from localcloud.functions.recursion import lineage_of
from localcloud.functions.service import functions, qualifier_of
from localcloud.resources.model import take_place

__all__ = ["install", "resources"]

_REQUEST_ID = "x-amzn-requestid"


class FunctionsBackend(LambdaBackend):
    """moto's Lambda service, running functions for real."""

    # moto looks for a service's URLs beside its backend's module.
    _url_module = urls

    def put_function_concurrency(self, function_name: str, reserved_concurrency: Any) -> Any:
        """Reserves concurrency for a function, unless too little is left to the others; see moto."""
        others = cast(list[Function], self.list_functions())
        functions.concurrency.check_reservation(function_name, int(reserved_concurrency), others)
        return super().put_function_concurrency(function_name, reserved_concurrency)

    def put_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Replaces the configuration for asynchronous invocation; moto keeps the first."""
        function = self.get_function(function_name)
        for condition in ("OnSuccess", "OnFailure"):
            destination = (config.get("DestinationConfig") or {}).get(condition, {}).get("Destination")
            if destination:
                check_deliverable(destination)
                require_destination(str(function.role), destination)
        function.event_invoke_config.clear()
        super().put_function_event_invoke_config(function_name, config)
        (put,) = function.event_invoke_config
        put.arn = f"{function.function_arn}:{qualifier_of(function_name) or '$LATEST'}"
        return put.response()

    def update_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Changes the given fields and keeps the others."""
        kept = self.get_function(function_name).event_invoke_config
        merged = {**(kept[0].config if kept else {}), **config}
        return self.put_function_event_invoke_config(function_name, merged)

    def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        """Replaces a function's code, unless another change is in progress; see moto."""
        return self._change(super().update_function_code, function_name, qualifier, body)

    def update_function_configuration(self, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        """Changes a function's settings, unless another change is in progress; see moto."""
        return self._change(super().update_function_configuration, function_name, qualifier, body)

    def _change(
        self,
        change: Callable[[str, str, dict[str, Any]], Any],
        name: str,
        qualifier: str,
        body: dict[str, Any],
    ) -> Any:
        function = _function(self, name, qualifier)
        function.progress.require_settled(function.unqualified_arn)
        changed = change(name, qualifier, body)
        function.progress.change()
        return None if changed is None else function.get_configuration() | {"Version": changed["Version"]}

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
    function.progress.require_active()
    arn = _qualified(function.unqualified_arn, qualifier or qualifier_of(name))
    headers: dict[str, str] = {}
    lineage = lineage_of(response.headers.get("X-Amzn-Trace-Id"))
    if kind == "DryRun":
        return _answer(HTTPStatus.NO_CONTENT, headers)
    if kind == "Event":
        headers[_REQUEST_ID] = functions.invoke_async(arn, payload or b"{}", lineage=lineage)
        return _answer(HTTPStatus.ACCEPTED, headers)
    result = functions.invoke(arn, payload or b"{}", lineage=lineage)
    headers[_REQUEST_ID] = result.request_id
    headers["X-Amz-Executed-Version"] = result.executed_version
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if response.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail).decode()
    return _answer(HTTPStatus.OK, headers, result.payload)


def install() -> None:
    """Rebinds moto's classes for functions, layers and the Lambda API; call it before the first request."""
    take_place()
    lambda_backends.backend = FunctionsBackend
    LambdaResponse.invoke = invoke  # type: ignore[method-assign]
    enrich = LambdaResponse._enrich_response  # noqa: SLF001 - moto offers no other place
    LambdaResponse._enrich_response = staticmethod(_keep_request_id(enrich))  # type: ignore[assignment]  # noqa: SLF001
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def _function(backend: LambdaBackend, name: str, qualifier: str | None) -> Function:
    return cast(Function, backend.get_function(name, qualifier))


def _answer(
    status: HTTPStatus, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    # moto takes the status from the headers.
    return status, {"content-type": "application/json", "status": str(status.value), **headers}, body


def _keep_request_id(
    enrich: Callable[[dict[str, str], Any], tuple[dict[str, str], Any]],
) -> Callable[[dict[str, str], Any], tuple[dict[str, str], Any]]:
    """Keeps an invocation's request id, in place of which moto puts a random one."""

    def enriched(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
        kept = {_REQUEST_ID: headers[_REQUEST_ID]} if _REQUEST_ID in headers else {}
        headers, body = enrich(headers, body)
        return {**headers, **kept}, body

    return enriched


def _qualified(arn: str, qualifier: str | None) -> str:
    return f"{arn}:{qualifier}" if qualifier else arn
