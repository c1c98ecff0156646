"""Regions, and the partitions that links exist for.

The Regions are those that the installed SDK knows, with the names it gives them.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from botocore.loaders import create_loader

from pcluster_cfn.errors import CommandError


@dataclass(frozen=True)
class Partition:
    """Regions that share accounts, a console and a name for S3."""

    name: str
    title: str
    console_domain: str
    s3_suffix: str


#: Other partitions have no public console. Source: AWS General Reference, "AWS Management Console endpoints";
#: AWS China and GovCloud user guides, "Endpoints".
PARTITIONS = (
    Partition("aws", "AWS", "aws.amazon.com", "amazonaws.com"),
    Partition("aws-cn", "AWS China", "amazonaws.cn", "amazonaws.com.cn"),
    Partition("aws-us-gov", "AWS GovCloud (US)", "amazonaws-us-gov.com", "amazonaws.com"),
)


@cache
def s3_suffixes() -> list[str]:
    """Returns what S3's host names end in, in every partition there is, the longest first."""
    known = {item["dnsSuffix"] for item in create_loader().load_data("endpoints")["partitions"]}
    return sorted(known, key=lambda suffix: (-len(suffix), suffix))


@dataclass(frozen=True)
class Region:
    """A Region of one of the partitions."""

    name: str
    title: str
    partition: Partition

    @property
    def console_url(self) -> str:
        """Where CloudFormation's console is in this Region."""
        return f"https://{self.name}.console.{self.partition.console_domain}/cloudformation/home"


@cache
def regions() -> Mapping[str, Region]:
    """Returns every known Region by name, in the order of the partitions and of the alphabet."""
    known = {
        item["partition"]: item["regions"] for item in create_loader().load_data("endpoints")["partitions"]
    }
    return {
        name: Region(name, described["description"], partition)
        for partition in PARTITIONS
        for name, described in sorted(known[partition.name].items())
    }


def region_named(name: str) -> Region:
    """Returns a Region.

    Raises:
        CommandError: There is none of that name, or it is in a partition without links.
    """
    known = regions()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=2)
        raise CommandError(
            f"there is no Region {name!r} of the partitions {', '.join(item.name for item in PARTITIONS)}",
            f"did you mean {' or '.join(near)}?" if near else "give a Region's name, as in us-east-1",
        )
    return known[name]
