"""Configurations of ParallelCluster: a minimal one, and one with nearly every kind of resource."""

from typing import Any


def minimal(ids: dict[str, str], max_count: int = 4) -> dict[str, Any]:
    """Returns the smallest configuration: a head node and one queue, in the seeded network.

    Args:
        ids: ``Cloud.exports``.
        max_count: Compute nodes at most, at least 1.
    """
    return {
        "Image": {"Os": "alinux2023"},
        "HeadNode": {
            "InstanceType": "t3.large",
            "Networking": {"SubnetId": ids["HEAD_NODE_SUBNET"]},
            "Ssh": {"KeyName": ids["KEY_NAME"]},
        },
        "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [_queue(ids, "one", max_count)]},
    }


def rich(ids: dict[str, str], secret_arn: str, login_nodes: int = 2, max_count: int = 4) -> dict[str, Any]:
    """Returns a configuration with login nodes, two queues, scripts, accounting and all kinds of storage.

    Args:
        ids: ``Cloud.exports``.
        secret_arn: The secret with the accounting database's password.
        login_nodes: How many, at least 1.
        max_count: Compute nodes of the first queue at most, at least 1.
    """
    partition = secret_arn.split(":")[1]
    script = {"Script": f"s3://{ids['ARTIFACT_BUCKET']}/configure.sh", "Args": ["a", "b"]}
    placed = _queue(ids, "one", max_count)
    placed["Networking"]["PlacementGroup"] = {"Enabled": True}
    spot = _queue(ids, "two", 10)
    spot["CapacityType"] = "SPOT"
    spot["ComputeResources"][0] = {
        "Name": "mixed",
        "Instances": [{"InstanceType": "m5.large"}, {"InstanceType": "m5a.large"}],
        "MinCount": 0,
        "MaxCount": 10,
    }
    return {
        "Image": {"Os": "ubuntu2204"},
        "HeadNode": {
            "InstanceType": "t3.large",
            "Networking": {"SubnetId": ids["HEAD_NODE_SUBNET"], "ElasticIp": True},
            "Ssh": {"KeyName": ids["KEY_NAME"], "AllowedIps": "10.1.0.0/16"},
            "LocalStorage": {"RootVolume": {"Size": 60, "Encrypted": True}},
            "CustomActions": {"OnNodeStart": {"Script": script["Script"]}, "OnNodeConfigured": script},
            "Iam": {
                "S3Access": [{"BucketName": ids["ARTIFACT_BUCKET"]}],
                "AdditionalIamPolicies": [
                    {"Policy": f"arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}
                ],
            },
        },
        "LoginNodes": {
            "Pools": [
                {
                    "Name": "login",
                    "InstanceType": "t3.medium",
                    "Count": login_nodes,
                    "Networking": {"SubnetIds": [ids["HEAD_NODE_SUBNET"]]},
                }
            ]
        },
        "Scheduling": {
            "Scheduler": "slurm",
            "SlurmSettings": {
                "Database": {
                    "Uri": "accounting.example.internal:3306",
                    "UserName": "slurm",
                    "PasswordSecretArn": secret_arn,
                }
            },
            "SlurmQueues": [placed, spot],
        },
        "SharedStorage": [
            {
                "Name": "blocks",
                "MountDir": "/blocks",
                "StorageType": "Ebs",
                "EbsSettings": {"Size": 50, "VolumeType": "gp3", "DeletionPolicy": "Delete"},
            },
            {"Name": "files", "MountDir": "/files", "StorageType": "Efs", "EfsSettings": {"Encrypted": True}},
            {
                "Name": "scratch",
                "MountDir": "/scratch",
                "StorageType": "FsxLustre",
                "FsxLustreSettings": {"StorageCapacity": 1200, "DeploymentType": "SCRATCH_2"},
            },
        ],
        "Monitoring": {
            "DetailedMonitoring": True,
            "Logs": {"CloudWatch": {"Enabled": True, "RetentionInDays": 30, "DeletionPolicy": "Delete"}},
            "Dashboards": {"CloudWatch": {"Enabled": True}},
        },
        "Tags": [{"Key": "team", "Value": "hpc"}],
    }


def _queue(ids: dict[str, str], name: str, max_count: int) -> dict[str, Any]:
    return {
        "Name": name,
        "ComputeResources": [{"Name": f"{name}-c5", "InstanceType": "c5.large", "MaxCount": max_count}],
        "Networking": {"SubnetIds": [ids["COMPUTE_SUBNET"]]},
    }
