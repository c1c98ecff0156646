"""Starts the embedded cloud: ``python -m localcloud [--port N] [--region R] [--skip-idle]``.

One line of JSON on standard output says that it is ready, and where: the exports of the control API.
"""

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
from pathlib import Path
from types import FrameType

from localcloud import guard, seed


def main() -> None:
    """Serves until it is interrupted or terminated."""
    parser = argparse.ArgumentParser(prog="localcloud", description="AWS on this machine.")
    parser.add_argument("--port", type=_port, default=0, help="0 picks a free one")
    parser.add_argument("--region", type=_region, default=seed.REGION)
    parser.add_argument("--skip-idle", action="store_true", help="skip waits in which nothing happens")
    parser.add_argument(
        "--paced",
        action="store_true",
        help="let time run slower while the machine is short of processors",
    )
    parser.add_argument("--idle-grace", type=float, default=0.05, help="seconds before a wait is skipped")
    parser.add_argument("--log-dir", type=Path, help="where functions write their logs")
    parser.add_argument(
        "--concurrency", type=int, default=2, help="execution environments per function at most"
    )
    parser.add_argument(
        "--function-python",
        type=_runtime_and_python,
        action="append",
        default=[],
        metavar="[RUNTIME=]PATH",
        help="interpreter that has what Lambda's runtime has, for one runtime or for all others",
    )
    parser.add_argument(
        "--iam-lag",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="refuse for so long what a role was granted by a change of its policies",
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input ends")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    arguments = parser.parse_args()

    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, stream=sys.stderr)
    # werkzeug raises its own logger to INFO unless it has a level.
    logging.getLogger("werkzeug").setLevel(logging.INFO if arguments.verbose else logging.WARNING)
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

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if arguments.exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(server.stop,), daemon=True).start()
    print(json.dumps(server.exports), flush=True)  # noqa: T201 - the line that callers wait for
    try:
        server.serve()
    finally:
        server.close()


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
        raise argparse.ArgumentTypeError(f"{text} is no port: give one from 0 to 65535") from error
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"port {text} cannot be had ({error.strerror}): give another one, or 0 for any that is free"
        ) from error
    return int(text)


def _region(text: str) -> str:
    if not seed.has_region(text):
        raise argparse.ArgumentTypeError(f"there is no Region {text!r}: give one such as {seed.REGION}")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds: give 0 or more")
    return seconds


def _stop_at_end_of_input(stop: Callable[[], None]) -> None:
    sys.stdin.buffer.read()
    stop()


if __name__ == "__main__":
    main()
