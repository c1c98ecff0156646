"""Slurm keeps its accounting in a database of a nested stack."""

import json

import pytest

from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

PATH = EXAMPLES / "slurm-accounting" / "cluster.yaml"
#: A zone that the seeded subnets are not in, and addresses that they do not have.
OTHER_ZONE, OTHER_ADDRESSES = "us-east-1b", "10.0.32.0/24"


def begin(place):
    account, vpc_id = place.account, place.account.cloud.exports["VPC_ID"]
    zone = {"AvailabilityZone": OTHER_ZONE, "CidrBlock": OTHER_ADDRESSES}
    other = account.ec2.create_subnet(VpcId=vpc_id, **zone)["Subnet"]["SubnetId"]
    subnets = {"VpcId": vpc_id, "DatabaseSubnets": f"{place.seeded['ComputeSubnet']},{other}"}
    yield Example(account, "accounting", account.packaged(PATH), place.seeded | subnets)


@pytest.fixture(scope="module")
def example(begun):
    return begun["accounting"]


@pytest.fixture(scope="module")
def created(example):
    return example.created()


@pytest.fixture(scope="module")
def rds(account):
    return account.cloud.client("rds")


@pytest.fixture(scope="module")
def database(rds, created):
    host = created["DatabaseUri"].partition(":")[0]
    instances = rds.describe_db_instances()["DBInstances"]
    (instance,) = [one for one in instances if one["Endpoint"]["Address"] == host]
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=instance["DBClusterIdentifier"])["DBClusters"]
    return cluster


def test_the_cluster_is_told_of_the_database(example, created, database):
    told = example.stored_configuration()["Scheduling"]["SlurmSettings"]["Database"]
    assert told == {
        "Uri": created["DatabaseUri"],
        "UserName": database["MasterUsername"],
        "PasswordSecretArn": created["PasswordSecretArn"],
    }
    assert told["Uri"].endswith(f":{database['Port']}")


def test_the_secret_is_a_password_and_nothing_around_it(account, created):
    secret = account.cloud.client("secretsmanager").get_secret_value(SecretId=created["PasswordSecretArn"])
    assert secret["SecretString"].isalnum()
    assert len(secret["SecretString"]) == 32


def test_the_head_node_is_in_the_group_that_the_database_lets_in(account, example, database):
    named = [group["VpcSecurityGroupId"] for group in database["VpcSecurityGroups"]]
    (group,) = account.ec2.describe_security_groups(GroupIds=named)["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    (head_node,) = account.head_nodes(example.cluster)
    assert (rule["FromPort"], rule["ToPort"]) == (3306, 3306)
    assert {pair["GroupId"] for pair in rule["UserIdGroupPairs"]} & {
        one["GroupId"] for one in head_node["SecurityGroups"]
    }


def test_the_validators_find_nothing_worse_than_a_remark(created):
    levels = {message["level"] for message in json.loads(created["ValidationMessages"])}
    assert levels <= {"INFO", "WARNING"}


def test_a_snapshot_and_its_password_are_all_that_stays(account, example, created, rds, database):
    example.deleted()
    identifier = database["DBClusterIdentifier"]
    assert identifier not in {one["DBClusterIdentifier"] for one in rds.describe_db_clusters()["DBClusters"]}
    snapshots = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    (kept,) = [one for one in snapshots if one["DBClusterIdentifier"] == identifier]
    secrets = account.cloud.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=created["PasswordSecretArn"])["SecretString"]

    # As who wants nothing of it any more.
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=kept["DBClusterSnapshotIdentifier"])
    secrets.delete_secret(SecretId=created["PasswordSecretArn"], ForceDeleteWithoutRecovery=True)
    account.ec2.delete_subnet(SubnetId=example.parameters["DatabaseSubnets"].partition(",")[2])
