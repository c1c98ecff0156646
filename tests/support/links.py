"""Reads a quick-create link as CloudFormation's console does."""

from urllib.parse import parse_qsl, urlsplit

from pcluster_cfn.launch.link import QuickCreateLink, region_named

_PARAMETER = "param_"


def read_link(url: str) -> QuickCreateLink:
    """Returns the contents of a link, which has to be one at the console of its Region."""
    parts = urlsplit(url)
    route, _, query = parts.fragment.partition("?")
    said = dict(parse_qsl(query, keep_blank_values=True))
    region = dict(parse_qsl(parts.query))["region"]
    assert route == "/stacks/create/review"
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == region_named(region).console_url
    return QuickCreateLink(
        region,
        said["templateURL"],
        said.get("stackName"),
        {name.removeprefix(_PARAMETER): value for name, value in said.items() if name.startswith(_PARAMETER)},
    )
