"""The command line: its commands, and what a user sees of an error.

A command is imported when it is used. The SDK, the SAM translator and the embedded cloud take half a second
to import, and most commands need only one of them.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from pcluster_cfn import config_file
from pcluster_cfn.errors import FAULT, CommandError, wants_tracebacks
from pcluster_cfn.options import EXIT_CODES, INTERRUPTED
from pcluster_cfn.terminal import harmless_output

#: Where each command is, and what the list of commands says about it.
COMMANDS = {
    "build": ("pcluster_cfn.publishing.build", "Build the provider stack for deploy and publish."),
    "local": ("pcluster_cfn.embedded.local", "Start an embedded cloud for real AWS clients."),
    "deploy": ("pcluster_cfn.deploy.command", "Create or update a stack and show its progress."),
    "delete": ("pcluster_cfn.deploy.command", "Delete STACK and show its progress."),
    "demo": ("pcluster_cfn.embedded.demo", "Take a cluster through its life on this machine."),
    "plan": ("pcluster_cfn.plan.command", "Show what a deployment would do to clusters."),
    "upgrade": ("pcluster_cfn.upgrade.command", "Write a template's passage to another version."),
    "publish": ("pcluster_cfn.publishing.command", "Upload the provider for others to nest or launch."),
    "quick-create": ("pcluster_cfn.launch.quick_create", "Make links that launch a template."),
    "launch-page": ("pcluster_cfn.launch.launch_page", "Write a web page that launches a template."),
    "list": ("pcluster_cfn.clusters.listing", "List the clusters of a Region and their owners."),
    "status": ("pcluster_cfn.clusters.status", "Show how a cluster is."),
    "events": ("pcluster_cfn.clusters.events", "Show what happened to a cluster, root cause first."),
    "logs": ("pcluster_cfn.clusters.logs", "Show the logs of a cluster's nodes."),
    "connect": ("pcluster_cfn.clusters.connect", "Open a shell on a node of a cluster."),
    "open": ("pcluster_cfn.clusters.console", "Open a cluster's pages in the AWS console."),
    "import": ("pcluster_cfn.authoring.adoption", "Write a template that takes over an existing cluster."),
    "init": ("pcluster_cfn.authoring.init", "Write a template for a new cluster."),
    "validate": ("pcluster_cfn.validation.command", "Find mistakes before a deployment."),
    "advise": ("pcluster_cfn.advice.command", "List known flaws and end dates of clusters' releases."),
}

#: The package that the extra "local" brings.
_EMBEDDED = "localcloud"
#: Errors beside the command's own whose text is for the user, by the module that defines them.
_SHOWN = {"botocore.exceptions": ("ClientError", "BotoCoreError"), "localcloud.cloud": ("CloudError",)}


class _Commands(click.Group):
    """Imports commands when they are used, and turns errors that the user can act on into one line.

    All output passes through here, click's own included, and control characters in it are escaped.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        added = super().get_command(ctx, cmd_name)
        if added is not None or cmd_name not in COMMANDS:
            return added
        try:
            module = import_module(COMMANDS[cmd_name][0])
        except ModuleNotFoundError as error:
            if error.name != _EMBEDDED:
                raise
            raise CommandError(
                f"{cmd_name} needs the embedded cloud, which is not installed",
                "install pcluster-cfn[local] (docs/how-to/install.md)",
            ) from error
        function = cmd_name.replace("-", "_")
        # A command with the name of a keyword or of a built-in function has another name in Python.
        command: click.Command = getattr(module, function, None) or getattr(module, f"{function}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        texts = {name: command.get_short_help_str() for name, command in self.commands.items()}
        texts |= {name: text for name, (_, text) in COMMANDS.items()}
        with formatter.section("Commands"):
            formatter.write_dl([(name, texts[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command as click does, and gives it the defaults of the configuration file."""
        name, command, rest = super().resolve_command(ctx, args)
        # Help and completion work whatever the file has.
        if name and command and not ctx.resilient_parsing and not set(rest) & {"-h", "--help"}:
            found = config_file.find(Path.cwd(), Path.home())
            if found:
                found.require_known_names(self.list_commands(ctx))
                ctx.default_map = {name: found.defaults(name, command)}
        return name, command, rest

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with harmless_output():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            click.echo("\nInterrupted.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own ways to end
        except Exception as error:
            if isinstance(error, _shown()):
                raise click.ClickException(str(error)) from error
            if wants_tracebacks():
                raise
            raise click.ClickException(FAULT) from error


def _shown() -> tuple[type[Exception], ...]:
    """The errors whose text is for the user; a module that was not imported has raised none."""
    imported = ((sys.modules[name], kinds) for name, kinds in _SHOWN.items() if name in sys.modules)
    return (CommandError, *(getattr(module, kind) for module, kinds in imported for kind in kinds))


@click.group(
    cls=_Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PCLUSTER_CFN"},
)
@click.version_option(package_name="pcluster-cfn")
def main() -> None:
    """Deploy clusters from CloudFormation templates, or try them on this machine."""
