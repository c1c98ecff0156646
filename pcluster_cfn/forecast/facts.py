"""What an account has, as far as it could be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pcluster_cfn.forecast.quotas import Market, Quota


@dataclass(frozen=True)
class NotSeen:
    """Something that could not be read, and why."""

    reason: str


class UnreadError(Exception):
    """A check needs something that could not be read."""

    def __init__(self, unread: NotSeen) -> None:
        super().__init__(unread.reason)
        self.unread = unread


_T = TypeVar("_T")


def read(value: _T | NotSeen) -> _T:
    """Returns a value.

    Raises:
        UnreadError: It could not be read.
    """
    if isinstance(value, NotSeen):
        raise UnreadError(value)
    return value


@dataclass(frozen=True)
class InstanceType:
    """An instance type: its default number of vCPUs, and of network cards."""

    vcpus: int
    network_cards: int = 1


@dataclass(frozen=True)
class Instance:
    """A running instance.

    Args:
        type: Its type.
        market: How it is bought.
        cluster: Name of the cluster that it belongs to; empty if to none.
        addresses: Number of its private IPv4 addresses by subnet.
    """

    type: str
    market: Market = "on-demand"
    cluster: str = ""
    addresses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Subnet:
    """A subnet: its free addresses, and its zone."""

    free: int
    zone: str


@dataclass(frozen=True)
class Reservation:
    """A capacity reservation or a capacity block.

    Args:
        type: Instance type.
        zone: Availability Zone.
        state: Its state: ``active``, ``scheduled``, ``expired``, …
        total: Number of instances.
        ends_at: When it ends; None if it does not.
    """

    type: str
    zone: str
    state: str
    total: int
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Limit:
    """A limit on a number of things, and how many there are."""

    quota: int
    in_use: int


#: A limit: a quota of Service Quotas, or the name of what another call tells with what counts toward it.
LimitKey = str | Quota
_NOT_ASKED = NotSeen("it was not asked for")


@dataclass(frozen=True)
class Facts:
    """What was read of an account in a Region.

    Args:
        now: The time at which it was read, in UTC.
        region: The Region.
        quotas: Values of the quotas of vCPUs.
        types: Instance types by name; those that do not exist are missing.
        instances: The running instances.
        subnets: Subnets by id; those that do not exist are missing.
        offerings: Zones by the instance type that is offered there.
        reservations: Capacity reservations by id; None for one that does not exist.
        limits: Limits on numbers.
    """

    now: datetime
    region: str
    quotas: Mapping[Quota, float | NotSeen] = field(default_factory=dict)
    types: Mapping[str, InstanceType] | NotSeen = _NOT_ASKED
    instances: Sequence[Instance] | NotSeen = _NOT_ASKED
    subnets: Mapping[str, Subnet] | NotSeen = _NOT_ASKED
    offerings: Mapping[str, frozenset[str]] | NotSeen = _NOT_ASKED
    reservations: Mapping[str, Reservation | NotSeen | None] = field(default_factory=dict)
    limits: Mapping[LimitKey, Limit | NotSeen] = field(default_factory=dict)
