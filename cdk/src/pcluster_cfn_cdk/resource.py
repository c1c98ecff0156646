"""The properties and attributes of ``Custom::PclusterCluster``. Made by ``make schemas``; do not edit."""

from typing import Literal, TypedDict


class ClusterProperties(TypedDict, total=False):
    """The properties of a cluster beside those that every cluster has."""

    deletion_policy: Literal["Delete", "Retain"]
    """Delete or Retain"""
    cluster_name_update_policy: Literal["Refuse", "Replace"]
    """Refuse or Replace"""
    replacement_policy: Literal["Refuse", "Replace"]
    """Refuse or Replace"""
    drain_timeout: str | int
    """whole seconds from 0 to 2400"""
    compute_fleet_update_policy: Literal["None", "StopAndRestart"]
    """None or StopAndRestart"""
    suppress_validators: list[str]
    """a list of ALL or type:<ValidatorName>"""
    validation_failure_level: Literal["INFO", "WARNING", "ERROR"]
    """INFO, WARNING or ERROR"""
    adopt_existing: bool
    """true or false"""
    rollback_on_failure: bool
    """true or false"""
    force_update: bool
    """true or false"""
    pcluster_version: str
    """a version such as 3.16.1"""
    max_nodes: str | int
    """a whole number, and 0 for no bound"""
    max_hourly_cost_at_scale: str | int
    """US dollars an hour, such as 12.5, and 0 for no bound"""
    wait_condition_handle: str
    """!Ref of an AWS::CloudFormation::WaitConditionHandle"""


class ClusterAttributes:
    """A property for each attribute: a token for what the cluster has once it exists."""

    def attribute(self, name: str) -> str:
        """Returns a token for an attribute, such as ``loginNodes.1.address``."""
        raise NotImplementedError

    @property
    def cloud_formation_stack_status(self) -> str:
        """``cloudFormationStackStatus``."""
        return self.attribute("cloudFormationStackStatus")

    @property
    def cloudformation_stack_arn(self) -> str:
        """``cloudformationStackArn``."""
        return self.attribute("cloudformationStackArn")

    @property
    def cluster_name(self) -> str:
        """``clusterName``."""
        return self.attribute("clusterName")

    @property
    def cluster_status(self) -> str:
        """``clusterStatus``."""
        return self.attribute("clusterStatus")

    @property
    def compute_fleet_status(self) -> str:
        """``computeFleetStatus``."""
        return self.attribute("computeFleetStatus")

    @property
    def creation_time(self) -> str:
        """``creationTime``."""
        return self.attribute("creationTime")

    @property
    def head_node_instance_id(self) -> str:
        """``headNode.instanceId``."""
        return self.attribute("headNode.instanceId")

    @property
    def head_node_instance_type(self) -> str:
        """``headNode.instanceType``."""
        return self.attribute("headNode.instanceType")

    @property
    def head_node_launch_time(self) -> str:
        """``headNode.launchTime``."""
        return self.attribute("headNode.launchTime")

    @property
    def head_node_private_ip_address(self) -> str:
        """``headNode.privateIpAddress``."""
        return self.attribute("headNode.privateIpAddress")

    @property
    def head_node_public_ip_address(self) -> str:
        """``headNode.publicIpAddress``."""
        return self.attribute("headNode.publicIpAddress")

    @property
    def head_node_state(self) -> str:
        """``headNode.state``."""
        return self.attribute("headNode.state")

    @property
    def last_updated_time(self) -> str:
        """``lastUpdatedTime``."""
        return self.attribute("lastUpdatedTime")

    @property
    def log_group_name(self) -> str:
        """``logGroupName``."""
        return self.attribute("logGroupName")

    @property
    def login_nodes_address(self) -> str:
        """``loginNodes.address``."""
        return self.attribute("loginNodes.address")

    @property
    def login_nodes_healthy_nodes(self) -> str:
        """``loginNodes.healthyNodes``."""
        return self.attribute("loginNodes.healthyNodes")

    @property
    def login_nodes_pool_name(self) -> str:
        """``loginNodes.poolName``."""
        return self.attribute("loginNodes.poolName")

    @property
    def login_nodes_scheme(self) -> str:
        """``loginNodes.scheme``."""
        return self.attribute("loginNodes.scheme")

    @property
    def login_nodes_status(self) -> str:
        """``loginNodes.status``."""
        return self.attribute("loginNodes.status")

    @property
    def login_nodes_unhealthy_nodes(self) -> str:
        """``loginNodes.unhealthyNodes``."""
        return self.attribute("loginNodes.unhealthyNodes")

    @property
    def region(self) -> str:
        """``region``."""
        return self.attribute("region")

    @property
    def validation_messages(self) -> str:
        """``validationMessages``."""
        return self.attribute("validationMessages")

    @property
    def version(self) -> str:
        """``version``."""
        return self.attribute("version")
