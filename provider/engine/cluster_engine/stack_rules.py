"""Refuses what CloudFormation would refuse of a stack's request and of its templates, before it is sent.

The library sends what it is given. CloudFormation would refuse a request that breaks CreateStack's rules
after minutes, and a nested template that breaks its quotas when the cluster's stack is half built. So the
gate checks both, in a deployment and in a dry run alike.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from cluster_engine.runtimes import LOADER, Session, is_template

#: Items of each part of a template. Source: CloudFormation user guide, "Understand CloudFormation quotas".
PARTS_MAX = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
#: Bytes of a template in S3. Source: the same quotas, "Template body size in an S3 object".
TEMPLATE_MAX_BYTES = 1_048_576
#: The prefix of tag keys that only AWS sets, in any case. Source: CloudFormation API reference, Tag.
RESERVED = "aws:"

#: Types with a size in botocore's model, and its unit.
_UNITS = {"string": "characters", "list": "items"}


class StackRefusedError(Exception):
    """CloudFormation would refuse the request or a template; the message tells the template's author why."""

    def __init__(self, what: str, faults: list[str]) -> None:
        super().__init__(f"CloudFormation would refuse {what}: {'; '.join(faults)}. Nothing was created.")


class StackRules:
    """Refuses requests and templates that CloudFormation would refuse, during one call of the library.

    Attributes:
        refused: Why something was refused; None if nothing was.
    """

    def __init__(self) -> None:
        self.refused: StackRefusedError | None = None

    def install(self, session: Session) -> None:
        """Watches every client made from the session afterwards; runs after handlers installed before it."""
        for operation in ("CreateStack", "UpdateStack"):
            session.events.register(
                f"before-parameter-build.cloudformation.{operation}", self._look_at_request
            )
        session.events.register("before-parameter-build.s3.PutObject", self._look_at_template)

    def _look_at_request(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        faults = [*shape_faults(params, model.input_shape), *tag_faults(params.get("Tags") or [])]
        self._refuse("the cluster's stack", faults)

    def _look_at_template(self, params: dict[str, Any], **_: Any) -> None:
        if is_template(params):
            name = params["Key"].rpartition("/")[2]
            self._refuse(
                f"the template {name} that ParallelCluster made", list(template_faults(params["Body"]))
            )

    def _refuse(self, what: str, faults: list[str]) -> None:
        if faults:
            self.refused = StackRefusedError(what, faults)
            raise self.refused


def shape_faults(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Yields the values of a request that are longer or shorter than the service's model allows.

    Botocore itself checks types and minimum lengths only.

    Args:
        value: The request's parameters, or a part of them.
        shape: Botocore's model of the value.
        path: Its place in the request.
    """
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from shape_faults(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list" and isinstance(value, list):
        for place, item in enumerate(value):
            yield from shape_faults(item, shape.member, f"{path}[{place}]")
    if shape.type_name in _UNITS and isinstance(value, str | list):
        yield from _size_faults(value, shape, path)


def _size_faults(value: str | list[Any], shape: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", len(value))
    if not least <= len(value) <= most:
        limit = f"at least {least}" if len(value) < least else f"at most {most}"
        yield f"{path} has {len(value)} {_UNITS[shape.type_name]}, and {limit} are allowed"


def tag_faults(tags: list[dict[str, str]]) -> Iterator[str]:
    """Yields the tags whose keys AWS reserves, which the service's model does not state."""
    for place, tag in enumerate(tags):
        if tag["Key"].lower().startswith(RESERVED):
            yield f"Tags[{place}].Key is {tag['Key']}, and AWS reserves keys that begin with {RESERVED}"


def template_faults(text: str) -> Iterator[str]:
    """Yields the reasons why CloudFormation would refuse a template.

    Args:
        text: A template as the library uploads it, YAML or JSON.
    """
    size_bytes = len(text.encode())
    if size_bytes > TEMPLATE_MAX_BYTES:
        yield f"it has {size_bytes:,} bytes, and at most {TEMPLATE_MAX_BYTES:,} are allowed"
    # Nodes are enough to count, and need no loader that knows functions in their short form (!Ref).
    root = yaml.compose(text, Loader=LOADER)
    parts = root.value if isinstance(root, yaml.MappingNode) else []
    counts = {key.value: len(part.value) for key, part in parts if isinstance(part, yaml.MappingNode)}
    if not counts.get("Resources"):
        yield "it has no resource, and at least one is needed"
    for part, most in PARTS_MAX.items():
        if (count := counts.get(part, 0)) > most:
            yield f"it has {count} {part}, and at most {most} are allowed"
