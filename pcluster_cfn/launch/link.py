"""Quick-create links, and the Regions whose console they open.

Source: CloudFormation user guide, "Create quick-create links for stacks", for the form. The guide leaves the
encoding open: RFC 3986 is used, with a space as ``%20``, which every reader decodes in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

from botocore.loaders import create_loader

from pcluster_cfn.errors import CommandError, suggest

#: Browsers, mail programs and proxies may cut longer links.
#: Source: RFC 9110, section 4.1, what all recipients should support at a minimum.
MAX_LINK_CHARACTERS = 8_000
_ROUTE = "/stacks/create/review"
_PARAMETER = "param_"


@dataclass(frozen=True)
class QuickCreateLink:
    """The contents of a link; without ``stack_name`` the console asks for it."""

    region: str
    template_url: str
    stack_name: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def url(self) -> str:
        """Returns the link, in ASCII, with its parameters in order.

        Raises:
            CommandError: The Region is unknown.
        """
        query = [("templateURL", self.template_url)]
        if self.stack_name is not None:
            query.append(("stackName", self.stack_name))
        query += [(f"{_PARAMETER}{name}", value) for name, value in self.parameters.items()]
        written = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in query)
        return f"{region_named(self.region).console_url}?region={self.region}#{_ROUTE}?{written}"


def _encode(text: str) -> str:
    """Returns text without any character that means something in a URL, Markdown or HTML."""
    return quote(text, safe="")


@dataclass(frozen=True)
class Partition:
    """Regions that share accounts, a console and a domain of S3."""

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
    """Returns the ends of S3's host names in every partition, the longest first."""
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
        """Address of CloudFormation's console in this Region."""
        return f"https://{self.name}.console.{self.partition.console_domain}/cloudformation/home"


@cache
def regions() -> Mapping[str, Region]:
    """Returns every Region that the installed SDK knows, by name, ordered by partition and name."""
    known = {
        item["partition"]: item["regions"] for item in create_loader().load_data("endpoints")["partitions"]
    }
    return {
        name: Region(name, described["description"], partition)
        for partition in PARTITIONS
        for name, described in sorted(known[partition.name].items())
    }


def region_named(name: str) -> Region:
    """Returns a Region by name.

    Raises:
        CommandError: The Region does not exist, or its partition has no public console.
    """
    known = regions()
    if name not in known:
        raise CommandError(
            f"there is no Region {name!r} of the partitions {', '.join(item.name for item in PARTITIONS)}",
            suggest(name, known, "give a Region's name, as in us-east-1", count=2, cutoff=0.6),
        )
    return known[name]
