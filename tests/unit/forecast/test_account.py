"""What a forecast reads of an account, and what it makes of answers and refusals; shapes are botocore's."""

from contextlib import ExitStack
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from pcluster_cfn.forecast.account import AccountReader
from pcluster_cfn.forecast.checks import applicable
from pcluster_cfn.forecast.demand import PROFILES, ROLES, STACKS, ZONES, Check, demand_of
from pcluster_cfn.forecast.facts import Instance, InstanceType, Limit, NotSeen, Reservation, Subnet
from pcluster_cfn.forecast.forecast import NO_FORECAST, forecast
from pcluster_cfn.forecast.quotas import EFS, LUSTRE, vcpu_quota
from tests.support.accounts import NOW, clusters

TEXT = """\
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: arn
      ClusterName: hpc
      ClusterConfiguration:
        Image: {Os: alinux2023}
        HeadNode: {InstanceType: t3.medium, Networking: {SubnetId: subnet-0000000000000000a}}
        SharedStorage:
          - {Name: home, StorageType: Efs, MountDir: /home2}
          - {Name: fast, StorageType: FsxLustre, MountDir: /fast, FsxLustreSettings: {StorageCapacity: 1200}}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              Networking: {SubnetIds: [subnet-0000000000000000b]}
              ComputeResources:
                - Name: c
                  InstanceType: c6i.large
                  CapacityReservationTarget: {CapacityReservationId: cr-00000000000000001}
"""
DEMAND = demand_of(clusters(TEXT))
STANDARD = vcpu_quota("c6i.large", "on-demand")


class StubbedAws:
    """Clients of the SDK whose requests and answers a test states."""

    def __init__(self):
        self.stubs = {}

    def client(self, service):
        return self.stub(service).client

    def stub(self, service):
        if service not in self.stubs:
            self.stubs[service] = Stubber(boto3.client(service, region_name="us-east-1"))
            self.stubs[service].activate()
        return self.stubs[service]


@pytest.fixture
def aws():
    with ExitStack() as ended:
        made = StubbedAws()
        yield made
        for stub in made.stubs.values():
            ended.callback(stub.deactivate)
            stub.assert_no_pending_responses()


def read(aws, *checks):
    return AccountReader(aws, now=lambda: NOW).read(DEMAND, checks)


def expect_instances_and_types(ec2, *instances):
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": list(instances)}]})
    named = {each["InstanceType"] for each in instances} | {"t3.medium", "c6i.large"}
    cards = [{"NetworkCardIndex": 0}, {"NetworkCardIndex": 1}]
    ec2.add_response(
        "describe_instance_types",
        {
            "InstanceTypes": [
                {
                    "InstanceType": "c6i.large",
                    "VCpuInfo": {"DefaultVCpus": 2},
                    "NetworkInfo": {"NetworkCards": cards},
                },
                {"InstanceType": "t3.medium", "VCpuInfo": {"DefaultVCpus": 2}},
            ]
        },
        {"Filters": [{"Name": "instance-type", "Values": sorted(named)}]},
    )


def test_instances_have_their_market_cluster_and_addresses(aws):
    interfaces = [
        {"SubnetId": "subnet-a", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.4"}]},
        {"SubnetId": "subnet-a", "InterfaceType": "efa-only", "PrivateIpAddresses": []},
    ]
    tags = [{"Key": "parallelcluster:cluster-name", "Value": "hpc"}]
    of_cluster = {"InstanceType": "m5.large", "Tags": tags, "NetworkInterfaces": interfaces}
    expect_instances_and_types(
        aws.stub("ec2"),
        of_cluster,
        {"InstanceType": "c5.large", "InstanceLifecycle": "spot"},
        {"InstanceType": "p5.48xlarge", "InstanceLifecycle": "capacity-block"},
    )
    aws.stub("service-quotas").add_response(
        "get_service_quota", {"Quota": {"Value": 64.0}}, {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}
    )
    facts = read(aws, Check.VCPUS)
    assert facts.instances == [
        Instance("m5.large", "on-demand", "hpc", {"subnet-a": 1}),
        Instance("c5.large", "spot"),
        Instance("p5.48xlarge", "capacity-block"),
    ]
    assert facts.types == {"c6i.large": InstanceType(2, 2), "t3.medium": InstanceType(2, 1)}
    assert facts.quotas == {STANDARD: 64.0}


def test_a_quota_that_was_never_changed_has_its_default(aws):
    expect_instances_and_types(aws.stub("ec2"))
    quotas = aws.stub("service-quotas")
    quotas.add_client_error("get_service_quota", "NoSuchResourceException")
    quotas.add_response("get_aws_default_service_quota", {"Quota": {"Value": 5.0}})
    assert read(aws, Check.VCPUS).quotas == {STANDARD: 5.0}


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException"])
def test_a_quota_that_may_not_be_read_says_why(aws, code):
    expect_instances_and_types(aws.stub("ec2"))
    aws.stub("service-quotas").add_client_error("get_service_quota", code, "not for you")
    assert read(aws, Check.VCPUS).quotas == {STANDARD: NotSeen("not for you")}


def test_subnets_and_offerings_are_listed_by_filters(aws):
    ec2 = aws.stub("ec2")
    ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
    ec2.add_response(
        "describe_subnets",
        {"Subnets": [{"SubnetId": ids[1], "AvailableIpAddressCount": 7, "AvailabilityZone": "us-east-1b"}]},
        {"Filters": [{"Name": "subnet-id", "Values": ids}]},
    )
    ec2.add_response(
        "describe_instance_type_offerings",
        {
            "InstanceTypeOfferings": [
                {"InstanceType": "c6i.large", "Location": "us-east-1a"},
                {"InstanceType": "c6i.large", "Location": "us-east-1b"},
            ]
        },
        {
            "LocationType": "availability-zone",
            "Filters": [{"Name": "instance-type", "Values": ["c6i.large", "t3.medium"]}],
        },
    )
    facts = read(aws, Check.OFFERINGS)
    assert facts.subnets == {ids[1]: Subnet(7, "us-east-1b")}
    assert facts.offerings == {"c6i.large": frozenset({"us-east-1a", "us-east-1b"})}


def test_a_reservation_is_read_by_its_id(aws):
    ec2 = aws.stub("ec2")
    ends_at = datetime(2026, 2, 1, tzinfo=UTC)
    described = {
        "CapacityReservationId": "cr-00000000000000001",
        "InstanceType": "c6i.large",
        "AvailabilityZone": "us-east-1b",
        "State": "active",
        "TotalInstanceCount": 3,
        "EndDate": ends_at,
    }
    ec2.add_response("describe_subnets", {"Subnets": []})
    ec2.add_response(
        "describe_capacity_reservations",
        {"CapacityReservations": [described]},
        {"CapacityReservationIds": ["cr-00000000000000001"]},
    )
    (reservation,) = read(aws, Check.RESERVATIONS).reservations.values()
    assert reservation == Reservation("c6i.large", "us-east-1b", "active", 3, ends_at)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidCapacityReservationId.NotFound", None),
        ("UnauthorizedOperation", NotSeen("not for you")),
    ],
)
def test_a_reservation_that_is_not_there_differs_from_one_that_may_not_be_read(aws, code, expected):
    ec2 = aws.stub("ec2")
    ec2.add_response("describe_subnets", {"Subnets": []})
    ec2.add_client_error("describe_capacity_reservations", code, "not for you")
    assert read(aws, Check.RESERVATIONS).reservations == {"cr-00000000000000001": expected}


