"""The releases of a package in its index, and the age of a pinned version.

Source: PEP 691 (the index as JSON), PEP 700 (``upload-time``), PEP 592 (yanked files).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version


@dataclass(frozen=True)
class Releases:
    """The versions of a package that can be installed.

    Attributes:
        dates: The day of each version's first file; None if the index does not have it.
    """

    dates: Mapping[Version, date | None]

    @property
    def newest(self) -> Version | None:
        """The highest version that is no pre-release; None if every version is one."""
        return max((version for version in self.dates if not version.is_prerelease), default=None)

    def released_on(self, version: str) -> date | None:
        """The day of a version's first file; None if the index does not have it."""
        return self.dates.get(Version(version))


@dataclass(frozen=True)
class Age:
    """The age of a pinned version among its package's releases.

    Attributes:
        pinned: The version that is deployed.
        released: Its day; None if the index does not have it.
        days: The days since then.
        newest: The newest version; None if the pinned one is as new.
        newest_released: The newest version's day; None without one, or if the index does not have it.
    """

    pinned: str
    released: date | None
    days: int | None
    newest: str | None
    newest_released: date | None


def releases(page: Mapping[str, Any]) -> Releases:
    """Returns the releases in a package's page. Yanked files and names that are no versions do not count.

    Args:
        page: The page, as JSON.
    """
    dates: dict[Version, date | None] = {}
    for file in page["files"]:
        version = _version(file["filename"])
        if version is None or file.get("yanked"):
            continue
        uploaded = _day(file.get("upload-time"))
        known = dates.get(version)
        dates[version] = min(filter(None, (known, uploaded)), default=None)
    return Releases(dates)


def age(pinned: str, found: Releases, today: date) -> Age:
    """Returns the age of a pinned version among its package's releases.

    Args:
        pinned: The version that is deployed.
        found: The package's releases.
        today: The day that ages are counted to.
    """
    released, newest = found.released_on(pinned), found.newest
    days = None if released is None else (today - released).days
    if newest is None or newest <= Version(pinned):
        return Age(pinned, released, days, None, None)
    return Age(pinned, released, days, str(newest), found.dates[newest])


def _version(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _day(uploaded: str | None) -> date | None:
    return None if uploaded is None else datetime.fromisoformat(uploaded).astimezone(UTC).date()
