"""The clusters that may be adopted, as the operator of the provider has chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

#: Words of the provider stack's parameter ``ClusterAdoption``. Every other value is a tag.
ALLOW = "Allow"
FORBID = "Forbid"

#: Name of the parameter.
PARAMETER = "ClusterAdoption"


@dataclass(frozen=True)
class Consent:
    """The operator's choice which clusters may be adopted.

    Args:
        text: The parameter's value: ``Allow``, ``Forbid``, or a tag as ``key=value``. The key ends at the
            first equals sign.
    """

    text: str = FORBID

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the choice for a value of the parameter.

        Raises:
            ValueError: It is neither ``Allow`` nor ``Forbid`` nor a tag. The template's pattern excludes such
                values.
        """
        if text not in {ALLOW, FORBID} and text.find("=") < 1:
            raise ValueError(f"{PARAMETER} is {text!r}; expected {ALLOW}, {FORBID} or a tag as key=value")
        return cls(text)

    @property
    def tag(self) -> tuple[str, str] | None:
        """Key and value of the tag that a cluster must have; None for ``Allow`` and ``Forbid``."""
        if self.text in {ALLOW, FORBID}:
            return None
        key, _, value = self.text.partition("=")
        return key, value

    def covers(self, tags: Mapping[str, str]) -> bool:
        """Returns whether a cluster whose stack has these tags may be adopted."""
        if self.tag is None:
            return self.text == ALLOW
        key, value = self.tag
        return tags.get(key) == value


#: The choice without the parameter: ``Forbid``.
DEFAULT = Consent()
