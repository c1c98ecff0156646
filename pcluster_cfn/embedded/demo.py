"""``pcluster-cfn demo``: a cluster is created, updated and deleted on the embedded cloud."""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import click

from localcloud import guard
from localcloud.cloud import Cloud
from pcluster_cfn.aws import warnings_shown
from pcluster_cfn.deploy.change_set import Deployment
from pcluster_cfn.deploy.deployer import Deployer
from pcluster_cfn.deploy.ending import print_outcome
from pcluster_cfn.deploy.failure_report import Source
from pcluster_cfn.deploy.parameters import missing_parameters, refuse_unknown_parameters
from pcluster_cfn.deploy.preflight import require_file, require_valid
from pcluster_cfn.deploy.printer import mistakes_printed
from pcluster_cfn.deploy.view import view_for
from pcluster_cfn.embedded.cleanup_check import Snapshot, find_open_operations, find_remaining, find_retained
from pcluster_cfn.embedded.clusters import Cluster, find_clusters, head_node, stored_configuration, values_of
from pcluster_cfn.embedded.practice import FAIL, Practice, practise
from pcluster_cfn.embedded.template_edits import (
    PROVIDER_TEMPLATE,
    fill_parameters,
    parameters_without_value,
    raise_max_count,
    service_token_parameter,
    unavailable_templates,
    use_own_provider,
)
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES, PARAMETERS
from pcluster_cfn.package import Bucket, package
from pcluster_cfn.project import ROOT
from pcluster_cfn.template import Template, read_text
from pcluster_cfn.terminal import Console
from pcluster_cfn.validation.library_rules import LibraryRules

EXAMPLE = ROOT / "examples" / "simple-cluster.yaml"
_STACK = "demo"
_PROVIDER_STACK = "demo-provider"
#: The embedded cloud answers at once: an operation that takes longer hangs.
_TIMEOUT_S = 600.0
_POLL_S = 0.25
#: Width of the names of checks.
_CHECK_COLUMNS = 36


@click.command(epilog=EXIT_CODES, short_help="Take a cluster through its life on this machine.")
@click.argument("template", type=click.Path(path_type=Path), required=False)
@PARAMETERS
@click.option("--region", default="us-east-1", help="Region of the embedded cloud.", show_default=True)
@click.option("--no-validate", is_flag=True, help="Deploy without the checks of pcluster-cfn validate.")
@FAIL
def demo(
    template: Path | None,
    parameters: Iterable[tuple[str, str]],
    region: str,
    fail: str | None,
    *,
    no_validate: bool,
) -> None:
    """Take a cluster through its life on an embedded cloud and check that nothing is left.

    Checks TEMPLATE, or the project's example, as pcluster-cfn validate does, deploys it, raises MaxCount and
    deletes the stack. Subnets, zones, key pair and VPC are the embedded cloud's own unless you give others.
    No AWS account is involved.

    With --fail, the cluster fails, the demo shows what you would see on AWS, and deletes the failed stack.
    """
    guard.install()
    console, path, given = Console(), template or EXAMPLE, dict(parameters)
    require_file(path)
    check_template(path, given)
    if not no_validate:
        with mistakes_printed(), LibraryRules() as rules:
            require_valid(path, given, rules, region)
    console.print("Starting an embedded cloud …")
    with Cloud.start(region, skip_idle=True) as cloud, warnings_shown(cloud.endpoint_url, console):
        Demo(cloud, console, practise(cloud, fail)).run(path, given)


def check_template(path: Path, given: Mapping[str, str]) -> None:
    """Refuses a template that the demo cannot deploy, before it starts an embedded cloud.

    Args:
        path: The template.
        given: Values of its parameters.

    Raises:
        CommandError: The template cannot be read, does not have a given parameter, has a parameter without a
            value, or nests a template that the embedded cloud does not have. All of one kind are named.
    """
    template = Template.read(path)
    refuse_unknown_parameters(template, given)
    if missing := parameters_without_value(template, given):
        raise missing_parameters(missing)
    if foreign := unavailable_templates(template):
        named = ", ".join(f"{logical_id} ({address})" for logical_id, address in foreign.items())
        raise CommandError(
            f"{path} nests templates that the embedded cloud does not have: {named}",
            "download them and name the files in place of their addresses",
        )


