"""RDS: subnet groups, Aurora clusters with their parameters, and instances."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random
from moto.rds import models as moto_rds
from moto.rds.exceptions import RDSClientError

from localcloud.resources.model import Place, Properties, Resource, Wanted, in_place_of, number

#: CloudFormation's properties of a cluster, and the arguments of moto's backend.
_CLUSTER = {
    "BackupRetentionPeriod": "backup_retention_period",
    "DBClusterParameterGroupName": "db_cluster_parameter_group_name",
    "DBSubnetGroupName": "db_subnet_group_name",
    "DatabaseName": "database_name",
    "DeletionProtection": "deletion_protection",
    "Engine": "engine",
    "EngineVersion": "engine_version",
    "MasterUserPassword": "master_user_password",
    "MasterUsername": "master_username",
    "StorageEncrypted": "storage_encrypted",
    "Tags": "tags",
    "VpcSecurityGroupIds": "vpc_security_group_ids",
}
_INSTANCE = {
    "AllocatedStorage": "allocated_storage",
    "BackupRetentionPeriod": "backup_retention_period",
    "DBClusterIdentifier": "db_cluster_identifier",
    "DBInstanceClass": "db_instance_class",
    "DBName": "db_name",
    "DBSubnetGroupName": "db_subnet_group_name",
    "DeletionProtection": "deletion_protection",
    "Engine": "engine",
    "EngineVersion": "engine_version",
    "MasterUserPassword": "master_user_password",
    "MasterUsername": "master_username",
    "PubliclyAccessible": "publicly_accessible",
    "StorageEncrypted": "storage_encrypted",
    "StorageType": "storage_type",
    "Tags": "tags",
    "VPCSecurityGroups": "vpc_security_group_ids",
}


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

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the group."""
        place.regional(moto_rds.rds_backends).subnet_groups.pop(physical_id, None)


@in_place_of(moto_rds.DBClusterParameterGroup)
class ClusterParameterGroup(_Named, moto_rds.DBClusterParameterGroup, CloudFormationModel):
    """`AWS::RDS::DBClusterParameterGroup`, of which moto has the API only."""

    cfn_type: ClassVar = "AWS::RDS::DBClusterParameterGroup"
    cfn_name_property: ClassVar = "DBClusterParameterGroupName"

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

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the group."""
        place.regional(moto_rds.rds_backends).db_cluster_parameter_groups.pop(physical_id, None)


@in_place_of(moto_rds.DBCluster)
class Cluster(_Named, moto_rds.DBCluster, CloudFormationModel):
    """`AWS::RDS::DBCluster`, of which moto has the API only."""

    cfn_type: ClassVar = "AWS::RDS::DBCluster"
    cfn_name_property: ClassVar = "DBClusterIdentifier"
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

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the database cluster.

        Raises:
            InvalidParameterCombination: it is protected.
            DBClusterToBeDeletedHasActiveMembers: it still has instances.
        """
        backend = place.regional(moto_rds.rds_backends)
        if physical_id in backend.clusters:
            backend.delete_db_cluster(physical_id)


class Instance(Resource, CloudFormationModel):
    """`AWS::RDS::DBInstance`, alone or in an Aurora cluster; moto's knows no cluster."""

    cfn_type: ClassVar = "AWS::RDS::DBInstance"
    cfn_name_property: ClassVar = "DBInstanceIdentifier"
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
        # Source: RDS API reference, CreateDBInstance; the end of a generated name makes it unique.
        head, _, unique = wanted.name.lower().rpartition("-")
        room = _LONGEST_IDENTIFIER - len(unique) - 1
        arguments["db_instance_identifier"] = f"{head[:room].rstrip('-')}-{unique}" if head else unique
        return cls(wanted.place.regional(moto_rds.rds_backends).create_db_instance(arguments))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the instance, without a final snapshot."""
        backend = place.regional(moto_rds.rds_backends)
        if physical_id in backend.databases:
            backend.delete_db_instance(physical_id, skip_final_snapshot=True)


def _arguments(names: dict[str, str], properties: Properties) -> dict[str, Any]:
    return {argument: properties[key] for key, argument in names.items() if key in properties}
