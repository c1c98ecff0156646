"""The parts of the provider and what passes between them, as an SVG.

Every part that the stack makes is named by its logical id, and a part that the template lacks is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 912, 390


@dataclass(frozen=True)
class Box:
    """A part: its place, its two lines of text, and its resource in the template if it has one."""

    x: int
    y: int
    title: str
    text: str
    logical_id: str = ""
    width: int = 168
    height: int = 58


_BOXES = {
    "cloudformation": Box(20, 170, "CloudFormation", "your stack"),
    "provider": Box(310, 170, "Provider", "knows the protocol", "Provider"),
    "table": Box(310, 50, "Operations table", "every request, recorded", "OperationsTable"),
    "sweep": Box(310, 300, "Rule, every minute", "looks at what is open", "ProviderSweep"),
    "engine": Box(550, 92, "Engine 3.16.1", "knows ParallelCluster", "Engine"),
    "other": Box(550, 248, "Engine 3.14.0", "a stack of its own"),
    "cluster": Box(752, 40, "Cluster's stack", "made by the library", width=140),
    "clusters": Box(752, 300, "Cluster's stack", "made by the library", width=140),
}
#: Each arrow: a path, and its label with its place.
_ARROWS = (
    ("M188 188H306", 232, 181, "request"),
    ("M310 212H192", 222, 229, "one answer"),
    ("M380 170V112", 0, 0, ""),
    ("M408 108V166", 414, 146, "state"),
    ("M394 300V232", 402, 270, "sweep"),
    ("M478 176L546 122", 494, 140, "call"),
    ("M550 138L483 186", 526, 176, "end"),
    ("M478 222L546 276", 494, 266, "call"),
    ("M550 260L483 212", 526, 232, "end"),
    ("M634 92V69H748", 0, 0, ""),
    ("M634 306V329H748", 0, 0, ""),
    ("M822 98V194H482", 660, 188, "stack events"),
    ("M822 300V204H482", 0, 0, ""),
)
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#232f3e"/></marker></defs>'
)
_FRAME = (
    '<rect x="290" y="20" width="446" height="350" rx="8" fill="none" stroke="#8a8f98" '
    'stroke-dasharray="5 4"/>'
    '<text x="300" y="38" fill="#545b64">the provider stack, and a stack per further version</text>'
)


class UnknownPartError(LookupError):
    """The picture names a resource that the template lacks."""


def svg(template: Mapping[str, Any]) -> str:
    """Returns the picture.

    Args:
        template: The provider's template, in which SAM's events are resources below their function.

    Raises:
        UnknownPartError: A part is no resource of the template any more.
    """
    resources = template["Resources"]
    events = resources["Provider"]["Properties"]["Events"]
    known = {*resources, *(f"Provider{name}" for name in events)}
    if unknown := {box.logical_id for box in _BOXES.values()} - known - {""}:
        raise UnknownPartError(f"template.yaml has no {', '.join(sorted(unknown))}")
    arrows = "".join(_arrow(*arrow) for arrow in _ARROWS)
    boxes = "".join(map(_box, _BOXES.values()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="Arial, sans-serif" font-size="12">{_TIP}'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>{_FRAME}{arrows}{boxes}</svg>\n'
    )


def _box(box: Box) -> str:
    ours = bool(box.logical_id)
    middle = box.x + box.width / 2
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6" '
        f'fill="{"#fff3e0" if ours else "#eef2f7"}" stroke="{"#ec7211" if ours else "#5b6b7f"}"/>'
        f'<text x="{middle}" y="{box.y + 25}" text-anchor="middle" font-weight="bold">'
        f"{escape(box.title)}</text>"
        f'<text x="{middle}" y="{box.y + 43}" text-anchor="middle" fill="#545b64">{escape(box.text)}</text>'
    )


def _arrow(path: str, x: int, y: int, label: str) -> str:
    line = f'<path d="{path}" fill="none" stroke="#232f3e" stroke-width="1.4" marker-end="url(#tip)"/>'
    return f'{line}<text x="{x}" y="{y}">{label}</text>' if label else line
