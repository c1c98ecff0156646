"""Clients of AWS, or of an embedded cloud, and that cloud's warnings."""

import ipaddress
import json
import os
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urljoin, urlsplit

from botocore.exceptions import ClientError, ProfileNotFound

from pcluster_cfn.config_file import FILE_NAME
from pcluster_cfn.errors import CommandError, message_of, suggest
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG
from pcluster_cfn.terminal import Console

if TYPE_CHECKING:
    import boto3
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

#: Source: pcluster.constants, CW_LOGS_CFN_PARAM_NAME. Without logging it is not there, or has this value.
_LOG_GROUP_PARAMETER, _NO_LOG_GROUP = "ClusterCWLogGroup", "NONE"
#: Source: AWS SDKs and tools reference guide, "Environment variables".
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
}
_EVERY_S = 1.0
_TIMEOUT_S = 5.0


class Aws(Protocol):
    """A source of AWS clients: a boto3 session or an embedded cloud."""

    def client(self, service: str, /) -> Any:
        """Returns a boto3 client of a service."""


def session(region: str | None = None, profile: str | None = None) -> Aws:
    """Returns a session with a profile, in a Region.

    Args:
        region: Name of the Region; with None, that of the profile or of the environment.
        profile: Name of a profile; with None, the SDK's default credentials.

    Raises:
        CommandError: There is no such profile, or no Region is given and none is configured.
    """
    found = configured_region(profile) if region is None else region
    return cast("Aws", _boto3_session(found, profile))


def configured_region(profile: str | None = None) -> str:
    """Returns the Region of the AWS configuration.

    Raises:
        CommandError: There is no such profile, or no Region is configured.
    """
    region = _boto3_session(None, profile).region_name
    if region is None:
        raise CommandError("no Region is configured", f"give one with --region, AWS_REGION or in {FILE_NAME}")
    return region


def _boto3_session(region: str | None, profile: str | None) -> "boto3.Session":
    import boto3  # noqa: PLC0415 - takes a tenth of a second, which help texts need not wait for

    try:
        return boto3.Session(region_name=region, profile_name=profile)
    except ProfileNotFound as error:
        known = boto3.Session().available_profiles if profile else []
        otherwise = (
            f"there are: {', '.join(known)}" if known else "aws configure sso or aws configure adds one"
        )
        missing = profile or os.environ.get("AWS_PROFILE", "")
        raise CommandError(
            f"the AWS configuration has no profile {missing!r}", suggest(missing, known, otherwise)
        ) from error


def child_environment(aws: Aws, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment in which a child process has the credentials of a session.

    Args:
        aws: The session. Any other source of clients changes nothing.
        environment: The environment to start from, such as this process's.
    """
    credentials = getattr(aws, "get_credentials", lambda: None)()
    if credentials is None:
        return dict(environment)
    frozen = credentials.get_frozen_credentials()
    found = {key: value for key, value in environment.items() if key not in _CREDENTIALS}
    found |= {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key}
    return found | ({"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {})


def embedded_cloud(aws: Aws) -> str | None:
    """Returns the address of the embedded cloud that a session talks to; None on AWS."""
    address: str = aws.client("lambda").meta.endpoint_url
    host = urlsplit(address).hostname
    return address if host is not None and _is_this_machine(host) else None


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reaches_embedded_cloud(aws: Aws) -> bool:
    """Whether a session talks to an embedded cloud on this machine."""
    return embedded_cloud(aws) is not None


def find_stack(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns a stack by its name or ARN; None if there is no such stack."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in message_of(error):
            return None
        raise


def find_cluster_stack(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns the stack of a cluster; None if no stack has the name, or it is not a cluster's."""
    stack = find_stack(cloudformation, name)
    return stack if stack and tags_of(stack).get(CLUSTER_NAME_TAG) == name else None


def tags_of(stack: "StackTypeDef") -> dict[str, str]:
    """Returns a stack's tags by key."""
    return {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}


def parameters_of(stack: "StackTypeDef") -> dict[str, str]:
    """Returns the values of a stack's parameters by name."""
    return {item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", [])}


def log_group_of(stack: "StackTypeDef") -> str | None:
    """Returns the name of the log group of a cluster's nodes; None if logging is off.

    Args:
        stack: The cluster's stack.
    """
    name = parameters_of(stack).get(_LOG_GROUP_PARAMETER)
    return None if name in {None, "", _NO_LOG_GROUP} else name


@contextmanager
def warnings_shown(address: str | None, console: Console, *, every_s: float = _EVERY_S) -> Iterator[None]:
    """Prints each new warning of an embedded cloud until the block ends.

    A function that cannot be imported never answers, so its custom resource waits an hour for a time-out
    while the stack's events say nothing. The embedded cloud knows the reason at the first invocation.

    Args:
        address: Address of the embedded cloud; None for AWS, which has no such warnings.
        console: Where warnings are printed.
        every_s: Seconds between two requests for warnings.
    """
    if address is None:
        yield
        return
    block_ended = threading.Event()

    def watch() -> None:
        shown = 0
        is_last = False
        while not is_last:
            is_last = block_ended.wait(every_s)
            warnings = _warnings(address)
            for warning in warnings[shown:]:
                console.print(
                    f"Warning: {warning}", style="yellow", highlight=False, markup=False, soft_wrap=True
                )
            shown = max(shown, len(warnings))

    watcher = threading.Thread(target=watch, name="warnings", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        block_ended.set()
        watcher.join(_TIMEOUT_S)


def _warnings(address: str) -> list[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urljoin(address, "/_localcloud/warnings"), timeout=_TIMEOUT_S) as answer:
            warnings: list[str] = json.load(answer)
    except (OSError, ValueError):
        return []  # another emulator, an older embedded cloud, or one that has ended
    return warnings
