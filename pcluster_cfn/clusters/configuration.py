"""A cluster's configuration in force, and its differences from what its template has."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cluster_schema import fit, versions
from cluster_schema.limits import TEXT_MAX_BYTES, UnreadableError
from cluster_schema.reading import value_of
from pcluster_cfn.aws import Aws
from pcluster_cfn.clusters.cluster import Cluster, Owner
from pcluster_cfn.errors import CommandError, message_of

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: Where ParallelCluster keeps the configuration that it was given. Source: aws-parallelcluster 3.16.1,
#: models/cluster_resources.py and models/s3_bucket.py.
_KEY = "{}/configs/cluster-config.yaml"
_FOLDER_PARAMETERS = ("ResourcesS3Bucket", "ArtifactS3RootDirectory", "ConfigVersion")
#: What CloudFormation shows in place of a NoEcho parameter. Source: user guide, "Parameters".
_MASKED = "****"
_APPLIED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


@dataclass(frozen=True)
class Difference:
    """One value that is different; None stands for a value that is not there."""

    path: str
    template: Any
    cluster: Any


@dataclass(frozen=True)
class Drift:
    """The outcome of a comparison; with ``note``, there was none, and it says why."""

    differences: list[Difference] = field(default_factory=list)
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the outcome as JSON values."""
        found = [{"path": d.path, "template": d.template, "cluster": d.cluster} for d in self.differences]
        return {"compared": not self.note, "note": self.note, "differences": found}


def stored_configuration(aws: Aws, cluster: Cluster) -> dict[str, Any]:
    """Returns the configuration in force, as ParallelCluster keeps it.

    Raises:
        CommandError: It cannot be read.
    """
    bucket, folder, version = (cluster.parameters.get(name, "") for name in _FOLDER_PARAMETERS)
    if not (bucket and folder):
        raise CommandError(f"the stack of cluster {cluster.name} does not name its bucket")
    wanted = {"Bucket": bucket, "Key": _KEY.format(folder)} | ({"VersionId": version} if version else {})
    address = f"s3://{bucket}/{wanted['Key']}"
    try:
        body = aws.client("s3").get_object(**wanted)["Body"].read(TEXT_MAX_BYTES + 1)
        value = value_of(body.decode())
    except ClientError as error:
        raise CommandError(f"cannot read {address}: {message_of(error)}") from error
    except (UnicodeDecodeError, UnreadableError) as error:
        raise CommandError(f"{address} is not a configuration") from error
    if not isinstance(value, dict):
        raise CommandError(f"{address} is not a configuration")
    return value


def applied_properties(cloudformation: "CloudFormationClient", owner: Owner) -> Mapping[str, Any] | None:
    """Returns the properties that a resource was last applied with; None if CloudFormation forgot them.

    Stack events have them with every function evaluated. They are kept for 90 days.
    """
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=owner.stack_id)
    for event in (each for page in pages for each in page["StackEvents"]):
        is_its = event.get("LogicalResourceId") == owner.logical_id
        if is_its and event.get("ResourceStatus") in _APPLIED and event.get("ResourceProperties"):
            try:
                properties: Mapping[str, Any] = json.loads(event["ResourceProperties"])
            except ValueError:
                return None
            return properties
    return None


def drift(properties: Mapping[str, Any] | None, stored: Mapping[str, Any], version: str) -> Drift:
    """Returns the differences between the template's configuration and the one in force.

    Args:
        properties: The owner's properties, as CloudFormation last applied them; None if they are not known.
        stored: The configuration in force.
        version: ParallelCluster's version, whose schema gives text its types.
    """
    if version not in versions():
        return Drift(note=f"this command has no schema of ParallelCluster {version}")
    written = (properties or {}).get("ClusterConfiguration")
    if written is None:
        return Drift(note="CloudFormation no longer shows the owner's properties")
    if isinstance(written, str):
        try:
            written = value_of(written)
        except UnreadableError:
            return Drift(note="the owner's properties are not complete in its stack's events")
    wanted, present = fit(written, version).typed, fit(dict(stored), version).typed
    if not isinstance(wanted, dict):
        return Drift(note="the owner's properties are not complete in its stack's events")
    keys = {tag["Key"] for tag in wanted.get("Tags") or []}
    # The provider adds tags of the stack; the library keeps tags that an update leaves out.
    kept = [tag for tag in present.get("Tags") or [] if tag["Key"] in keys]
    without = {key: value for key, value in present.items() if key != "Tags"}
    return Drift(list(_differences(wanted, without | ({"Tags": kept} if "Tags" in wanted else {}), "")))


def _differences(template: Any, cluster: Any, path: str) -> Iterator[Difference]:
    if template in (cluster, _MASKED):
        return
    if isinstance(template, dict) and isinstance(cluster, dict):
        for key in dict.fromkeys((*template, *cluster)):
            yield from _differences(
                template.get(key), cluster.get(key), f"{path}.{key}" if path else str(key)
            )
        return
    named = _by_name(template), _by_name(cluster)
    if named[0] is not None and named[1] is not None:
        for name in dict.fromkeys((*named[0], *named[1])):
            yield from _differences(named[0].get(name), named[1].get(name), f"{path}[{name}]")
        return
    yield Difference(path, template, cluster)


def _by_name(value: Any) -> dict[str, Any] | None:
    """Returns a list's maps by their names; None if it is no list of named maps."""
    if not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        return None
    for key in ("Name", "Key"):
        if value and all(key in item for item in value):
            return {str(item[key]): item for item in value}
    return None
