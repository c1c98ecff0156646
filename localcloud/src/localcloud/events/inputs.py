"""What a rule's target receives: the event, a part of it, a constant, or text made from it.

Source: Amazon EventBridge user guide, "Amazon EventBridge input transformation".
"""

import json
import re
from typing import Any

_PLACEHOLDER = re.compile(r"<(?P<name>[A-Za-z0-9._-]+)>")
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


def _transform(transformer: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    values = {name: select(event, path) for name, path in transformer.get("InputPathsMap", {}).items()} | {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }
    template = transformer["InputTemplate"]

    def fill(placeholder: re.Match[str]) -> str:
        value = values.get(placeholder["name"])
        if _is_inside_text(template[: placeholder.start()]):
            return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
        return json.dumps(value)

    text = _PLACEHOLDER.sub(fill, template)
    json.loads(text)
    return text


def _is_inside_text(before: str) -> bool:
    quotes = re.findall(r'(?<!\\)(?:\\\\)*"', before)
    return len(quotes) % 2 == 1
