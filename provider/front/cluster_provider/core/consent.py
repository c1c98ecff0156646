"""Which clusters may be taken over: the choice of whoever runs the provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

#: Words of the provider stack's parameter ``ClusterAdoption``; every other value is a tag.
ALLOW = "Allow"
FORBID = "Forbid"

#: The parameter that holds the choice.
PARAMETER = "ClusterAdoption"


@dataclass(frozen=True)
class Consent:
    """What the provider stack's parameter says about taking clusters over.

    Args:
        text: The parameter's value: ``Allow``, ``Forbid``, or a tag as ``key=value``. The key ends at the
            first equals sign.
    """

    text: str = FORBID

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the choice that a value of the parameter stands for.

        Raises:
            ValueError: It is neither of the two words nor a tag. The template's pattern lets none pass.
        """
        if text not in {ALLOW, FORBID} and text.find("=") < 1:
            raise ValueError(f"{PARAMETER} is {text!r}; expected {ALLOW}, {FORBID} or a tag as key=value")
        return cls(text)

    @property
    def tag(self) -> tuple[str, str] | None:
        """Key and value of the tag that a cluster must carry; None where one of the two words decides."""
        if self.text in {ALLOW, FORBID}:
            return None
        key, _, value = self.text.partition("=")
        return key, value

    def covers(self, tags: Mapping[str, str]) -> bool:
        """Whether a cluster whose stack has these tags may be taken over."""
        if self.tag is None:
            return self.text == ALLOW
        key, value = self.tag
        return tags.get(key) == value


#: What holds where the parameter says nothing.
DEFAULT = Consent()
