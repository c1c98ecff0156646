"""An account as a forecast reads it, and the clusters of a template."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cfn_template.reading import read
from pcluster_cfn.forecast.clusters import Cluster, EvaluatedTemplate, clusters_of
from pcluster_cfn.forecast.demand import PROFILES, ROLES, STACKS, ZONES
from pcluster_cfn.forecast.facts import Facts, Instance, InstanceType, Limit, Reservation, Subnet
from pcluster_cfn.forecast.quotas import EFS, LUSTRE, vcpu_quota
from pcluster_cfn.validation.partial_template import evaluate_partially
from pcluster_cfn.validation.resource_check import resources

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
_EVERYWHERE = frozenset({"us-east-1a", "us-east-1b"})
_VCPUS = {
    "t3.small": 2,
    "t3.medium": 2,
    "c5.large": 2,
    "c5a.large": 2,
    "c6i.large": 2,
    "m7i.large": 2,
    "c7i.xlarge": 4,
    "c8i.xlarge": 4,
    "g5.xlarge": 4,
    "c5.4xlarge": 16,
    "c6i.8xlarge": 32,
    "c6i.32xlarge": 128,
    "m6i.32xlarge": 128,
    "hpc7a.96xlarge": 192,
    "p5.48xlarge": 192,
}
_QUOTAS = {
    ("c6i.large", "on-demand"): 2_000,
    ("c6i.large", "spot"): 640,
    ("g5.xlarge", "spot"): 64,
    ("hpc7a.96xlarge", "on-demand"): 768,
    ("p4d.24xlarge", "on-demand"): 768,
    ("p5.48xlarge", "on-demand"): 768,
}

#: What is free and what is in use of it: an account that a small company has.
ACCOUNT = Facts(
    now=NOW,
    region="us-east-1",
    quotas={quota: value for of, value in _QUOTAS.items() if (quota := vcpu_quota(*of)) is not None},
    types={
        **{name: InstanceType(vcpus) for name, vcpus in _VCPUS.items()},
        "p4d.24xlarge": InstanceType(96, network_cards=4),
    },
    instances=[Instance("m7i.large"), Instance("c6i.8xlarge"), Instance("g5.xlarge", "spot")],
    subnets={
        "subnet-0000000000000000a": Subnet(250, "us-east-1a"),
        "subnet-0000000000000000b": Subnet(4_000, "us-east-1b"),
        "subnet-0000000000000000c": Subnet(27, "us-east-1b"),
        "subnet-0000000000000000d": Subnet(11, "us-east-1a"),
        "subnet-0123456789abcdef0": Subnet(250, "us-east-1a"),
        "subnet-0123456789abcdef1": Subnet(250, "us-east-1b"),
        "subnet-0123456789abcdef2": Subnet(250, "us-east-1b"),
    },
    offerings={
        **dict.fromkeys([*_VCPUS, "p4d.24xlarge"], _EVERYWHERE),
        "hpc7a.96xlarge": frozenset({"us-east-1b"}),
    },
    reservations={
        "cr-0000000000000000e": Reservation("c6i.large", "us-east-1b", "expired", 2),
        "cr-0000000000000000b": Reservation(
            "p5.48xlarge", "us-east-1b", "active", 2, NOW + timedelta(days=30)
        ),
    },
    limits={
        **dict.fromkeys((ROLES, PROFILES, EFS), Limit(1_000, 900)),
        STACKS: Limit(2_000, 200),
        ZONES: Limit(500, 20),
        **dict.fromkeys(LUSTRE.values(), Limit(100, 90)),
    },
)


def clusters(
    text: str, source: str = "hpc.yaml", given: Mapping[str, str] | None = None, *, new: bool = True
) -> list[Cluster]:
    """Returns all clusters of a template, to be made or, if not ``new``, to be changed."""
    template = evaluate_partially(read(text), given or {})
    every = {each.logical_id for each in resources(template)}
    return list(clusters_of([EvaluatedTemplate(source, text, (), template)], every, every if new else ()))
