"""The provider function: the CloudFormation protocol, without ParallelCluster."""
