"""Raises deprecated Lambda runtimes in the templates that the library uploads.

A release of ParallelCluster names a runtime in its code, which never changes. Lambda deprecates that runtime,
later refuses to create functions with it, and then to update them. So the engine reads every template on its
way to S3, nested ones included, and replaces a deprecated runtime by one on which the same functions run.
docs/decisions/0024 says why.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import yaml

logger = logging.getLogger(__name__)

Template = dict[str, Any]


@dataclass(frozen=True)
class Lifecycle:
    """When Lambda stops supporting a runtime; the days are UTC.

    Args:
        deprecated: The first day without security patches.
        create_block: The first day on which Lambda creates no function with it.
        update_block: The first day on which Lambda updates no function that keeps it.
    """

    deprecated: date
    create_block: date
    update_block: date


#: The runtimes that releases of ParallelCluster 3 name, and those after them. A test holds them against
#: cfn-lint's. Source: AWS Lambda developer guide, "Lambda runtimes", as of 2026-10-20 in cfn-lint 1.58.0,
#: data/AdditionalSpecs/LmbdRuntimeLifecycle.json.
LIFECYCLES = {
    "python3.8": Lifecycle(date(2024, 10, 14), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.9": Lifecycle(date(2025, 12, 15), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.10": Lifecycle(date(2026, 10, 31), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.11": Lifecycle(date(2027, 6, 30), date(2027, 7, 31), date(2027, 8, 31)),
    "python3.12": Lifecycle(date(2028, 10, 31), date(2028, 11, 30), date(2029, 1, 10)),
    "python3.13": Lifecycle(date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
    "python3.14": Lifecycle(date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
}

#: The runtime that replaces deprecated ones, and the ones that it replaces, as ParallelCluster's releases
#: did. Source: aws/aws-parallelcluster, pull request 7284 and issue 7287.
RAISED_TO = "python3.12"
RAISED_FROM = frozenset({"python3.8", "python3.9"})

_FUNCTION = "AWS::Lambda::Function"
#: The archive of the library's own functions. A user's template (of a scheduler plugin) has functions with
#: unknown code.
#: Source: pcluster/templates/cdk_builder_utils.py, PclusterLambdaConstruct.
_LIBRARY_CODE = "/custom_resources/artifacts.zip"
#: Where the library uploads templates: the stack's, and those of nested stacks.
#: Source: pcluster/models/s3_bucket.py, S3FileType.
_TEMPLATE_FOLDERS = ("/templates/", "/assets/")

#: Reads the library's own templates: libyaml's where it is installed, which takes a tenth of the time.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class BlockedRuntimeError(Exception):
    """Lambda no longer creates functions with a runtime, and the engine has none to replace it.

    Args:
        functions: Logical ids of the functions in the library's template.
        runtime: Their runtime.
        since: The first day on which Lambda refuses.
    """

    def __init__(self, functions: list[str], runtime: str, since: date) -> None:
        super().__init__(
            f"Lambda has created no functions with the runtime {runtime} since {since.isoformat()}, and this "
            f"ParallelCluster needs it for {', '.join(functions)}. Nothing was created. Use a newer version: "
            "deploy a newer provider, or name another of its engines in PclusterVersion."
        )


class Session(Protocol):
    """The part of a boto3 session that the engine uses."""

    @property
    def events(self) -> Any:
        """Botocore's hierarchical emitter; every client of the session inherits it."""

    @property
    def client(self) -> Callable[..., Any]:
        """Makes a client of the session."""


def raised(runtime: str, on: date) -> str:
    """Returns the runtime that a function of the library gets on a day: its own until it is deprecated."""
    is_old = runtime in RAISED_FROM and LIFECYCLES[runtime].deprecated <= on
    return RAISED_TO if is_old else runtime


def blocked_since(runtime: str, on: date) -> date | None:
    """Returns the day since which Lambda creates no function with a runtime; None if it still does.

    A runtime that ``LIFECYCLES`` does not name counts as not blocked: Lambda decides.
    """
    lifecycle = LIFECYCLES.get(runtime)
    return lifecycle.create_block if lifecycle and lifecycle.create_block <= on else None


def library_functions(template: Template) -> Iterator[tuple[str, Template]]:
    """Yields logical id and properties of each function with the library's own code."""
    for logical_id, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource.get("Type") == _FUNCTION and _has_library_code(properties):
            yield logical_id, properties


def _has_library_code(properties: Template) -> bool:
    key = properties.get("Code", {}).get("S3Key")
    return isinstance(key, str) and key.endswith(_LIBRARY_CODE)


def raise_runtimes(text: str, on: date, *, creates: bool) -> str:
    """Returns a template with the runtimes of a day, otherwise equal; the same text if none is raised.

    Args:
        text: A template as the library uploads it, YAML or JSON.
        on: The day, UTC.
        creates: Whether the template's stack, and with it every function, is new.

    Raises:
        BlockedRuntimeError: The stack is new, and Lambda would still refuse to create one of its functions.
    """
    if _LIBRARY_CODE not in text:
        return text
    is_json = text.lstrip().startswith("{")
    template: Template = json.loads(text) if is_json else yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe one
    changed: dict[str, str] = {}
    refused: dict[str, list[str]] = {}
    for logical_id, properties in library_functions(template):
        runtime = raised(properties["Runtime"], on)
        if creates and blocked_since(runtime, on):
            refused.setdefault(runtime, []).append(logical_id)
        if runtime != properties["Runtime"]:
            changed[logical_id] = f"{properties['Runtime']} to {runtime}"
            properties["Runtime"] = runtime
    for runtime, functions in refused.items():
        raise BlockedRuntimeError(functions, runtime, LIFECYCLES[runtime].create_block)
    if not changed:
        return text
    logger.info("runtimes were raised", extra={"raised": changed})
    if is_json:
        return json.dumps(template, separators=(",", ":"))
    dumped: str = yaml.dump(template, Dumper=_Dumper, sort_keys=False)
    return dumped


def is_template(upload: dict[str, Any]) -> bool:
    """Returns whether a PutObject with these parameters uploads a template of the library."""
    return isinstance(upload.get("Body"), str) and any(
        folder in upload["Key"] for folder in _TEMPLATE_FOLDERS
    )


class TemplateUploads:
    """Raises runtimes in the templates that one call of the library uploads.

    Args:
        now: The clock; aware UTC.
        creates: Whether the call creates a new stack.

    Attributes:
        blocked: Why an upload was refused; None if none was.
    """

    def __init__(self, now: Callable[[], datetime], *, creates: bool) -> None:
        self.blocked: BlockedRuntimeError | None = None
        self._now = now
        self._creates = creates

    def install(self, session: Session) -> None:
        """Watches every client made from the session afterwards."""
        session.events.register("before-parameter-build.s3.PutObject", self._raise_runtimes)

    def _raise_runtimes(self, params: dict[str, Any], **_: Any) -> None:
        if not is_template(params):
            return
        try:
            params["Body"] = raise_runtimes(params["Body"], self._now().date(), creates=self._creates)
        except BlockedRuntimeError as error:
            self.blocked = error
            raise