def test_limits_come_with_what_is_in_use(aws):
    iam, cloudformation = aws.stub("iam"), aws.stub("cloudformation")
    summary = {"Roles": 10, "RolesQuota": 1000, "InstanceProfiles": 11, "InstanceProfilesQuota": 1001}
    for _ in (ROLES, PROFILES):
        iam.add_response("get_account_summary", {"SummaryMap": summary})
    cloudformation.add_response(
        "describe_account_limits",
        {
            "AccountLimits": [
                {"Name": "StackLimit", "Value": 2000},
                {"Name": "StackOutputsLimit", "Value": 200},
            ]
        },
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    stacks = [
        {"StackName": "a", "CreationTime": now, "StackStatus": status}
        for status in ("CREATE_COMPLETE", "DELETE_FAILED", "DELETE_COMPLETE")
    ]
    cloudformation.add_response("list_stacks", {"StackSummaries": stacks})
    aws.stub("route53").add_response(
        "get_account_limit",
        {"Limit": {"Type": "MAX_HOSTED_ZONES_BY_OWNER", "Value": 500}, "Count": 20},
        {"Type": "MAX_HOSTED_ZONES_BY_OWNER"},
    )
    facts = read(aws, Check.ROLES, Check.PROFILES, Check.STACKS, Check.ZONES)
    assert facts.limits == {
        ROLES: Limit(1000, 10),
        PROFILES: Limit(1001, 11),
        STACKS: Limit(2000, 2),
        ZONES: Limit(500, 20),
    }


def test_file_systems_count_by_what_their_quota_counts(aws):
    def quota(code, value):
        aws.stub("service-quotas").add_response(
            "get_service_quota",
            {"Quota": {"Value": value}},
            {"ServiceCode": "elasticfilesystem" if code == EFS.code else "fsx", "QuotaCode": code},
        )

    quota(EFS.code, 1000.0)
    aws.stub("efs").add_response("describe_file_systems", {"FileSystems": []})
    assert read(aws, Check.EFS).limits == {EFS: Limit(1000, 0)}
    quota("L-C48231E5", 100.0)
    types = ["SCRATCH_1", "SCRATCH_2", "PERSISTENT_2"]
    systems = [{"LustreConfiguration": {"DeploymentType": each}} for each in types]
    aws.stub("fsx").add_response("describe_file_systems", {"FileSystems": [*systems, {}]})
    assert read(aws, Check.FSX).limits == {LUSTRE["SCRATCH_2"]: Limit(100, 2)}


class UnreachableAws:
    """An account that cannot be reached; the client of EC2 has a Region."""

    def client(self, service):
        client = boto3.client(service, region_name="us-east-1")

        def refuse(**_):
            raise EndpointConnectionError(endpoint_url=f"https://{service}")

        client.meta.events.register("before-send", refuse)
        return client


def test_an_account_that_cannot_be_reached_gives_no_warning_and_says_so():
    found = forecast(UnreachableAws(), clusters(TEXT))
    assert found.warnings == ()
    assert set(found.checks) == {check for check, _ in found.not_seen} == {*Check}
    printed = [line for line, _ in found.lines()]
    assert len(printed) == len(Check) + 1
    assert printed[-1] == "Forecast: 10 checks, 0 warnings, 10 not possible or only in part"
    assert all("https://" in line for line in printed[:-1])


def test_nothing_is_read_for_no_clusters_and_for_checks_that_are_switched_off():
    assert forecast(None, iter(())) is NO_FORECAST
    assert applicable(DEMAND, ()) == [*Check]
    assert forecast(None, clusters(TEXT), [*Check]) is NO_FORECAST
