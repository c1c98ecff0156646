"""A link in the forms that people paste: Markdown, HTML, JSON."""

import html
import re
from typing import Any

from pcluster_cfn.errors import CommandError
from pcluster_cfn.quick_create.link import QuickCreateLink
from pcluster_cfn.quick_create.regions import region_named

#: The button that AWS hosts and that its own samples show.
BADGE_URL = "https://s3.amazonaws.com/cloudformation-examples/cloudformation-launch-stack.png"


#: An address that stays one inside Markdown's parentheses and HTML's quotes. Source: RFC 3986, section 2.
_BADGE = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/(?:[A-Za-z0-9._~:/?@!$&*+,;=-]|%[0-9A-Fa-f]{2})*")


def require_badge_url(url: str) -> None:
    """Refuses what is no picture's address, or would end the badge that it is put into.

    Raises:
        CommandError: It is not an https address, or has quotes, brackets, spaces or a fragment.
    """
    if not _BADGE.fullmatch(url):
        raise CommandError(
            f"the badge's URL {url} is no https address of a picture",
            "give one such as https://HOST/PATH, other characters as %XX",
        )


def markdown(link: QuickCreateLink, badge_url: str = BADGE_URL) -> str:
    """Returns a badge that leads to the link, in which every bracket is encoded."""
    return f"[![{_title(link)}]({badge_url})]({link.url()})"


def html_anchor(link: QuickCreateLink, badge_url: str = BADGE_URL) -> str:
    """Returns the same for a page."""
    picture = f'<img src="{html.escape(badge_url)}" alt="{_title(link)}">'
    return f'<a href="{html.escape(link.url())}">{picture}</a>'


def as_json(link: QuickCreateLink, badge_url: str = BADGE_URL) -> dict[str, Any]:
    """Returns what a script may want to know of a link."""
    return {
        "region": link.region,
        "partition": region_named(link.region).partition.name,
        "url": link.url(),
        "templateURL": link.template_url,
        "markdown": markdown(link, badge_url),
        "html": html_anchor(link, badge_url),
    }


def _title(link: QuickCreateLink) -> str:
    return f"Launch stack in {link.region}"
