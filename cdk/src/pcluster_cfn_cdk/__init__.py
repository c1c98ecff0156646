"""A construct of the AWS CDK for clusters of AWS ParallelCluster."""

from pcluster_cfn_cdk.cluster import PclusterCluster
from pcluster_cfn_cdk.configuration import ClusterConfiguration
from pcluster_cfn_cdk.validation import ClusterValidation

__all__ = ["ClusterConfiguration", "ClusterValidation", "PclusterCluster"]
