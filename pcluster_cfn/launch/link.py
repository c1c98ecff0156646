"""A quick-create link: writing it, and reading it back.

Source: CloudFormation user guide, "Create quick-create links for stacks": the form, and that encoding is
supported. What the guide leaves open is encoded as RFC 3986 has it, a space as ``%20``, so that nobody can
read anything else.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.loaders import create_loader

from pcluster_cfn.errors import CommandError

#: Longer links may be cut on their way, by browsers, mail and proxies; nobody promises more.
#: Source: RFC 9110, section 4.1, what all recipients should support at a minimum.
MAX_LINK_CHARACTERS = 8_000
_ROUTE = "/stacks/create/review"
_PARAMETER = "param_"


@dataclass(frozen=True)
class QuickCreateLink:
    """What a link says; ``stack_name`` is None where the console shall ask for it."""

    region: str
    template_url: str
    stack_name: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def url(self) -> str:
        """Returns the link, in ASCII, with the parameters in their order.

        Raises:
            CommandError: The Region is unknown.
        """
        query = [("templateURL", self.template_url)]
        if self.stack_name is not None:
            query.append(("stackName", self.stack_name))
        query += [(f"{_PARAMETER}{name}", value) for name, value in self.parameters.items()]
        written = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in query)
        return f"{region_named(self.region).console_url}?region={self.region}#{_ROUTE}?{written}"


def parse(url: str) -> QuickCreateLink:
    """Returns what a link says, exactly as it was put in.

    Raises:
        CommandError: It is no quick-create link.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that hold no address of version 6
        raise CommandError(f"{url!r} is no quick-create link", "take the link as it was made") from error
    route, _, query = parts.fragment.partition("?")
    said = dict(parse_qsl(query, keep_blank_values=True))
    region = dict(parse_qsl(parts.query)).get("region", "")
    if route != _ROUTE or "templateURL" not in said:
        raise CommandError(f"{url!r} is no quick-create link", f"one has #{_ROUTE}?templateURL=… in it")
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != region_named(region).console_url:
        raise CommandError(
            f"{url!r} is not at the console of Region {region}", "take the link as it was made"
        )
    return QuickCreateLink(
        region,
        said["templateURL"],
        said.get("stackName"),
        {name.removeprefix(_PARAMETER): value for name, value in said.items() if name.startswith(_PARAMETER)},
    )


def _encode(text: str) -> str:
    """Returns text in which nothing is left that a URL, Markdown or HTML could take for its own."""
    return quote(text, safe="")


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
