"""The engine functions, on AWS Lambda."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cluster_provider.core.errors import NotAccepted
from cluster_provider.sdk import is_server_error, is_transient, unavailable_if_transient

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class LambdaEngines:
    """The port Engines on a Lambda client.

    Args:
        client: A client that makes one attempt only: a repeated invocation would start the engine twice.
        functions: ARN of the engine function by ParallelCluster version.
        default_version: The version for new clusters.

    Raises:
        ValueError: The default version has no engine.
    """

    def __init__(self, client: "LambdaClient", functions: Mapping[str, str], default_version: str) -> None:
        if default_version not in functions:
            raise ValueError(f"no engine of the default version {default_version} among {sorted(functions)}")
        self._client = client
        self._functions = dict(functions)
        self._default_version = default_version

    @property
    def versions(self) -> frozenset[str]:
        """The versions that have an engine."""
        return frozenset(self._functions)

    @property
    def default_version(self) -> str:
        """The version for new clusters."""
        return self._default_version

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        """Starts an engine asynchronously.

        Args:
            version: Version of the engine.
            call: A call as in docs/reference/engine.md.

        Raises:
            NotAccepted: Lambda refused the call.
            Unavailable: It is not known whether Lambda accepted the call.
        """
        # The response's body is not read, so its connection is not reused. A frozen process could keep a
        # connection until the server has closed it, and this client makes only one attempt.
        with unavailable_if_transient():
            try:
                self._client.invoke(
                    FunctionName=self._functions[version],
                    InvocationType="Event",
                    Payload=json.dumps(call, ensure_ascii=False).encode(),
                )
            except ClientError as error:
                if is_server_error(error):
                    raise
                raise NotAccepted(str(error), passing=is_transient(error)) from error


def parse_functions(text: str) -> dict[str, str]:
    """Returns the engine functions by version, from the form of the template's parameter.

    Args:
        text: ``version=arn`` pairs, separated by commas.

    Raises:
        ValueError: An entry has another form; the message shows it.
    """
    functions = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        version, _, arn = entry.partition("=")
        if not arn.startswith("arn:") or not version.replace(".", "").isdecimal():
            raise ValueError(f"engine {entry!r} is not of the form 3.16.1=arn:aws:lambda:…")
        functions[version] = arn
    return functions
