"""The AWS session that commands work in."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urljoin, urlsplit

import boto3
from botocore.exceptions import ClientError

from localcloud import guard
from pcluster_cfn.errors import CommandError
from pcluster_cfn.terminal import Console

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_EVERY_S = 1.0
_TIMEOUT_S = 5.0


class Aws(Protocol):
    """Whatever hands out AWS clients: a boto3 session, or an embedded cloud."""

    def client(self, service: str, /) -> Any:
        """Returns a boto3 client of a service."""


def session(region: str | None) -> Aws:
    """Returns a session of a Region, or of the configured one.

    Raises:
        CommandError: No Region is given, and none is configured.
    """
    return cast("Aws", boto3.Session(region_name=region or configured_region()))


def configured_region() -> str:
    """Returns the Region of the AWS configuration.

    Raises:
        CommandError: None is configured.
    """
    region = boto3.Session().region_name
    if region is None:
        raise CommandError("no Region is configured", "give one with --region or AWS_DEFAULT_REGION")
    return region


def embedded_cloud(aws: Aws) -> str | None:
    """Returns the address on this machine at which a session's Lambda functions would run; None on AWS."""
    address: str = aws.client("lambda").meta.endpoint_url
    host = urlsplit(address).hostname
    return address if host is not None and guard.is_local(host) else None


def reaches_embedded_cloud(aws: Aws) -> bool:
    """Whether a session's Lambda functions would run on this machine: at the address of an embedded cloud."""
    return embedded_cloud(aws) is not None


@contextmanager
def warnings_shown(address: str | None, console: Console, *, every_s: float = _EVERY_S) -> Iterator[None]:
    """Prints each new warning of an embedded cloud until the block ends, and what came last at its end.

    Args:
        address: Of the cloud; None for AWS, which has no such warnings.
        console: Where they are shown.
        every_s: Seconds between two looks.
    """
    if address is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        shown = 0
        is_last = False
        while not is_last:
            is_last = ended.wait(every_s)
            warnings = _warnings(address)
            for warning in warnings[shown:]:
                console.print(
                    f"Warning: {warning}", style="yellow", highlight=False, markup=False, soft_wrap=True
                )
            shown = max(shown, len(warnings))

    shows = threading.Thread(target=watch, name="warnings", daemon=True)
    shows.start()
    try:
        yield
    finally:
        ended.set()
        shows.join(_TIMEOUT_S)


def _warnings(address: str) -> list[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urljoin(address, "/_localcloud/warnings"), timeout=_TIMEOUT_S) as answer:
            warnings: list[str] = json.load(answer)
    except (
        OSError,
        ValueError,
    ):  # another emulator, an older cloud, or one that has ended: not asked for here
        return []
    return warnings


def find_stack(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns a stack by name or ARN; None when there is none, or none any more."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response.get("Error", {}).get("Message", ""):
            return None
        raise
