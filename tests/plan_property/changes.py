"""Random changes of a cluster's properties, each of a kind that users make."""

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from cluster_schema import configuration_schema

VERSION = "3.16.1"
#: Sections of the schema that name what only an account of the user's has.
_ELSEWHERE = frozenset({"DevSettings", "DirectoryService", "CustomActions", "Iam", "Proxy", "Database"})
_TYPES = ("c5.large", "c5.xlarge", "c6i.xlarge", "m5.xlarge", "t3.medium", "t3.large")
_SYSTEMS = ("alinux2023", "ubuntu2204", "ubuntu2404", "rocky9", "rhel9")

Properties = dict[str, Any]
#: Changes properties in place; returns False if there is nothing of its kind to change.
Change = Callable[[Random, Properties], bool]


def _configuration(properties: Properties) -> dict[str, Any]:
    found: dict[str, Any] = properties["ClusterConfiguration"]
    return found


def _queues(properties: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _configuration(properties)["Scheduling"]["SlurmQueues"]
    return found


def _nodes(random: Random, properties: Properties) -> dict[str, Any]:
    found: dict[str, Any] = random.choice(random.choice(_queues(properties))["ComputeResources"])
    return found


def nothing(_: Random, __: Properties) -> bool:
    """Leaves everything as it is."""
    return True


def other_words(_: Random, properties: Properties) -> bool:
    """Writes the same configuration in another order, for which CloudFormation sends a request."""
    properties["ClusterConfiguration"] = dict(reversed(_configuration(properties).items()))
    return True


def grow(random: Random, properties: Properties) -> bool:
    """Raises MaxCount."""
    nodes = _nodes(random, properties)
    nodes["MaxCount"] = nodes.get("MaxCount", 10) + random.randint(1, 5)
    return True


def shrink(random: Random, properties: Properties) -> bool:
    """Lowers MaxCount, perhaps below MinCount."""
    nodes = _nodes(random, properties)
    nodes["MaxCount"] = max(nodes.get("MaxCount", 10) - random.randint(1, 3), 1)
    return True


def min_count(random: Random, properties: Properties) -> bool:
    """Changes MinCount, perhaps beyond MaxCount."""
    nodes = _nodes(random, properties)
    nodes["MinCount"] = random.choice([0, 1, nodes.get("MaxCount", 10) + random.choice([0, 1])])
    return True


def instance_type(random: Random, properties: Properties) -> bool:
    """Changes a compute resource's instance type, perhaps to one that does not exist."""
    nodes = _nodes(random, properties)
    if "InstanceType" not in nodes:
        nodes["Instances"] = [{"InstanceType": random.choice(_TYPES)}]
    else:
        nodes["InstanceType"] = random.choice([*_TYPES, "c5.none"])
    return True


def add_queue(random: Random, properties: Properties) -> bool:
    """Adds a copy of a queue under another name."""
    queues = _queues(properties)
    queues.append({**copy.deepcopy(random.choice(queues)), "Name": f"more-{len(queues)}"})
    for number, nodes in enumerate(queues[-1]["ComputeResources"]):
        nodes["Name"] = f"more-{len(queues)}-{number}"
    return True


def remove_queue(random: Random, properties: Properties) -> bool:
    """Removes a queue."""
    queues = _queues(properties)
    queues.pop(random.randrange(len(queues)))
    return bool(queues)


def add_nodes(random: Random, properties: Properties) -> bool:
    """Adds a compute resource, perhaps under a name that its queue has."""
    nodes = random.choice(_queues(properties))["ComputeResources"]
    name = random.choice([f"new-{len(nodes)}", nodes[0]["Name"]])
    nodes.append({"Name": name, "InstanceType": random.choice(_TYPES), "MaxCount": 2})
    return True


def remove_nodes(random: Random, properties: Properties) -> bool:
    """Removes a compute resource."""
    nodes = random.choice(_queues(properties))["ComputeResources"]
    nodes.pop(random.randrange(len(nodes)))
    return bool(nodes)


def head_node_type(random: Random, properties: Properties) -> bool:
    """Changes the head node's instance type."""
    _configuration(properties)["HeadNode"]["InstanceType"] = random.choice(_TYPES)
    return True


def key_pair(random: Random, properties: Properties) -> bool:
    """Changes the SSH key to one that does not exist, or leaves it out."""
    head = _configuration(properties)["HeadNode"]
    if random.random() < 0.5:
        return head.pop("Ssh", None) is not None
    head["Ssh"] = {"KeyName": "nobodys"}
    return True


def add_storage(random: Random, properties: Properties) -> bool:
    """Adds a volume or a file system, perhaps where there is one."""
    storage = _configuration(properties).setdefault("SharedStorage", [])
    number = random.randint(1, 4)
    added = {
        "Name": f"new{number}",
        "MountDir": f"/new{number}",
        "StorageType": random.choice(["Ebs", "Efs"]),
    }
    if random.random() < 0.5:
        added[f"{added['StorageType']}Settings"] = {"DeletionPolicy": random.choice(["Delete", "Retain"])}
    storage.append(added)
    return True


def remove_storage(random: Random, properties: Properties) -> bool:
    """Removes a storage."""
    storage = _configuration(properties).get("SharedStorage", [])
    if storage:
        storage.pop(random.randrange(len(storage)))
    return bool(storage)


def deletion_policy(random: Random, properties: Properties) -> bool:
    """Changes what becomes of a storage when it goes."""
    storage = _configuration(properties).get("SharedStorage", [])
    if not storage:
        return False
    chosen = random.choice(storage)
    if chosen["StorageType"] not in {"Ebs", "Efs", "FsxLustre"}:
        return False
    settings = chosen.setdefault(f"{chosen['StorageType']}Settings", {})
    settings["DeletionPolicy"] = random.choice(["Delete", "Retain"])
    return True


def tags(random: Random, properties: Properties) -> bool:
    """Changes a tag of the configuration, or adds one."""
    configuration = _configuration(properties)
    kept = [each for each in configuration.get("Tags", []) if each["Key"] != "team"]
    configuration["Tags"] = [*kept, {"Key": "team", "Value": random.choice("abc")}]
    return True


def operating_system(random: Random, properties: Properties) -> bool:
    """Changes the operating system."""
    _configuration(properties)["Image"]["Os"] = random.choice(_SYSTEMS)
    return True


def scheduler_settings(random: Random, properties: Properties) -> bool:
    """Changes settings of the scheduler."""
    settings = _configuration(properties)["Scheduling"].setdefault("SlurmSettings", {})
    key, values = random.choice(
        [
            ("ScaledownIdletime", [5, 10, 15]),
            ("QueueUpdateStrategy", ["DRAIN", "COMPUTE_FLEET_STOP", "TERMINATE"]),
            ("EnableMemoryBasedScheduling", [True, False]),
            ("CustomSlurmSettings", [[{"SchedulerParameters": "defer"}], [{"MaxStepCount": "5000"}]]),
        ]
    )
    settings[key] = random.choice(values)
    return True


def drain(random: Random, properties: Properties) -> bool:
    """Changes a compute resource together with QueueUpdateStrategy, which may allow it on a running fleet."""
    scheduling = _configuration(properties)["Scheduling"]
    scheduling.setdefault("SlurmSettings", {})["QueueUpdateStrategy"] = random.choice(["DRAIN", "TERMINATE"])
    return instance_type(random, properties)


def monitoring(random: Random, properties: Properties) -> bool:
    """Changes the monitoring."""
    settings = _configuration(properties).setdefault("Monitoring", {})
    key, value = random.choice(
        [
            ("DetailedMonitoring", random.random() < 0.5),
            ("Logs", {"CloudWatch": {"RetentionInDays": random.choice([7, 14])}}),
            ("Dashboards", {"CloudWatch": {"Enabled": random.random() < 0.5}}),
        ]
    )
    settings[key] = value
    return True


def cluster_name(random: Random, properties: Properties) -> bool:
    """Renames the cluster, with or without the policy that replaces it."""
    if "ClusterName" not in properties:
        return False
    base, _, number = properties["ClusterName"].partition("-n")
    properties["ClusterName"] = f"{base}-n{int(number or 0) + 1}"
    if random.random() < 0.75:
        properties["ClusterNameUpdatePolicy"] = "Replace"
    else:
        properties.pop("ClusterNameUpdatePolicy", None)
    return True


def replacement(random: Random, properties: Properties) -> bool:
    """Changes whether the cluster may be replaced, together with what often cannot be changed in place."""
    if random.random() < 0.75:
        properties["ReplacementPolicy"] = "Replace"
    else:
        properties.pop("ReplacementPolicy", None)
    return random.choice([operating_system, key_pair, add_storage, remove_storage])(random, properties)


def region(_: Random, properties: Properties) -> bool:
    """Names another Region than the stack's."""
    _configuration(properties)["Region"] = "eu-west-1"
    return True


def fleet_policy(random: Random, properties: Properties) -> bool:
    """Changes whether the provider may stop the fleet, alone or with a change that may need it."""
    is_on = properties.pop("ComputeFleetUpdatePolicy", "") == "StopAndRestart"
    if not is_on:
        properties["ComputeFleetUpdatePolicy"] = "StopAndRestart"
    return random.choice([nothing, instance_type, shrink])(random, properties)


def several(random: Random, properties: Properties) -> bool:
    """Makes two changes at once."""
    return all(change(random, properties) for change in random.sample(_SINGLE, 2))


def any_setting(random: Random, properties: Properties) -> bool:
    """Sets any boolean, whole number or listed word of the schema to a value that the schema accepts."""
    places = list(_settings(configuration_schema(VERSION), _configuration(properties)))
    node, key, schema = random.choice(places)
    node[key] = _value(random, schema)
    return True


def _settings(schema: Any, node: Any) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yields where the sections of a configuration may have a setting: section, key and schema."""
    if isinstance(node, list):
        for item in node:
            yield from _settings(schema.get("items", {}), item)
    elif isinstance(node, dict):
        for key, inner in schema.get("properties", {}).items():
            if key in _ELSEWHERE:
                continue
            if "enum" in inner or inner.get("type") in ("boolean", "integer"):
                yield node, key, inner
            elif key in node:
                yield from _settings(inner, node[key])


def _value(random: Random, schema: Any) -> Any:
    if "enum" in schema:
        return random.choice(schema["enum"])
    if schema["type"] == "boolean":
        return random.random() < 0.5
    least = schema.get("minimum", 0)
    return random.randint(least, min(schema.get("maximum", least + 50), least + 50))


_SINGLE: list[Change] = [
    grow,
    shrink,
    min_count,
    add_queue,
    head_node_type,
    tags,
    scheduler_settings,
    monitoring,
]
#: Every kind of change, by name.
KINDS: dict[str, Change] = {
    each.__name__: each
    for each in (
        *_SINGLE,
        nothing,
        other_words,
        instance_type,
        remove_queue,
        add_nodes,
        remove_nodes,
        key_pair,
        add_storage,
        remove_storage,
        deletion_policy,
        operating_system,
        drain,
        cluster_name,
        replacement,
        region,
        fleet_policy,
        several,
        any_setting,
    )
}


def draw(random: Random, properties: Properties) -> tuple[str, Properties]:
    """Returns a random kind of change, and the properties with such a change."""
    while True:
        kind = random.choice(list(KINDS))
        changed = copy.deepcopy(properties)
        if KINDS[kind](random, changed):
            return kind, changed
