"""Malformed events: recorded ones with random changes, the same for the same seed."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from tests.support.fakes import HANDLES
from tests.support.world import IMAGE_TYPE, OTHER_NODES, PARENT, TOKEN, World, image_properties, properties

#: Texts that break careless code: empty, endless, unprintable, digits of other scripts, other syntaxes.
TEXTS = (
    "",
    " ",
    "x" * 300,
    "x" * 5_000,
    "y" * 420_000,
    "\ud800",
    "a\udfff",
    "\0",
    "\r\nX-Injected: yes",
    "\u202eevil\u2028",
    "\U0001f9ea" * 700,
    "\u0663\u0660\u0660",
    "9" * 5_000,
    "3.1." + "6" * 1_000,
    "../../etc/passwd",
    "pcluster-cfn:not-created:0123456789abcdef",
    "parent",
    "parent-Cluster-1ABCDEF",
    "hpc\n",
    "type:" + "A" * 9_000,
    "http://169.254.169.254/latest/meta-data/",
    "https://attacker.test/?X-Amz-Date=20991231T000000Z",
    f"{HANDLES}1",
    f"{HANDLES}1?X-Amz-Date=20269999T999999Z",
    "arn:aws:cloudformation:../../x:123456789012:stack/parent/0",
    "a: &a [*a]",
    "[" * 2_000,
    '{"a":' * 900,
    "Create",
    "true",
)
OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    ["Create"],
    {"Ref": "x"},
    {"": ""},
    ["x"] * 5_000,
)
URL_CHANGES = (
    ("X-Amz-Date=2026", "X-Amz-Date=2099"),
    ("X-Amz-Date=2026", "X-Amz-Date=1999"),
    ("X-Amz-Date=2026", "X-Amz-Date=9999"),
    ("X-Amz-Date", "Date"),
    ("https:", "http:"),
    (".com/", ".com:8443/"),
    ("useast1", "uswest2"),
)

UPDATE = {"OldResourceProperties": properties(), "PhysicalResourceId": "hpc"}
INFO = {"ServiceToken": TOKEN, "ClusterName": "hpc"}
OFFICIAL = {"ServiceToken": TOKEN, "Os": "alinux2023"}


def request(source: random.Random, world: World) -> dict[str, Any]:
    """A good request of any kind, as CloudFormation issues it now."""
    stop = {"ComputeFleetUpdatePolicy": "StopAndRestart", "ClusterNameUpdatePolicy": "Replace"}
    makers: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: world.event("Create"),
        lambda: world.event("Create", ResourceProperties=properties(WaitConditionHandle=f"{HANDLES}1")),
        lambda: world.event(
            "Create", ResourceProperties=properties(ServiceTimeout="300", AdoptExisting="true")
        ),
        lambda: world.event("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties()),
        lambda: world.event(
            "Create", ResourceType="Custom::PclusterClusterInfo", ResourceProperties=dict(INFO)
        ),
        lambda: world.event(
            "Create", ResourceType="Custom::PclusterOfficialImage", ResourceProperties=dict(OFFICIAL)
        ),
        lambda: world.event(
            "Update", **UPDATE, ResourceProperties=properties(ClusterConfiguration=OTHER_NODES, **stop)
        ),
        lambda: world.event("Delete", PhysicalResourceId="hpc"),
        lambda: world.event("Delete", PhysicalResourceId="parent-Cluster-1ABCDEF"),
    )
    return deepcopy(source.choice(makers)())


def other(source: random.Random) -> dict[str, Any]:
    """An event of another source: an engine's end, a stack's, or a sweep's."""
    call = {
        "contract": 1,
        "call_id": "request-1-1",
        "operation": "create",
        "owner": {"stack_id": PARENT, "logical_id": "Cluster"},
        "request_id": "request-1",
        "cluster_name": "hpc",
    }
    result = {"contract": 1, "status": "succeeded", "stack_id": "arn:of-nothing", "sent": True}
    arn = f"{PARENT.rpartition('stack/')[0]}stack/hpc/c1"
    return source.choice(
        (
            {"requestPayload": call, "requestContext": {"condition": "Success"}, "responsePayload": result},
            {"detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": arn}},
            {"detail-type": "Scheduled Event", "source": "aws.events"},
        )
    )


def mutated(source: random.Random, event: dict[str, Any]) -> dict[str, Any]:
    """The event with one to three random changes, anywhere in it."""
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        places = list(_places(event))
        if places:
            _change(source, *source.choice(places))
    return event


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value that holds something: its container, and the name or index there."""
    if isinstance(value, dict | list):
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for name, item in items:
            yield value, name
            yield from _places(item)


def _change(source: random.Random, place: Any, name: Any) -> None:
    value = place[name]
    kind = source.randrange(7)
    if kind == 0:
        del place[name]
    elif kind == 1 and isinstance(place, dict):
        place[source.choice(TEXTS)] = value
    elif kind == 2:
        place[name] = deepcopy(source.choice(OTHERS))
    elif kind == 3:
        place[name] = _nested(source.choice((5, 90, 250)), value)
    elif kind == 4 and isinstance(value, str) and value.startswith("https:"):
        place[name] = value.replace(*source.choice(URL_CHANGES))
    elif kind == 5 and isinstance(value, str):
        at = source.randrange(len(value) + 1)
        place[name] = value[:at] + source.choice(TEXTS) + value[at:]
    else:
        place[name] = source.choice(TEXTS)


def _nested(depth: int, value: Any) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value
