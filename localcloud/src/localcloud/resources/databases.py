"""RDS: subnet groups, Aurora clusters with their parameters, and instances."""

from collections.abc import Sequence
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random
from moto.rds import models as moto_rds
from moto.rds.exceptions import RDSClientError

from localcloud.resources.model import Properties, Resource, Stored, Wanted, in_place_of, number

#: Properties of a cluster, and of an instance, that moto's backend takes under the same name in its own case.
_CLUSTER = (
    "BackupRetentionPeriod", "DBClusterParameterGroupName", "DBSubnetGroupName", "DatabaseName",
    "DeletionProtection", "Engine", "EngineVersion", "MasterUserPassword", "MasterUsername",
    "StorageEncrypted", "Tags", "VpcSecurityGroupIds",
)  # fmt: skip
_INSTANCE = (
    "AllocatedStorage", "BackupRetentionPeriod", "DBClusterIdentifier", "DBInstanceClass", "DBName",
    "DBSubnetGroupName", "DeletionProtection", "Engine", "EngineVersion", "MasterUserPassword",
    "MasterUsername", "PubliclyAccessible", "StorageEncrypted", "StorageType", "Tags",
)  # fmt: skip
_LONGEST_IDENTIFIER = 63


class _Named(Resource):
    """What is known by a name of its own, in lower case as RDS keeps it."""

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The identifier."""
        return str(self.resource_id)  # type: ignore[attr-defined]


@in_place_of(moto_rds.DBSubnetGroup)
class SubnetGroup(_Named, moto_rds.DBSubnetGroup, CloudFormationModel):
    """`AWS::RDS::DBSubnetGroup`; moto cannot update it."""

    stored: ClassVar = Stored(moto_rds.rds_backends, "subnet_groups")

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "SubnetGroup":
        """Creates the group of subnets.

        Raises:
            RDSClientError: the subnets are not in two zones at least.
        """
        properties = wanted.properties
        ec2 = wanted.place.regional(ec2_backends)
        subnets = [ec2.get_subnet(subnet_id) for subnet_id in properties["SubnetIds"]]
        if len({subnet.availability_zone for subnet in subnets}) < 2:  # noqa: PLR2004 - RDS asks for two
            raise RDSClientError(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ "
                f"coverage: {subnets[0].availability_zone}. Add subnets to cover at least 2 AZs.",
            )
        group: SubnetGroup = wanted.place.regional(moto_rds.rds_backends).create_subnet_group(
            wanted.name.lower(), properties["DBSubnetGroupDescription"], subnets, properties.get("Tags") or []
        )
        return group


@in_place_of(moto_rds.DBClusterParameterGroup)
class ClusterParameterGroup(_Named, moto_rds.DBClusterParameterGroup, CloudFormationModel):
    """`AWS::RDS::DBClusterParameterGroup`, of which moto has the API only."""

    cfn_type = "AWS::RDS::DBClusterParameterGroup"
    cfn_name_property = "DBClusterParameterGroupName"
    stored: ClassVar = Stored(moto_rds.rds_backends, "db_cluster_parameter_groups")

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "ClusterParameterGroup":
        """Creates the group with its parameters."""
        properties = wanted.properties
        backend = wanted.place.regional(moto_rds.rds_backends)
        group: ClusterParameterGroup = backend.create_db_cluster_parameter_group(
            wanted.name.lower(), properties["Family"], properties["Description"], properties.get("Tags")
        )
        return group.update_resource(wanted)

    def update_resource(self, wanted: Wanted) -> "ClusterParameterGroup":
        """Changes the parameters in place."""
        self.update_cluster_parameters(
            {"ParameterName": name, "ParameterValue": str(value)}
            for name, value in wanted.properties["Parameters"].items()
        )
        return self


@in_place_of(moto_rds.DBCluster)
class Cluster(_Named, moto_rds.DBCluster, CloudFormationModel):
    """`AWS::RDS::DBCluster`, of which moto has the API only."""

    cfn_type = "AWS::RDS::DBCluster"
    cfn_name_property = "DBClusterIdentifier"
    stored: ClassVar = Stored(moto_rds.rds_backends, "clusters", "delete_db_cluster")
    cfn_attributes: ClassVar = {
        "DBClusterArn": "arn",
        "Endpoint.Address": "endpoint",
        "Endpoint.Port": "port",
        "ReadEndpoint.Address": "reader_endpoint",
    }

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Cluster":
        """Creates the database cluster, without instances."""
        properties = wanted.properties
        scaling = properties.get("ServerlessV2ScalingConfiguration")
        capacities = scaling and {
            "min_capacity": float(scaling["MinCapacity"]),
            "max_capacity": float(scaling["MaxCapacity"]),
        }
        cluster: Cluster = wanted.place.regional(moto_rds.rds_backends).create_db_cluster(
            _arguments(_CLUSTER, properties)
            | {
                "db_cluster_identifier": wanted.name.lower(),
                "port": number(properties.get("Port")),
                "serverless_v2_scaling_configuration": capacities,
            }
        )
        return cluster

    def update_resource(self, wanted: Wanted) -> "Cluster":
        """Changes protection, security groups and version in place."""
        for argument, value in _arguments(_CLUSTER, wanted.properties).items():
            if argument in {"deletion_protection", "engine_version", "vpc_security_group_ids"}:
                setattr(self, argument, value)
        return self

    def save_content(self) -> None:
        """Makes a snapshot that outlives the cluster."""
        snapshot_id = f"{self.resource_id[:40]}-snapshot-{mock_random.get_random_hex(12)}"
        self.backend.create_db_cluster_snapshot(self.resource_id, snapshot_id)


class Instance(Resource, CloudFormationModel):
    """`AWS::RDS::DBInstance`, alone or in an Aurora cluster; moto's knows no cluster."""

    cfn_type = "AWS::RDS::DBInstance"
    cfn_name_property = "DBInstanceIdentifier"
    stored: ClassVar = Stored(
        moto_rds.rds_backends, "databases", "delete_db_instance", {"skip_final_snapshot": True}
    )

    cfn_attributes: ClassVar = {"Endpoint.Address": "address", "Endpoint.Port": "port"}

    def __init__(self, instance: Any) -> None:
        self._instance = instance
        self.physical_resource_id = str(instance.db_instance_identifier)

    @property
    def address(self) -> str:
        """The host name."""
        return str(self._instance.address)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._instance.port)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Instance":
        """Creates the instance, in its cluster where the template names one."""
        arguments = _arguments(_INSTANCE, wanted.properties)
        if groups := wanted.properties.get("VPCSecurityGroups"):
            arguments["vpc_security_group_ids"] = groups
        # Source: RDS API reference, CreateDBInstance; the end of a generated name makes it unique.
        head, _, unique = wanted.name.lower().rpartition("-")
        room = _LONGEST_IDENTIFIER - len(unique) - 1
        arguments["db_instance_identifier"] = f"{head[:room].rstrip('-')}-{unique}" if head else unique
        return cls(wanted.place.regional(moto_rds.rds_backends).create_db_instance(arguments))


def _arguments(names: Sequence[str], properties: Properties) -> dict[str, Any]:
    return {camelcase_to_underscores(name): properties[name] for name in names if name in properties}
