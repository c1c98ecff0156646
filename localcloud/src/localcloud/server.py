"""The cloud as one HTTP server: moto's services with our replacements, and the control API."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import botocore.session
import time_machine
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from localcloud import (
    answers,
    cloudformation,
    events,
    functions,
    guard,
    head_node,
    hosts,
    http_front,
    image_builder,
    leftovers,
    official,
    resources,
    seed,
    version,
)
from localcloud.behaviour import behaviours
from localcloud.clock import clock
from localcloud.faults import faults
from localcloud.iam.judge import judge
from localcloud.pace import Pace
from localcloud.recording import recording

CONTROL = "/_localcloud/"
_HOSTS = "hosts/"


@dataclass(frozen=True)
class Options:
    """The options of a cloud.

    Args:
        region: The only Region.
        port: 0 picks a free one.
        skip_idle: Whether waits in which nothing happens are skipped.
        idle_grace_s: How long nothing has to happen before a wait is skipped, in real seconds.
        log_dir: Where functions write; a new folder by default.
        paced: Whether time runs more slowly while the machine is short of processors, see ``Pace``.
        concurrency: Execution environments per function at most.
        account_concurrency: Concurrent executions of the account; what exceeds it is throttled.
        function_pythons: The interpreters that functions run with by runtime, see ``functions.Settings``.
        iam_lag_s: So long a change of a role or a policy is without effect, in seconds of the cloud's clock.
        enforce_iam: Whether roles may do only what their policies allow.
    """

    region: str = seed.REGION
    port: int = 0
    skip_idle: bool = False
    idle_grace_s: float = clock.idle_grace_s
    log_dir: Path | None = None
    paced: bool = False
    concurrency: int = 2
    account_concurrency: int = 1000
    function_pythons: Mapping[str, Path] = field(default_factory=dict)
    iam_lag_s: float = 0.0
    enforce_iam: bool = False


class Server:
    """A running cloud; ``seed.prepare_environment`` must have run before moto was imported."""

    def __init__(self, options: Options) -> None:
        guard.install()
        self._pace = _follow_clock(paced=options.paced)
        # The port must be bound before functions get the address.
        self._server = make_server(
            "127.0.0.1", options.port, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        self._folder = folder = leftovers.make_folder()
        self.log_dir = (options.log_dir or folder / "logs").absolute()
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_port}"
        answers.keep_apart()
        resources.register()
        official.publish_on_request()
        cloudformation.install()
        names = cloudformation.names()
        functions.install(
            functions.Settings(
                endpoint_url=self.endpoint_url,
                account=seed.ACCOUNT_ID,
                region=options.region,
                folder=folder,
                log_dir=self.log_dir,
                ca_file=names.ca_file,
                hosts_file=names.hosts_file,
                concurrency=options.concurrency,
                account_concurrency=options.account_concurrency,
                pythons=options.function_pythons,
            )
        )
        events.install(seed.ACCOUNT_ID, options.region)
        head_node.install()
        image_builder.install()
        judge.install(seed.ACCOUNT_ID, options.region, is_enforced=options.enforce_iam)
        judge.set_lag(options.iam_lag_s)
        cloudformation.subscribe(judge.note_change)
        self._region = options.region
        self._seeded = seed.seed(options.region)
        self._moto = DomainDispatcherApplication(_create_service)
        self._services = image_builder.answering(self._moto)
        clock.idle_grace_s = options.idle_grace_s
        clock.skip_idle = options.skip_idle
        self._facts: dict[str, Callable[[], Any]] = {
            "exports": lambda: self.exports,
            "health": self._health,
            "stacks": lambda: self.stacks,
            "clock": self._clock_state,
            "faults": faults.to_json,
            "iam": judge.report,
            "iam-lag": judge.refused_by_lag,
            "calls": recording.calls,
            "responses": cloudformation.responses,
            "invocations": lambda: [record.to_json() for record in functions.invocations()],
            "warnings": functions.warnings,
        }
        self._settings: dict[str, Callable[[Any], None]] = {
            "behaviours": behaviours.replace,
            "faults": faults.replace,
            "head-nodes": head_node.configure,
            "image-builds": image_builder.configure,
        }

    @property
    def exports(self) -> dict[str, str]:
        """What a client's environment needs: where the cloud is, fake credentials and the seeded ids.

        ``LOCALCLOUD_RESPONSES`` is the host and port behind all response URLs, for clients that connect there
        by themselves; ``LOCALCLOUD_CA_FILE`` is the authority that they trust.
        """
        return {
            **guard.FAKE_CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_REGION": self._region,
            "NO_PROXY": "127.0.0.1,localhost",
            "LOCALCLOUD_CA_FILE": str(cloudformation.names().ca_file),
            hosts.VARIABLE: str(cloudformation.names().hosts_file),
            "LOCALCLOUD_RESPONSES": cloudformation.responses_address(),
            **self._seeded,
        }

    @property
    def stacks(self) -> list[dict[str, Any]]:
        """The stacks that are in no other stack: name, status, and the cluster that it is, or None."""
        return [
            {
                "name": stack.name,
                "status": stack.status,
                "cluster": stack.tags.get(head_node.CLUSTER_NAME_TAG),
            }
            for stack in cloudformation.stacks(seed.ACCOUNT_ID, self._region)
            if stack.root is stack
        ]

    def serve(self) -> None:
        """Answers requests until ``stop``."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Ends the server, the timers and all function processes."""
        threading.Thread(target=self._server.shutdown, name="shutdown", daemon=True).start()

    def close(self) -> None:
        """Stops functions and timers and removes files; call it after ``serve``."""
        clock.stop()
        functions.stop()
        self._server.server_close()
        cloudformation.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(CONTROL):
            return self._control(Request(environ))(environ, start_response)
        with clock.busy(request=True):
            return http_front.pass_through(environ, start_response, self._services)

    def _health(self) -> dict[str, Any]:
        return {
            # The port is bound before everything is installed: requests wait there until it is.
            "ready": True,
            "version": version(),
            "pid": os.getpid(),
            "services": _services(self._moto),
        }

    def _clock_state(self) -> dict[str, Any]:
        return {
            "now": clock.now().isoformat(),
            "skip_idle": clock.skip_idle,
            "pace": self._pace.mean if self._pace else 1.0,
            "in_flight": clock.in_flight,
            "errors": [
                {"at": error.at.isoformat(), "action": error.action, "trace": error.trace}
                for error in clock.errors
            ],
        }

    def _control(self, request: Request) -> Response:
        name = request.path.removeprefix(CONTROL)
        if request.method == "GET" and name in self._facts:
            return _json(self._facts[name]())
        try:
            match request.method, name:
                case ("POST", "clock/advance"):
                    clock.advance(float(request.get_json()["seconds"]))
                    return _json(self._clock_state())
                case ("PUT", _) if name in self._settings:
                    self._settings[name](request.get_json())
                    return _json({})
                case ("PUT", "iam-lag"):
                    judge.set_lag(float(request.get_json()["seconds"]))
                    return _json({})
                case ("PUT" | "DELETE" as method, _) if host := _host(name):
                    return _json(_lead(method, host, request))
                case _:
                    message = f"no such call: {request.method} {name}"
                    return _json({"error": message}, HTTPStatus.NOT_FOUND)
        except (KeyError, TypeError, ValueError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, HTTPStatus.BAD_REQUEST)


