"""Service Quotas: which quota an instance counts toward, and those of what a cluster makes besides.

Source: EC2 user guide, "On-Demand Instance quotas" and "Spot Instance quotas", which link each quota by its
code; for EFS and FSx, what ``aws service-quotas list-service-quotas`` lists.
"""

import re
from dataclasses import dataclass
from typing import Literal

#: How an instance is bought. Source: EC2 API reference, Instance, ``instanceLifecycle``.
Market = Literal["on-demand", "spot", "capacity-block"]

_EC2 = "ec2"


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a Region.

    Args:
        service: Code of the service.
        code: Code of the quota.
        name: Its name in the console.
    """

    service: str
    code: str
    name: str

    @property
    def address(self) -> str:
        """The page of the console that shows it and takes a request for an increase."""
        return f"https://console.aws.amazon.com/servicequotas/home/services/{self.service}/quotas/{self.code}"


def _running(code: str, family: str) -> Quota:
    return Quota(_EC2, code, f"Running On-Demand {family} instances")


def _requested(code: str, family: str) -> Quota:
    return Quota(_EC2, code, f"All {family} Spot Instance Requests")


_STANDARD = "Standard (A, C, D, H, I, M, R, T, Z)"
#: Instance families by the letters that their types begin with, the quota on demand, and that of Spot, if
#: there is one. Im and Is are of the family I.
_FAMILIES: tuple[tuple[frozenset[str], Quota, Quota | None], ...] = (
    (
        frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}),
        _running("L-1216C47A", _STANDARD),
        _requested("L-34B43A08", _STANDARD),
    ),
    (frozenset({"dl"}), _running("L-6E869C2A", "DL"), _requested("L-85EED4F7", "DL")),
    (frozenset({"f"}), _running("L-74FC7D96", "F"), _requested("L-88CF9481", "F")),
    (
        frozenset({"g", "gr", "vt"}),
        _running("L-DB2E81BA", "G and VT"),
        _requested("L-3819A6DF", "G and VT"),
    ),
    (frozenset({"hpc"}), _running("L-F7808C92", "HPC"), None),
    (frozenset({"inf"}), _running("L-1945791B", "Inf"), _requested("L-B5D1601B", "Inf")),
    (frozenset({"p"}), _running("L-417A185B", "P"), _requested("L-7212CCBC", "P")),
    (frozenset({"trn"}), _running("L-2C3B7624", "Trn"), _requested("L-6B0D517C", "Trn")),
    (frozenset({"u"}), _running("L-43DA4232", "High Memory"), None),
    (frozenset({"x"}), _running("L-7295265B", "X"), _requested("L-E3A00192", "X")),
)

EFS = Quota("elasticfilesystem", "L-848C634D", "File systems per account")
#: By the deployment type of FSx for Lustre.
LUSTRE = {
    "PERSISTENT_1": Quota("fsx", "L-9AFA1F09", "Lustre Persistent_1 file systems"),
    "PERSISTENT_2": Quota("fsx", "L-FD6F2F22", "Lustre Persistent_2 file systems"),
    "SCRATCH_1": Quota("fsx", "L-C48231E5", "Lustre Scratch file systems"),
    "SCRATCH_2": Quota("fsx", "L-C48231E5", "Lustre Scratch file systems"),
}


def vcpu_quota(instance_type: str, market: Market) -> Quota | None:
    """Returns the quota of vCPUs that an instance counts toward.

    Args:
        instance_type: Its type, such as ``c6i.large``.
        market: How it is bought.

    Returns:
        The quota; None for a capacity block, which counts toward none, and for a type of an unknown family.
    """
    begins = re.match("[a-z]+", instance_type)
    if begins is None or market == "capacity-block":
        return None
    for beginnings, running, requested in _FAMILIES:
        if begins[0] in beginnings:
            return requested if market == "spot" else running
    return None
