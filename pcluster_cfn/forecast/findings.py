"""What a check finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pcluster_cfn.forecast.clusters import Site
from pcluster_cfn.forecast.demand import Check
from pcluster_cfn.forecast.facts import NotSeen


@dataclass(frozen=True)
class ForecastWarning:
    """Something that an account has no room for.

    Args:
        check: The check that found it.
        site: Its place: the largest of several.
        message: What is needed, what there is, and what to do.
        numbers: The numbers of the message by name.
    """

    check: Check
    site: Site
    message: str
    numbers: Mapping[str, int] = field(default_factory=dict)


#: What a check yields: a warning, or why it could not look at something.
Found = ForecastWarning | NotSeen


def unknown(site: Site) -> NotSeen:
    """Returns that a value is not there to look at."""
    return NotSeen(f"{site.path} is not given, or not known before the deployment")
