"""Starts an embedded cloud as a process and controls it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import boto3
from botocore.config import Config

from localcloud import guard
from localcloud.server_process import CloudError, ServerProcess

__all__ = ["Cloud", "CloudError"]

#: The clock is moved while the answer is waited for, and what falls due is waited for as well.
_CONTROL_TIMEOUT_S = 300
#: A synchronous invocation is answered when the function has ended. Source: AWS Lambda quotas, timeout.
_INVOCATION_TIMEOUT_S = 900


class Cloud:
    """A running cloud.

    Attributes:
        endpoint_url: Where AWS clients send their requests.
        environment: Environment variables that point any AWS client at it, complete with fake credentials.
        exports: Ids of what the account was seeded with, such as HEAD_NODE_SUBNET and KEY_NAME; and how a
            response URL is reached: LOCALCLOUD_RESPONSES, LOCALCLOUD_CA_FILE, LOCALCLOUD_HOSTS.
    """

    def __init__(
        self,
        exports: Mapping[str, str],
        server: ServerProcess | None = None,
        control_timeout_s: float = _CONTROL_TIMEOUT_S,
    ) -> None:
        self._server = server
        self._control_timeout_s = control_timeout_s
        self.endpoint_url = exports["AWS_ENDPOINT_URL"]
        self.region = exports["AWS_REGION"]
        self.environment = {name: value for name, value in exports.items() if _is_for_clients(name)}
        self.exports = {name: value for name, value in exports.items() if not _is_for_clients(name)}

    @classmethod
    def start(
        cls,
        region: str = "us-east-1",
        *,
        skip_idle: bool = True,
        port: int = 0,
        log_dir: Path | None = None,
        paced: bool = False,
        idle_grace_s: float | None = None,
        concurrency: int | None = None,
        account_concurrency: int | None = None,
        function_python: Path | Mapping[str, Path] | None = None,
        iam_lag_s: float = 0.0,
        enforce_iam: bool = False,
        python: Path | None = None,
        name: str | None = None,
        timeout_s: float = 60,
    ) -> Self:
        """Starts a cloud and waits until it answers.

        Args:
            region: The only Region it has.
            skip_idle: Whether waits in which nothing happens are skipped.
            port: 0 picks a free one.
            log_dir: Where functions write their logs; by default a folder that goes with the cloud.
            paced: Whether time runs more slowly while this machine is short of processors, so that
                measurements depend less on what else it does.
            idle_grace_s: How long nothing has to happen before a wait is skipped, in real seconds: enough for
                clients to send their next request.
            concurrency: Execution environments per function at most, at least 1; two by default. Further
                invocations wait.
            account_concurrency: Concurrent executions of the account; 1,000 by default, and 10 as in a new
                account. Further invocations are throttled.
            function_python: The interpreter of a virtual environment that has only what Lambda's runtime has
                (awslambdaric, boto3, time-machine): functions get nothing but what they bring. Several by
                ``Runtime`` (``python3.12``), ``*`` for those not named. By default functions run with this
                interpreter and can import all its packages.
            iam_lag_s: How long a change of a role's permissions has no effect on functions' calls, in
                seconds of the cloud's clock, at least 0.
            enforce_iam: Whether functions, and CloudFormation on their behalf, may do only what their roles
                allow. See ``judged``.
            python: The interpreter that runs the cloud itself, and has its dependencies; this one by default.
            name: The name under which ``localcloud status``, ``env`` and ``stop`` find it; they do not by
                default.
            timeout_s: How long to wait.

        Raises:
            CloudError: It refused an argument, with the reason; or it ended or did not answer in time, with
                the end of its standard error.
        """
        arguments = [f"--port={port}", f"--region={region}"]
        arguments += ["--skip-idle"] if skip_idle else []
        arguments += [f"--idle-grace={idle_grace_s}"] if idle_grace_s is not None else []
        arguments += ["--paced"] if paced else []
        for option, count in (("concurrency", concurrency), ("account-concurrency", account_concurrency)):
            arguments += [f"--{option}={count}"] if count is not None else []
        arguments += [f"--iam-lag={iam_lag_s}"] if iam_lag_s else []
        arguments += ["--enforce-iam"] if enforce_iam else []
        arguments += [f"--log-dir={log_dir.absolute()}"] if log_dir else []
        pythons = {"*": function_python} if isinstance(function_python, Path) else function_python or {}
        arguments += [f"--function-python={runtime}={path.absolute()}" for runtime, path in pythons.items()]
        arguments += [f"--name={name}"] if name else []
        server = ServerProcess.start([*arguments, "--exit-with-parent"], timeout_s=timeout_s, python=python)
        return cls(server.exports, server)

    @classmethod
    def attach(cls, exports: Mapping[str, str], *, timeout_s: float = _CONTROL_TIMEOUT_S) -> Self:
        """Returns a cloud that runs already; ``stop`` leaves it running.

        Args:
            exports: Its variables.
            timeout_s: How long its control API may take to answer.
        """
        return cls(exports, control_timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """The end of what the cloud has written to standard error."""
        return self._server.log if self._server is not None else ""

    @property
    def is_running(self) -> bool:
        """Whether the process that ``start`` started still runs."""
        return self._server is not None and self._server.is_running

    def client(self, service: str) -> Any:
        """Returns a boto3 client for this cloud, whatever the environment says."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=guard.FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=guard.FAKE_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                read_timeout=_INVOCATION_TIMEOUT_S,
            ),
        )

    def health(self) -> dict[str, Any]:
        """Returns whether it is ready, its version and process, and its services by name."""
        return dict(self._control("GET", "health"))

    def stacks(self) -> list[dict[str, Any]]:
        """Returns the stacks that are in no other stack: ``name``, ``status``, and ``cluster`` or None."""
        return list(self._control("GET", "stacks"))

    def now(self) -> str:
        """Returns the simulated time, ISO 8601."""
        return str(self._control("GET", "clock")["now"])

    def pace(self) -> float:
        """Returns the mean number of simulated seconds in a real one so far, without those skipped."""
        return float(self._control("GET", "clock")["pace"])

    def in_flight(self) -> int:
        """Returns how many pieces of work the cloud is doing right now."""
        return int(self._control("GET", "clock")["in_flight"])

    def advance(self, seconds: float) -> None:
        """Moves time forward, and returns when everything due on the way has been done."""
        self._control("POST", "clock/advance", {"seconds": seconds})

    def errors(self) -> list[dict[str, str]]:
        """Returns errors of the cloud itself: exceptions that a timer's action raised."""
        return list(self._control("GET", "clock")["errors"])

    def set_behaviours(self, behaviours: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the rules for how long resources take and which fail; see ``Behaviours.replace``."""
        self._control("PUT", "behaviours", list(behaviours))

    def set_head_nodes(self, **settings: Any) -> None:
        """Configures the head nodes of clusters; ``localcloud.head_node.configure`` lists the settings."""
        self._control("PUT", "head-nodes", settings)

    def set_image_builds(self, **settings: Any) -> None:
        """Configures image builds; ``localcloud.image_builder.configure`` lists the settings."""
        self._control("PUT", "image-builds", settings)

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the faults that requests, responses and events meet.

        ``localcloud.faults.Fault`` lists the keys.
        """
        self._control("PUT", "faults", list(faults))

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults in force, each with how often it has ``struck``."""
        return list(self._control("GET", "faults"))

    def set_iam_lag(self, seconds: float) -> None:
        """Sets for how many seconds a change of a role's permissions has no effect, from now on."""
        self._control("PUT", "iam-lag", {"seconds": seconds})

    def refused_by_iam_lag(self) -> dict[str, int]:
        """Returns how often each IAM action was refused because it had been granted too recently."""
        return dict(self._control("GET", "iam-lag"))

    def add_host(self, name: str, port: int) -> str:
        """Leads a host name, in every function, to your server at a port of 127.0.0.1.

        Returns:
            The private key and certificates for the server, PEM; functions trust them.

        Raises:
            CloudError: The name or the port is not valid.
        """
        return str(self._control("PUT", f"hosts/{quote(name)}", {"port": port})["certificate"])

    def remove_host(self, name: str) -> None:
        """Removes a host that ``add_host`` added."""
        self._control("DELETE", f"hosts/{quote(name)}")

    def invocations(self) -> list[dict[str, Any]]:
        """Returns every function invocation so far, oldest first."""
        return list(self._control("GET", "invocations"))

    def warnings(self) -> list[str]:
        """Returns a warning for each function so far that cannot work with the Python that runs it."""
        return list(self._control("GET", "warnings"))

    def responses(self) -> list[dict[str, Any]]:
        """Returns every PUT to a response URL so far, oldest first.

        Each has at, http_status, outcome (``accepted``, ``ignored``, or why it was refused), size_bytes,
        StackId, LogicalResourceId, RequestId, Status and Reason.
        """
        return list(self._control("GET", "responses"))

    def calls(self) -> list[dict[str, Any]]:
        """Returns every distinct API call of functions: function, service, operation, region, parameters."""
        return list(self._control("GET", "calls"))

    def judged(self) -> list[dict[str, Any]]:
        """Returns every distinct request that IAM decided on, with its ``count``.

        Each has role, function, cause (an API call, or a change of CloudFormation), action, resource,
        context, ``decision`` (``ALLOWED`` or why not), ``is_late`` where only IAM's lag refused it, and
        ``of_deleted`` where the function or its role was no longer there.
        """
        return list(self._control("GET", "iam")["judged"])

    def unjudged(self) -> dict[str, int]:
        """Returns what IAM could not decide on, with the reason, and how often: it was allowed."""
        return dict(self._control("GET", "iam")["unjudged"])

    def stop(self) -> None:
        """Stops the cloud and everything it started, if ``start`` started it."""
        if self._server is not None:
            self._server.stop()

    def _control(self, method: str, call: str, content: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - this cloud's own address
            f"{self.endpoint_url}/_localcloud/{call}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=self._control_timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise CloudError(f"{method} {call}: {error.read().decode(errors='replace')}") from error


def _is_for_clients(name: str) -> bool:
    return name.startswith("AWS_") or name == "NO_PROXY"
