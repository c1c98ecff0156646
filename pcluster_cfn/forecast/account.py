"""Reads an account: quotas, what counts toward them, subnets, offerings and capacity reservations."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.aws import Aws
from pcluster_cfn.errors import message_of
from pcluster_cfn.forecast.demand import PROFILES, ROLES, STACKS, Check, Demand
from pcluster_cfn.forecast.facts import (
    Facts,
    Instance,
    InstanceType,
    Limit,
    LimitKey,
    NotSeen,
    Reservation,
    Subnet,
)
from pcluster_cfn.forecast.quotas import EFS, LUSTRE, Market, Quota, vcpu_quota
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG

_T = TypeVar("_T")
#: Values of a filter in one request. Source: EC2 API reference, "Filter".
_VALUES_MAX = 200
#: Source: API references of Service Quotas, GetServiceQuota, and EC2, "Error codes".
_NO_SUCH_QUOTA, _NO_SUCH_RESERVATION = "NoSuchResourceException", "InvalidCapacityReservationId.NotFound"
#: Source: CloudFormation API reference, AccountLimit.
_STACK_LIMIT = "StackLimit"
_GONE = "DELETE_COMPLETE"
#: Source: IAM API reference, GetAccountSummary.
_IAM = {ROLES: "Roles", PROFILES: "InstanceProfiles"}
_MARKETS: dict[str, Market] = {"spot": "spot", "capacity-block": "capacity-block"}


class AccountReader:
    """Reads what a forecast needs. That something cannot be read is a fact, too.

    Args:
        aws: Clients of the account.
        now: Returns the time, in UTC.
    """

    def __init__(self, aws: Aws, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._aws = aws
        self._ec2 = aws.client("ec2")
        self._now = now

    def read(self, demand: Demand, checks: Collection[Check]) -> Facts:
        """Returns what some checks of a demand need to know of the account."""
        wanted: dict[str, Any] = {}
        names = set(demand.types)
        if {Check.VCPUS, Check.ADDRESSES} & set(checks):
            wanted["instances"] = instances = _seen(self._instances)
            running = set() if isinstance(instances, NotSeen) else {each.type for each in instances}
            wanted["types"] = _seen(lambda: self._types(names | running))
        if Check.VCPUS in checks:
            wanted["quotas"] = {quota: self._quota(quota) for quota in _vcpu_quotas(demand)}
        if {Check.ADDRESSES, Check.OFFERINGS, Check.RESERVATIONS} & set(checks):
            wanted["subnets"] = _seen(lambda: self._subnets(demand.subnets))
        if Check.OFFERINGS in checks:
            wanted["offerings"] = _seen(lambda: self._offerings(names))
        if Check.RESERVATIONS in checks:
            ids = {nodes.reservation for nodes in demand.nodes if nodes.reservation}
            wanted["reservations"] = {each: _seen(partial(self._reservation, each)) for each in ids}
        limits = {made.of for made in demand.made if made.check in checks}
        wanted["limits"] = {key: self._limit(key) for key in limits}
        return Facts(self._now(), self._ec2.meta.region_name, **wanted)

    def _instances(self) -> list[Instance]:
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        listed = _listed(self._ec2, "describe_instances", "Reservations", Filters=states)
        return [_instance(each) for reservation in listed for each in reservation["Instances"]]

    def _types(self, names: Collection[str]) -> dict[str, InstanceType]:
        return {
            each["InstanceType"]: InstanceType(
                each["VCpuInfo"]["DefaultVCpus"],
                max(len(each.get("NetworkInfo", {}).get("NetworkCards", [])), 1),
            )
            for each in self._filtered("describe_instance_types", "InstanceTypes", "instance-type", names)
        }

    def _subnets(self, ids: Collection[str]) -> dict[str, Subnet]:
        return {
            each["SubnetId"]: Subnet(each["AvailableIpAddressCount"], each["AvailabilityZone"])
            for each in self._filtered("describe_subnets", "Subnets", "subnet-id", ids)
        }

    def _offerings(self, names: Collection[str]) -> dict[str, frozenset[str]]:
        zones: dict[str, set[str]] = defaultdict(set)
        operation, by_zone = "describe_instance_type_offerings", {"LocationType": "availability-zone"}
        for each in self._filtered(operation, "InstanceTypeOfferings", "instance-type", names, by_zone):
            zones[each["InstanceType"]].add(each["Location"])
        return {name: frozenset(found) for name, found in zones.items()}

    def _filtered(
        self,
        operation: str,
        key: str,
        by: str,
        values: Collection[str],
        more: Mapping[str, str] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yields what EC2 lists by a filter, which leaves out what does not exist."""
        listed = sorted(values)
        for start in range(0, len(listed), _VALUES_MAX):
            filters = [{"Name": by, "Values": listed[start : start + _VALUES_MAX]}]
            yield from _listed(self._ec2, operation, key, Filters=filters, **(more or {}))

    def _reservation(self, reservation_id: str) -> Reservation | None:
        try:
            answer = self._ec2.describe_capacity_reservations(CapacityReservationIds=[reservation_id])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _NO_SUCH_RESERVATION:
                return None
            raise
        for each in answer["CapacityReservations"]:
            return Reservation(
                each["InstanceType"],
                each["AvailabilityZone"],
                each["State"],
                each["TotalInstanceCount"],
                each.get("EndDate"),
            )
        return None

    def _quota(self, quota: Quota) -> float | NotSeen:
        return _seen(lambda: self._applied(quota))

    def _applied(self, quota: Quota) -> float:
        """Returns the value for the account, which is the default if it was never changed."""
        client = self._aws.client("service-quotas")
        asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
        try:
            answer = client.get_service_quota(**asked)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != _NO_SUCH_QUOTA:
                raise
            answer = client.get_aws_default_service_quota(**asked)
        return float(answer["Quota"]["Value"])

    def _limit(self, key: LimitKey) -> Limit | NotSeen:
        if isinstance(key, Quota):
            return _seen(lambda: Limit(int(self._applied(key)), self._file_systems(key)))
        if key in _IAM:
            return _seen(lambda: self._iam_limit(_IAM[key]))
        return _seen(self._stack_limit if key == STACKS else self._zone_limit)

    def _iam_limit(self, name: str) -> Limit:
        summary = self._aws.client("iam").get_account_summary()["SummaryMap"]
        return Limit(summary[f"{name}Quota"], summary[name])

    def _stack_limit(self) -> Limit:
        client = self._aws.client("cloudformation")
        limits = _listed(client, "describe_account_limits", "AccountLimits")
        (quota,) = (each["Value"] for each in limits if each["Name"] == _STACK_LIMIT)
        stacks = _listed(client, "list_stacks", "StackSummaries")
        return Limit(quota, sum(each["StackStatus"] != _GONE for each in stacks))

    def _zone_limit(self) -> Limit:
        answer = self._aws.client("route53").get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")
        return Limit(answer["Limit"]["Value"], answer["Count"])

    def _file_systems(self, quota: Quota) -> int:
        """Returns how many file systems count toward a quota."""
        client = self._aws.client("efs" if quota == EFS else quota.service)
        listed = _listed(client, "describe_file_systems", "FileSystems")
        if quota == EFS:
            return len(list(listed))
        return sum(
            LUSTRE.get(each.get("LustreConfiguration", {}).get("DeploymentType")) == quota for each in listed
        )


def _seen(ask: Callable[[], _T]) -> _T | NotSeen:
    """Returns an answer, or why there is none. A forecast goes on without it, and says so."""
    try:
        return ask()
    except ClientError as error:
        return NotSeen(message_of(error))
    except BotoCoreError as error:
        return NotSeen(str(error))


def _listed(client: Any, operation: str, key: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    """Yields the items of all pages."""
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[key]


def _vcpu_quotas(demand: Demand) -> set[Quota]:
    found = {vcpu_quota(name, nodes.market) for nodes in demand.nodes if nodes.market for name in nodes.types}
    return {each for each in found if each is not None}


def _instance(described: Mapping[str, Any]) -> Instance:
    tags = {each["Key"]: each["Value"] for each in described.get("Tags", [])}
    addresses: Counter[str] = Counter()
    for interface in described.get("NetworkInterfaces", []):
        addresses[interface["SubnetId"]] += len(interface.get("PrivateIpAddresses", []))
    # An instance on demand has no lifecycle.
    market = _MARKETS.get(described.get("InstanceLifecycle", ""), "on-demand")
    return Instance(described["InstanceType"], market, tags.get(CLUSTER_NAME_TAG, ""), dict(addresses))
