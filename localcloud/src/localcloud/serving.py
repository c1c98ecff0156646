"""``localcloud run``: serves in this process until a signal or a command stops it."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from localcloud import arguments as options
from localcloud import background, exports, guard, leftovers, running, seed
from localcloud.running import RunningCloud

if TYPE_CHECKING:
    from localcloud.server import Server

_STDERR = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that only ``localcloud run`` has."""
    parser.add_argument(
        "--name",
        type=options.name,
        help=f"name of the cloud, for the other commands; {running.DEFAULT_NAME} if that is free",
    )
    parser.add_argument("--json", action="store_true", help="print the variables as one line of JSON")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop at the end of standard input")
    # The file that standard error is led to by ``localcloud start``.
    parser.add_argument("--messages", type=Path, help=argparse.SUPPRESS)


def serve(arguments: argparse.Namespace) -> int:
    """Starts a cloud, prints its variables, and serves until a signal or the end of standard input.

    Raises:
        NameTakenError: A cloud of the name runs.
    """
    named = _claim(arguments)
    try:
        leftovers.clear()
        _serve(arguments, named)
    finally:
        if named is not None:
            running.forget(named)
    return 0


def _claim(arguments: argparse.Namespace) -> RunningCloud | None:
    """Takes the cloud's name; a cloud that ends with its parent needs none."""
    if arguments.exit_with_parent and arguments.name is None:
        return None
    try:
        return running.claim(arguments.name, arguments.messages)
    except OSError as error:
        if arguments.messages is not None:
            raise
        _say(f"{running.folder()} cannot be used ({error}): status, env and stop will not find this cloud.\n")
        return None


def _serve(arguments: argparse.Namespace, named: RunningCloud | None) -> None:
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
            account_concurrency=arguments.account_concurrency,
            function_pythons=dict(arguments.function_python),
            iam_lag_s=arguments.iam_lag,
            enforce_iam=arguments.enforce_iam,
        )
    )
    if named is not None:
        running.publish(named, server.exports)
    _stop_on_signals(server)
    if arguments.exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(server.stop,), daemon=True).start()
    _print_exports(server.exports, shell, as_json=arguments.json)
    try:
        server.serve()
    finally:
        if not (arguments.json or arguments.exit_with_parent):
            _say("\n".join([*background.lost(server.stacks), ""]))
        server.close()


def _print_exports(variables: Mapping[str, str], shell: Mapping[str, str], *, as_json: bool) -> None:
    lines = [json.dumps(variables)] if as_json else exports.export_lines(variables, shell, os.getpid())
    if exports.print_for_shell(lines) and not as_json:
        _say(
            f"\nThe cloud runs at {variables['AWS_ENDPOINT_URL']}. {background.NOTHING_IS_KEPT} "
            "Ctrl-C stops it.\n"
        )


def _stop_on_signals(server: "Server") -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        # Buffered writing may be what the signal interrupts.
        _say(f"\nStopping the cloud at {server.endpoint_url} …\n")
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _stop_at_end_of_input(stop: Callable[[], None]) -> None:
    sys.stdin.buffer.read()
    stop()


def _say(text: str) -> None:
    os.write(_STDERR, text.encode())
