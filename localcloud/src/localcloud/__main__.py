"""The command: ``localcloud start`` runs a cloud in the background, ``localcloud run`` until you stop it."""

import argparse
import os
import sys
from collections.abc import Callable

from localcloud import arguments as options
from localcloud import background, exports, running, serving, version
from localcloud.cloud import CloudError
from localcloud.running import NameTakenError, RunningCloud

_NO_SUCH_COMMAND = 127


def main() -> None:
    """Runs the command with the process's arguments."""
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except (CloudError, NameTakenError) as error:
        sys.exit(f"localcloud: error: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description="AWS on this machine.")
    parser.add_argument("--version", action="version", version=f"localcloud {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str, more: str = ""
    ) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}. {more}".rstrip()
        )
        command.set_defaults(run=run)
        return command

    start = add(
        "start",
        _start,
        "start a cloud in the background and print its variables",
        f'In a shell: eval "$(localcloud start)". {background.NOTHING_IS_KEPT}',
    )
    options.add_to(start)
    _add_name(start)
    run = add(
        "run",
        serving.serve,
        "run a cloud until Ctrl-C",
        f"Prints the variables that AWS clients need first. {background.NOTHING_IS_KEPT}",
    )
    options.add_to(run)
    serving.add_options(run)
    stop = add("stop", _stop, "stop a cloud and say what is lost")
    status = add("status", _status, "say where clouds run and what is on them")
    status.add_argument("--json", action="store_true", help="print a list of JSON objects")
    env = add("env", _env, "print the variables of a running cloud", 'In a shell: eval "$(localcloud env)".')
    execute = add(
        "exec",
        _execute,
        "run a command with the variables of a running cloud",
        "For instance: localcloud exec -- aws sqs list-queues. The AWS CLI then uses the cloud for every "
        "service, version 1 included.",
    )
    for command in (stop, status, env, execute):
        _add_name(command)
    execute.add_argument("words", nargs="+", metavar="COMMAND", help="the command and its arguments")
    return parser


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--name", type=options.name, help=f"name of the cloud; {running.DEFAULT_NAME} by default"
    )


def _start(arguments: argparse.Namespace) -> int:
    name = arguments.name or running.DEFAULT_NAME
    cloud = background.start(name, options.to_words(arguments))
    _print_exports(cloud)
    _say(
        f"The cloud {cloud.name!r} runs at {cloud.endpoint_url}. {background.NOTHING_IS_KEPT}\n"
        f"Stop it with: localcloud stop{background.name_option(name)}"
    )
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    cloud = background.require(arguments.name or running.DEFAULT_NAME, may_be_starting=True)
    _say(f"Stopping the cloud {cloud.name!r}{background.at(cloud)} …")
    _say("\n".join(background.stop(cloud)))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    clouds = running.every() if arguments.name is None else [background.require(arguments.name)]
    print(background.report(clouds, as_json=arguments.json))  # noqa: T201 - this is the command's output
    return 0


def _env(arguments: argparse.Namespace) -> int:
    _print_exports(background.require(arguments.name))
    return 0


def _execute(arguments: argparse.Namespace) -> int:
    try:
        exports.run_command(arguments.words, background.require(arguments.name).exports)
    except OSError as error:
        _say(f"localcloud: error: {arguments.words[0]}: {error.strerror}")
        return _NO_SUCH_COMMAND


def _print_exports(cloud: RunningCloud) -> None:
    for line in exports.export_lines(cloud.exports, os.environ, cloud.process.pid):
        print(line)  # noqa: T201 - this is the command's output


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - messages to people


if __name__ == "__main__":
    main()
