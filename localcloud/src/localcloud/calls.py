"""Names a request to an API: its service, operation, caller and parameters."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import unescape

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel

from localcloud.callers import Caller, callers

_CREDENTIAL = re.compile(r"(?P<key>[^/=,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_SMITHY = re.compile(r"/service/[^/]+/operation/(?P<operation>[^/]+)")
_PATH_MEMBER = re.compile(r"\{(?P<name>[^}+]+)(?P<greedy>\+)?\}")
_DELETED = re.compile(r"<Object>(.*?)</Object>", re.DOTALL)
_KEY_OR_VERSION = re.compile(r"<(Key|VersionId)>(.*?)</")
_FORM = "application/x-www-form-urlencoded"
#: Services whose signing name is not the name of their model.
_MODELS = {"elasticfilesystem": "efs"}
#: What names a resource is shorter; templates and documents are longer.
_LONGEST_PARAMETER = 512
#: How members that name something end, such as ``TransactItems.1.Put.TableName``, ``Tags.1.Key`` and
#: ``Entries.1.EventBusName``.
_NAMING = (".TableName", ".Key", ".EventBusName", ".Source")
#: The member whose keys are tables. Source: Amazon DynamoDB API reference, BatchGetItem.
_TABLES = "RequestItems"


@dataclass(frozen=True)
class Call:
    """An API request.

    Attributes:
        service: The signing name, such as ``monitoring`` for CloudWatch.
        operation: Empty where it cannot be determined.
        form: How errors are written: ``query`` (XML), ``json`` or ``cbor``.
        caller: The function's process that sent it; None for other clients.
        region: Of the signature.
        parameters: The short ones by name: those in the path and the query of REST services, members of
            lists as ``Tags.member.1.Key`` or ``Tags.1.Key``. Tokens are left out.
    """

    service: str
    operation: str
    form: str
    caller: Caller | None
    region: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def describe(environ: dict[str, Any]) -> Call | None:
    """Returns what a request calls; None if it is not signed."""
    query = _first(environ.get("QUERY_STRING", ""))
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "") or query.get("X-Amz-Credential", ""))
    if signed is None:
        return None
    service, region, caller = signed["service"], signed["region"], callers.by_key(signed["key"])
    path = environ.get("PATH_INFO", "")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        parameters = _short(_document(environ)) if caller else {}
        return Call(service, target.rpartition(".")[2], "json", caller, region, parameters)
    if smithy := _SMITHY.fullmatch(path):
        return Call(service, smithy["operation"], "cbor", caller, region)
    form = query | _first(_form(environ))
    if action := form.pop("Action", ""):
        return Call(service, action, "query", caller, region, _short(form))
    headers = {name: str(value) for name, value in environ.items() if name.startswith("HTTP_X_")}
    operation, members = _rest_operation(service, environ["REQUEST_METHOD"], path, query | headers)
    if operation == "DeleteObjects" and caller:
        members |= _deleted(_body(environ).decode(errors="replace"))
    is_xml = service in {"s3", "route53"}
    return Call(service, operation, "query" if is_xml else "json", caller, region, _short(members | query))


def _deleted(document: str) -> dict[str, str]:
    """The keys in the body of S3's DeleteObjects, and the versions."""
    objects = _DELETED.findall(document)
    return {
        f"Object.{number}.{name}": unescape(value)
        for number, described in enumerate(objects, 1)
        for name, value in _KEY_OR_VERSION.findall(described)
    }


def _first(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _short(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in parameters.items()
        if len(value) <= _LONGEST_PARAMETER and not name.endswith("Token") and not name.startswith("X-Amz-")
    }


def _form(environ: dict[str, Any]) -> str:
    """The body of a form, which stays there to be read again."""
    is_form = environ.get("CONTENT_TYPE", "").startswith(_FORM)
    return _body(environ).decode(errors="replace") if is_form else ""


def _document(environ: dict[str, Any]) -> dict[str, str]:
    """The scalars of a JSON body, and its tags."""
    try:
        document = json.loads(_body(environ) or b"{}")
    except ValueError:
        return {}
    return dict(_scalars(document)) if isinstance(document, dict) else {}


def _scalars(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, str | int | float):
            yield name, str(value)
        elif name == _TABLES and isinstance(value, dict):
            yield from ((f"{name}.{number}.TableName", table) for number, table in enumerate(value, 1))
        else:
            yield from _names(name, value)


def _names(path: str, node: Any) -> Iterator[tuple[str, str]]:
    """The nested values of a document that name a resource or a tag."""
    if isinstance(node, str) and path.endswith(_NAMING):
        yield path, node
    elif isinstance(node, dict | list):
        members = node.items() if isinstance(node, dict) else enumerate(node, 1)
        for key, member in members:
            yield from _names(f"{path}.{key}", member)


def _body(environ: dict[str, Any]) -> bytes:
    """The body, which stays there to be read again."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return b""
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _rest_operation(
    service: str, method: str, path: str, given: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    for operation_method, pattern, wanted, name in _rest_operations(service):
        has_all = all(key in given and (not value or value == given[key]) for key, value in wanted.items())
        if operation_method == method and has_all and (match := pattern.fullmatch(path)):
            return name, match.groupdict()
    return "", {}


@cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], dict[str, str], str]]:
    """Method, path, query, headers and name of a service's operations, the most specific first."""
    try:
        model = botocore.session.get_session().get_service_model(_MODELS.get(service, service))
    except UnknownServiceError:
        return []
    operations = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        http = operation.http
        path, _, query = http["requestUri"].partition("?")
        literal = len(_PATH_MEMBER.sub("", path))
        wanted = _first(query) | dict.fromkeys(_required_headers(operation), "")
        operations.append((len(wanted), literal, http["method"], _pattern(path), wanted, name))
    operations.sort(key=lambda item: item[:2], reverse=True)
    return [item[2:] for item in operations]


def _required_headers(operation: OperationModel) -> Iterator[str]:
    """Names of the headers that an operation requires, as WSGI spells them."""
    shape = operation.input_shape
    if shape is None:
        return
    for name in shape.required_members:
        place = shape.members[name].serialization
        if place.get("location") == "header":
            yield _header(place["name"])


def _header(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def _pattern(path: str) -> re.Pattern[str]:
    pattern, end_of_last = "", 0
    for member in _PATH_MEMBER.finditer(path.rstrip("/")):
        group = f"(?P<{member['name']}>" if member["name"].isidentifier() else "(?:"
        pattern += re.escape(path[end_of_last : member.start()])
        pattern += group + (".+" if member["greedy"] else "[^/]+") + ")"
        end_of_last = member.end()
    return re.compile(pattern + re.escape(path[end_of_last:].rstrip("/")) + "/?")
