"""The command: ``localcloud start`` runs the embedded cloud until you stop it."""

import argparse
import json
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from localcloud import exports, guard, seed

if TYPE_CHECKING:
    from localcloud.server import Server


def main() -> None:
    """Runs the command with the process's arguments."""
    arguments = _parser().parse_args()
    arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description="AWS on this machine.")
    parser.add_argument("--version", action="version", version=f"localcloud {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser(
        "start",
        help="start the cloud",
        description="Starts the cloud, prints the variables that AWS clients need, and serves until Ctrl-C.",
    )
    start.set_defaults(run=_start)
    _add_place(start)
    _add_time(start)
    _add_functions(start)
    start.add_argument("--exit-with-parent", action="store_true", help="stop at the end of standard input")
    start.add_argument("--verbose", action="store_true", help="log every request")
    return parser


def _add_place(start: argparse.ArgumentParser) -> None:
    start.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; a free one by default")
    start.add_argument(
        "--region", type=_region, default=seed.REGION, help=f"the only Region; {seed.REGION} by default"
    )
    start.add_argument("--json", action="store_true", help="print the variables as one line of JSON")


def _add_time(start: argparse.ArgumentParser) -> None:
    start.add_argument("--skip-idle", action="store_true", help="skip waits in which nothing happens")
    start.add_argument(
        "--idle-grace",
        type=float,
        default=0.05,
        metavar="SECONDS",
        help="how long nothing has to happen before a wait is skipped; 0.05 by default",
    )
    start.add_argument(
        "--paced",
        action="store_true",
        help="slow the cloud's clock down while the machine is short of processors",
    )


def _add_functions(start: argparse.ArgumentParser) -> None:
    start.add_argument("--log-dir", type=Path, help="where functions write their logs")
    start.add_argument(
        "--concurrency",
        type=int,
        default=2,
        help="execution environments of a function at most; 2 by default",
    )
    start.add_argument(
        "--function-python",
        type=_runtime_and_python,
        action="append",
        default=[],
        metavar="[RUNTIME=]PATH",
        help="run functions of one runtime, or of all others, with this interpreter; "
        "it must have awslambdaric, boto3 and time-machine",
    )
    start.add_argument(
        "--iam-lag",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long a change of a role's permissions takes to have an effect",
    )


def _start(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, stream=sys.stderr)
    # werkzeug raises its own logger to INFO unless it has a level.
    logging.getLogger("werkzeug").setLevel(logging.INFO if arguments.verbose else logging.WARNING)
    shell = dict(os.environ)
    os.environ.update(guard.FAKE_CREDENTIALS)
    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = arguments.region
    seed.prepare_environment()

    # moto reads the environment when it is imported, which the server does.
    from localcloud.server import Options, Server  # noqa: PLC0415

    server = Server(
        Options(
            region=arguments.region,
            port=arguments.port,
            skip_idle=arguments.skip_idle,
            idle_grace_s=arguments.idle_grace,
            log_dir=arguments.log_dir,
            paced=arguments.paced,
            concurrency=arguments.concurrency,
            function_pythons=dict(arguments.function_python),
            iam_lag_s=arguments.iam_lag,
        )
    )
    _stop_on_signals(server)
    if arguments.exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(server.stop,), daemon=True).start()
    if arguments.json:
        print(json.dumps(server.exports), flush=True)  # noqa: T201 - the line that callers wait for
    elif exports.print_for_shell(exports.export_lines(server.exports, shell)):
        endpoint = server.exports["AWS_ENDPOINT_URL"]
        print(f"\nThe cloud runs at {endpoint}. Ctrl-C stops it.", file=sys.stderr)  # noqa: T201
    try:
        server.serve()
    finally:
        server.close()


def _stop_on_signals(server: "Server") -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _version() -> str:
    try:
        return metadata.version("localcloud")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _runtime_and_python(text: str) -> tuple[str, Path]:
    runtime, named, path = text.partition("=")
    return (runtime, Path(path)) if named and "/" not in runtime else ("*", Path(text))


def _port(text: str) -> int:
    try:
        with socket.socket() as probe:
            # As the server does it: a port that was left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(text)))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text} is not a port; choose one from 0 to 65535") from error
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"port {text} is not available ({error.strerror}); choose another one, or 0 for a free one"
        ) from error
    return int(text)


def _region(text: str) -> str:
    if not seed.has_region(text):
        raise argparse.ArgumentTypeError(f"Region {text!r} does not exist; choose one such as {seed.REGION}")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds; choose 0 or more")
    return seconds


def _stop_at_end_of_input(stop: Callable[[], None]) -> None:
    sys.stdin.buffer.read()
    stop()


if __name__ == "__main__":
    main()
