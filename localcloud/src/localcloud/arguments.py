"""The options of a cloud on the command line."""

import argparse
import math
import socket
from pathlib import Path

from localcloud import running, seed
from localcloud.processes import holder_of


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a cloud to a command."""
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; a free one by default")
    parser.add_argument(
        "--region", type=_region, default=seed.REGION, help=f"the only Region; {seed.REGION} by default"
    )
    _add_time(parser)
    _add_functions(parser)
    parser.add_argument("--verbose", action="store_true", help="log every request")


def to_words(arguments: argparse.Namespace) -> list[str]:
    """Returns the options of ``add_to`` as they are written on a command line."""
    words = [f"--port={arguments.port}", f"--region={arguments.region}"]
    switches = ("skip-idle", "paced", "enforce-iam", "verbose")
    words += [f"--{name}" for name in switches if vars(arguments)[_attribute(name)]]
    for name in ("idle-grace", "concurrency", "account-concurrency", "iam-lag"):
        words.append(f"--{name}={vars(arguments)[_attribute(name)]}")
    if arguments.log_dir is not None:
        words.append(f"--log-dir={arguments.log_dir.absolute()}")
    return words + [
        f"--function-python={runtime}={path.absolute()}" for runtime, path in arguments.function_python
    ]


def name(text: str) -> str:
    """Returns a text that can be a cloud's name.

    Raises:
        ArgumentTypeError: It cannot.
    """
    if not running.is_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not valid; choose up to 64 letters, digits, hyphens and underscores"
        )
    return text


def _add_time(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip-idle", action="store_true", help="skip waits in which nothing happens")
    parser.add_argument(
        "--idle-grace",
        type=float,
        default=0.05,
        metavar="SECONDS",
        help="how long nothing has to happen before a wait is skipped; 0.05 by default",
    )
    parser.add_argument(
        "--paced",
        action="store_true",
        help="slow the cloud's clock down while the machine is short of processors",
    )


def _add_functions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log-dir", type=Path, help="where functions write their logs")
    parser.add_argument(
        "--concurrency",
        type=int,
        default=2,
        help="execution environments of a function at most; 2 by default. Further invocations wait",
    )
    parser.add_argument(
        "--account-concurrency",
        type=int,
        default=1000,
        help="concurrent executions of the account; 1000 by default. Further invocations are throttled",
    )
    parser.add_argument(
        "--function-python",
        type=_runtime_and_python,
        action="append",
        default=[],
        metavar="[RUNTIME=]PATH",
        help="run functions of one runtime, or of all others, with this interpreter; "
        "it must have awslambdaric, boto3 and time-machine",
    )
    parser.add_argument(
        "--iam-lag",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long a change of a role's permissions takes to have an effect",
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="refuse what the roles of functions and stacks do not allow",
    )


def _attribute(option: str) -> str:
    return option.replace("-", "_")


def _runtime_and_python(text: str) -> tuple[str, Path]:
    runtime, named, path = text.partition("=")
    return (runtime, Path(path)) if named and "/" not in runtime else ("*", Path(text))


def _port(text: str) -> int:
    try:
        port = int(text)
        with socket.socket() as probe:
            # As the server does it: a port that was left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text} is not a port; choose one from 0 to 65535") from error
    except OSError as error:
        holder = holder_of(port)
        used = f"is used by {holder}" if holder else f"is not available ({error.strerror})"
        raise argparse.ArgumentTypeError(
            f"port {text} {used}; choose another one, or 0 for a free one"
        ) from error
    return port


def _region(text: str) -> str:
    if not seed.has_region(text):
        raise argparse.ArgumentTypeError(f"Region {text!r} does not exist; choose one such as {seed.REGION}")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds; choose 0 or more")
    return seconds