def _create_service(name: str | None) -> Any:
    """Returns the application of one of moto's services; moto passes None for an unknown service."""
    if name is None:
        raise NotImplementedError
    return create_backend_app(name)  # type: ignore[arg-type]


def _services(moto: DomainDispatcherApplication) -> dict[str, str]:
    """The services by the SDK's name: ``running`` once they have been used, ``available`` before."""
    modules = {
        name.replace("-", ""): name for name in botocore.session.get_session().get_available_services()
    }
    modules["awslambda"] = "lambda"
    return {
        modules[name]: "running" if name in moto.app_instances else "available"
        for name, _ in moto.backend_url_patterns
        if name in modules
    }


def _follow_clock(*, paced: bool) -> Pace | None:
    """Gives this whole process, moto's timestamps included, the simulated time."""
    traveller = time_machine.travel(clock.now(), tick=True).start()

    def shift(seconds: float) -> None:
        traveller.shift(timedelta(seconds=seconds))

    # What passed between reading the clock and starting: a collection of garbage may fall in between.
    clock.correct(time.time, shift)
    clock.on_jump(shift)
    if not paced:
        return None
    pace = Pace.of_machine()
    clock.follow(pace.seconds)
    pace.keep(lambda: clock.correct(time.time, shift))
    return pace


def _host(call: str) -> str:
    return call.removeprefix(_HOSTS) if call.startswith(_HOSTS) else ""


def _lead(method: str, host: str, request: Request) -> dict[str, str]:
    names = cloudformation.names()
    if method == "DELETE":
        names.remove_host(host)
        return {}
    return {"certificate": names.add_host(host, int(request.get_json()["port"]))}


def _json(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")
