"""``pcluster-cfn connect``."""

import json
import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import click
from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, reaches_embedded_cloud, session
from pcluster_cfn.clusters.finding import cluster_named
from pcluster_cfn.clusters.nodes import Node, nodes_of, running_node
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import JSON, aws_options, example

_EXIT_CODES = "Exit codes: those of ssh or aws; 1 also for a failure before they start, 2 wrong usage."
_PLUGIN = "session-manager-plugin"
#: Where each program comes from, for who does not have it.
_INSTALL = {
    "aws": "install the AWS CLI, or connect with --ssh",
    _PLUGIN: "install the Session Manager plugin of the AWS CLI, or connect with --ssh",
    "ssh": "install OpenSSH, or connect with --ssm",
}


@dataclass(frozen=True)
class Way:
    """How to reach a node.

    Args:
        uses_ssm: Session Manager rather than ssh.
        region: Region of the node.
        profile: Profile of the AWS configuration; None for the default credentials.
        user: The user for ssh; None for that of the node's operating system.
        extra: Further arguments of ssh or of ``aws ssm start-session``.
    """

    uses_ssm: bool
    region: str
    profile: str | None = None
    user: str | None = None
    extra: Sequence[str] = ()

    def command(self, node: Node) -> list[str]:
        """Returns the command that connects to a node.

        Raises:
            CommandError: The node's user is not known, or it has no address.
        """
        if self.uses_ssm:
            profile = ["--profile", self.profile] if self.profile else []
            target = ["--target", node.instance_id, "--region", self.region]
            return ["aws", "ssm", "start-session", *target, *profile, *self.extra]
        user = self.user or node.user
        if user is None:
            raise CommandError(
                f"the user of {node.image_os or 'the operating system'} of {node.instance_id} is not known",
                "give it with --user",
            )
        address = node.public_ip or node.private_ip
        if address is None:
            raise CommandError(f"node {node.instance_id} has no address", "connect with --ssm")
        return ["ssh", f"{user}@{address}", *self.extra]

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that must be installed."""
        return ("aws", _PLUGIN) if self.uses_ssm else ("ssh",)


@click.command(
    epilog=example("pcluster-cfn connect hpc --ssh -- -i ~/.ssh/hpc.pem", _EXIT_CODES),
    short_help="Open a shell on a node of a cluster.",
)
@click.argument("name", metavar="CLUSTER|STACK")
@click.argument("extra", nargs=-1, metavar="[-- ARGUMENT…]")
@click.option("--node", default="head", show_default=True, help="head, login, or an instance id.")
@click.option("--ssm/--ssh", "uses_ssm", default=None, help="Session Manager or ssh. Default: see above.")
@click.option("--user", help="User for ssh. Default: that of the node's operating system.")
@click.option("--print", "only_prints", is_flag=True, help="Print the command, and do not run it.")
@aws_options
@JSON
def connect(
    *,
    name: str,
    extra: Sequence[str],
    node: str,
    uses_ssm: bool | None,
    user: str | None,
    only_prints: bool,
    region: str | None,
    profile: str | None,
    wants_json: bool,
) -> None:
    """Open a shell on a node of a cluster, its head node unless you name another.

    Uses Session Manager if it can reach the node, and ssh otherwise. Arguments after -- are passed on to ssh
    or to aws ssm start-session. With --json, prints the node and the command, and runs nothing.
    """
    aws = session(region, profile)
    cluster = cluster_named(aws, name)
    found = running_node(nodes_of(aws, cluster.name), node, cluster.name)
    if uses_ssm is None:
        uses_ssm = user is None and _is_online(aws, found)
    way = Way(uses_ssm, aws.client("ec2").meta.region_name, profile, user, extra)
    command = way.command(found)
    if only_prints or wants_json:
        described = {"cluster": cluster.name, "node": found.as_json(), "command": command}
        click.echo(json.dumps(described, indent=2) if wants_json else shlex.join(command))
        return
    if reaches_embedded_cloud(aws):
        # Its addresses are somebody else's on the internet.
        raise CommandError(
            f"node {found.instance_id} is on an embedded cloud, where no node boots",
            "--print shows the command",
        )
    run(command, way.programs)


def run(command: Sequence[str], programs: Sequence[str]) -> NoReturn:
    """Replaces this process by a command.

    Args:
        command: The command.
        programs: The programs that it needs.

    Raises:
        CommandError: A program is not installed.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise CommandError(f"{program} is not installed", _INSTALL[program])
    click.echo(shlex.join(command), err=True)
    os.execvp(command[0], list(command))  # noqa: S606 - the shell of the user's choice takes over


def _is_online(aws: Aws, node: Node) -> bool:
    """Whether Session Manager can reach a node; False also if it cannot be asked, since ssh may still do."""
    wanted = [{"Key": "InstanceIds", "Values": [node.instance_id]}]
    try:
        answer = aws.client("ssm").describe_instance_information(Filters=wanted)
    except ClientError:
        return False
    return any(each.get("PingStatus") == "Online" for each in answer["InstanceInformationList"])
