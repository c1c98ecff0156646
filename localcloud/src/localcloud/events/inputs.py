"""What a rule's target receives: the event, a part of it, a constant, or text made from it.

Source: Amazon EventBridge user guide, "Amazon EventBridge input transformation".
"""

import json
import re
from typing import Any

_PLACEHOLDER = re.compile(r"<(?P<name>[A-Za-z0-9._-]+)>")
#: The names that every template knows; their values are in ``_transform``.
_PREDEFINED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")


def target_input(target: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    """Returns the text that a target receives for an event.

    Raises:
        ValueError: A path that is none, or a template that yields no JSON.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(select(event, target["InputPath"]))
    if target.get("InputTransformer"):
        return _transform(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def select(document: Any, path: str) -> Any:
    """Returns the part of a document that a path such as ``$.detail.list[0]`` leads to, or None.

    Raises:
        ValueError: The path does not begin with ``$`` or has a step that is neither a key nor an index.
    """
    steps = list(_STEP.finditer(path))
    if "$" + "".join(step[0] for step in steps) != path:
        raise ValueError(f"{path!r} is not a path of keys and indexes")
    for step in steps:
        if step["key"] is not None and isinstance(document, dict):
            document = document.get(step["key"])
        elif step["index"] is not None and isinstance(document, list):
            index = int(step["index"])
            document = document[index] if index < len(document) else None
        else:
            return None
    return document


def check_input(target: dict[str, Any]) -> None:
    """Checks what a target says about its input.

    Raises:
        ValueError: It says more than one thing, or its template has a name without a path.
    """
    if sum(bool(target.get(name)) for name in ("Input", "InputPath", "InputTransformer")) > 1:
        raise ValueError(
            "Only one of Input, InputPath, or InputTransformer must be provided for target "
            f"{target.get('Id')}."
        )
    transformer = target.get("InputTransformer") or {}
    known = {*_PREDEFINED, *transformer.get("InputPathsMap", {})}
    for placeholder in _PLACEHOLDER.finditer(transformer.get("InputTemplate", "")):
        if placeholder["name"] not in known:
            raise ValueError(
                f"InputTemplate for target {target.get('Id')} contains invalid placeholder "
                f"{placeholder['name']}."
            )


def _transform(transformer: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    without_detail = {
        "detailType" if key == "detail-type" else key: value
        for key, value in event.items()
        if key != "detail"
    }
    predefined = (rule_arn, rule_arn.rpartition("/")[2], event["time"], without_detail, event)
    values = {name: select(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= dict(zip(_PREDEFINED, predefined, strict=True))
    template = transformer["InputTemplate"]

    def fill(placeholder: re.Match[str]) -> str:
        value = values.get(placeholder["name"])
        if value is None:
            value = ""
        if not _is_inside_text(template[: placeholder.start()]):
            return json.dumps(value)
        if isinstance(value, str):
            return json.dumps(value)[1:-1]
        # Text within a list or a map loses its quotes, as AWS was recorded to do.
        return json.dumps(value, separators=(",", ":")).replace('"', "")

    text = _PLACEHOLDER.sub(fill, template)
    json.loads(text)
    return text


def _is_inside_text(before: str) -> bool:
    quotes = re.findall(r'(?<!\\)(?:\\\\)*"', before)
    return len(quotes) % 2 == 1