class Demo:
    """Runs the demo on an embedded cloud. Each step raises ``CommandError`` if it fails.

    Args:
        cloud: The embedded cloud.
        console: Where the steps are shown.
        practice: The failure of every cluster; None if they succeed.
    """

    def __init__(self, cloud: Cloud, console: Console, practice: Practice | None = None) -> None:
        self._cloud = cloud
        self._console = console
        self._practice = practice
        self._bucket = Bucket(cloud.client("s3"), cloud.exports["ARTIFACT_BUCKET"])
        self._deployer = Deployer(cloud, bucket=self._bucket, poll_s=_POLL_S, timeout_s=_TIMEOUT_S)

    def run(self, path: Path, given: Mapping[str, str]) -> None:
        """Deploys a template, updates and deletes it, and compares every step with AWS's own answers.

        Args:
            path: A template that ``check_template`` accepts.
            given: Values of its parameters. Seeded ids take the place of others.

        Raises:
            CommandError: A step or a check failed.
        """
        started_s = time.monotonic()
        started_at = datetime.fromisoformat(self._cloud.now())
        before = Snapshot.take(self._cloud)
        template = Template.read(path)
        for logical_id in use_own_provider(template):
            self._say(f"{logical_id} nests the provider: using this clone's {PROVIDER_TEMPLATE.name}")
        parameters = fill_parameters(template, given, self._cloud.exports)
        for name in sorted(parameters.keys() - given.keys()):
            self._say(f"{name} = {parameters[name]} (seeded)")
        token_parameter = service_token_parameter(template)
        if token_parameter and token_parameter not in given:
            parameters[token_parameter] = self._deploy_provider()
        clusters: list[Cluster] = []
        if self._practice is not None:
            self._fail(template, path, parameters, self._practice)
        else:
            clusters = self._create(template, path, parameters)
            self._update(template, parameters, clusters)
        self._delete(before, clusters, provider=bool(token_parameter and token_parameter not in given))
        simulated = datetime.fromisoformat(self._cloud.now()) - started_at
        self._say(
            f"\nDone in {time.monotonic() - started_s:.0f} s, in which "
            f"{timedelta(seconds=round(simulated.total_seconds()))} passed on the embedded cloud."
        )

    def _deploy_provider(self) -> str:
        self._heading("Deploy the provider")
        provider = Template.read(PROVIDER_TEMPLATE)
        package(provider, PROVIDER_TEMPLATE.parent, self._bucket)
        return self._deploy(Deployment(_PROVIDER_STACK, provider))["ServiceToken"]

    def _create(self, template: Template, path: Path, parameters: Mapping[str, str]) -> list[Cluster]:
        self._heading(f"Deploy {path.name}")
        package(template, path.parent, self._bucket)
        outputs = self._deploy(Deployment(_STACK, template, parameters), Source(read_text(path), str(path)))
        clusters = find_clusters(self._cloud, _STACK)
        self._check_head_nodes(clusters, outputs.get("HeadNodeIp"))
        return clusters

    def _fail(
        self, template: Template, path: Path, parameters: Mapping[str, str], practice: Practice
    ) -> None:
        """Deploys a template whose clusters fail, and shows the reason as on AWS."""
        self._heading(f"Deploy {path.name}: {practice.what}")
        package(template, path.parent, self._bucket)
        deployment = Deployment(_STACK, template, parameters)
        with view_for(self._console, deployment.stack_name) as view:
            outcome = self._deployer.deploy(deployment, view)
        print_outcome(self._console, outcome, Source(read_text(path), str(path)))
        if outcome.succeeded:
            raise CommandError("the stack was to fail, and it succeeded", "use a template with a cluster")
        self._say(
            "\nThis is the failure you asked for. On AWS you find the same reason in the events of your "
            "stack, at the cluster's resource."
        )
        if practice.head_nodes:
            self._say("The lines after ParallelCluster's failure code are from the head node's own log.")

    def _check_head_nodes(self, clusters: list[Cluster], output: str | None) -> None:
        """Checks that each cluster has a head node, and that one of them has the address in the output."""
        addresses: set[str] = set()
        for cluster in clusters:
            node = head_node(self._cloud, cluster.name)
            if node is None:
                raise CommandError(f"EC2 knows no head node of cluster {cluster.name}")
            address = node.public_ip or node.private_ip
            addresses |= {node.public_ip, node.private_ip}
            self._say(f"EC2 reports head node {node.instance_id} of cluster {cluster.name} at {address}")
        if output is None:
            self._say("The template has no output HeadNodeIp to compare with.")
        elif output not in addresses:
            raise CommandError(f"output HeadNodeIp is {output}, which EC2 reports for none of the clusters")
        else:
            self._say(f"HeadNodeIp = {output}: the same address")

    def _update(self, template: Template, parameters: Mapping[str, str], clusters: list[Cluster]) -> None:
        raised = raise_max_count(template, parameters)
        if raised is None or not clusters:
            self._heading("Update")
            why = "no MaxCount in any ClusterConfiguration or parameter" if clusters else "no cluster"
            self._say(f"Skipped: {why} to raise.")
            return
        self._heading(f"Update: MaxCount {raised.before} → {raised.after} ({raised.where})")
        stored_before = [self._stored_max_counts(cluster) for cluster in clusters]
        self._deploy(Deployment(_STACK, template, raised.parameters))
        for cluster, counts_before in zip(find_clusters(self._cloud, _STACK), stored_before, strict=True):
            counts = self._stored_max_counts(cluster)
            self._say(
                f"s3://{cluster.artefact_bucket}/{cluster.artefact_prefix}: "
                f"stored MaxCount {counts_before} → {counts}"
            )
            if raised.after in counts and counts != counts_before:
                return
        raise CommandError(f"no stored configuration has MaxCount {raised.after}")

    def _stored_max_counts(self, cluster: Cluster) -> list[int]:
        return [int(count) for count in values_of(stored_configuration(self._cloud, cluster), "MaxCount")]

    def _delete(self, before: Snapshot, clusters: list[Cluster], *, provider: bool) -> None:
        self._heading("Delete")
        # A nested provider's table is deleted with the stack, so it is checked before.
        checks = [find_open_operations(self._cloud, before, "before the deletion")]
        retained = find_retained(self._cloud, self._delete_stack(_STACK))
        checks.append(find_open_operations(self._cloud, before, "after the deletion"))
        if provider:
            self._delete_stack(_PROVIDER_STACK)
        checks += find_remaining(self._cloud, before, clusters, retained)
        for resource in retained.resources:
            self._say(f"Kept by its DeletionPolicy: {resource}")
        if kept := [f"{check.what} ({len(check.kept)})" for check in checks if check.kept]:
            self._say(f"Kept with what belongs to it: {', '.join(kept)}")
        self._say("Left:")
        for check in checks:
            self._say(f"{len(check.found):>3}  {check.what:<{_CHECK_COLUMNS}}  {check.where}")
        left = [item for check in checks for item in check.found]
        if left:
            raise CommandError(f"left behind: {', '.join(left)}")
        self._say("Nothing else is left." if retained.resources else "Nothing is left.")

    def _deploy(self, deployment: Deployment, source: Source | None = None) -> dict[str, str]:
        with view_for(self._console, deployment.stack_name) as view:
            outcome = self._deployer.deploy(deployment, view)
        print_outcome(self._console, outcome, source)
        if not outcome.succeeded:
            raise CommandError(f"stack {outcome.stack_name} ended as {outcome.status}")
        return outcome.outputs

    def _delete_stack(self, name: str) -> str:
        """Deletes a stack and returns its ARN."""
        with view_for(self._console, name) as view:
            outcome = self._deployer.delete(name, view)
        if not outcome.succeeded:
            print_outcome(self._console, outcome)
            raise CommandError(f"stack {name} ended as {outcome.status}")
        return outcome.stack_id

    def _heading(self, text: str) -> None:
        self._console.print(f"\n{text}", style="bold", markup=False, highlight=False)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
