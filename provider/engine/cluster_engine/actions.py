"""What the engine does for each action: the library's function, and the result made of its answer."""

from collections.abc import Callable
from typing import Any

from cluster_engine import advice, configuration, contract, library
from cluster_engine.configuration import Configuration
from cluster_engine.contract import Call, EngineAction, EngineError, Result
from cluster_engine.gate import Gate
from cluster_engine.update import Update, prepare, refuse_beyond_bounds

#: The arguments of a call that the library's function takes, by action; the others take none.
#: Source: pcluster/api/openapi/openapi.yaml.
ARGUMENTS: dict[EngineAction, tuple[str, ...]] = {
    "create": ("suppress_validators", "validation_failure_level", "rollback_on_failure"),
    "update": ("suppress_validators", "validation_failure_level", "force_update"),
    "build-image": ("suppress_validators", "validation_failure_level", "rollback_on_failure"),
}
#: The clusters that a result carries; each takes about 400 bytes of 128 KiB.
CLUSTERS_MAX = 200
#: The result's name of what the library answers when it starts something.
_STARTED = {
    "cluster": "cluster",
    "image": "image",
    "validationMessages": "validation_messages",
    "changeSet": "change_set",
}


def carry_out(call: Call, version: str, gate: Gate) -> Result:
    """Returns what the call's action comes to, for the result.

    Raises:
        EngineError: The engine, the library or AWS refused, or the library failed.
    """
    try:
        return _ACTIONS.get(call.action, _change)(call, version, gate)
    except EngineError as error:
        if error.code == "AlreadyExists" and _is_own(call, gate):
            return {}
        raise


def _change(call: Call, version: str, gate: Gate) -> Result:
    """Starts a create, an update, a delete, or a stop or start of the fleet."""
    arguments = _arguments(call)
    advisories: list[Result] = []
    if call.action in {"create", "update"}:
        arguments["cluster_configuration"] = wanted = _wanted(call, version, gate)
        if call.action == "create":
            advice.refuse(version, wanted, gate.now().date(), call.arguments.get(advice.ARGUMENT))
            advisories = advice.messages(version, wanted, gate.now().date())
    _hold_mark(call, gate)
    started = _started(_invoke(call, gate, **arguments))
    if advisories:
        started["validation_messages"] = [*started.get("validation_messages", []), *advisories]
    return started


def _describe(call: Call, _: str, gate: Gate) -> Result:
    answer = _invoke(call, gate)
    cluster = {key: value for key, value in answer.items() if key != "clusterConfiguration"}
    gate.stack_id = cluster["cloudformationStackArn"]
    described: Result = {"cluster": cluster, "head_node": _head_node(cluster, gate)}
    if call.arguments.get("dynamic_nodes"):
        described["dynamic_nodes"] = library.count_dynamic_nodes(call.cluster_name, call.region, gate)
    return described | _head_node_logs(call, str(gate.stack_id), gate)


def _head_node_logs(call: Call, stack_id: str, gate: Gate) -> Result:
    """Returns why the head node did not start, if the call asks for it."""
    wanted = call.arguments.get("head_node_logs")
    if wanted is None:
        return {}
    since = contract.parse_instant(wanted["since"]) if "since" in wanted else None
    found = library.read_head_node_logs(stack_id, call.region, gate, wanted["log_group"], since)
    return {"head_node_logs": found}


def _build_image(call: Call, _: str, gate: Gate) -> Result:
    """Starts to build an image. Its stack and its AMI get the call's ``stack_tags``."""
    wanted = configuration.load_image(call.configuration, call.configuration_tags, call.stack_tags)
    return _started(_invoke(call, gate, image_configuration=wanted, **_arguments(call)))


def _describe_image(call: Call, _: str, gate: Gate) -> Result:
    answer = _invoke(call, gate)
    # The configuration is a URL from which anybody can read it.
    return {"image": {key: value for key, value in answer.items() if key != "imageConfiguration"}}


def _delete_image(call: Call, _: str, gate: Gate) -> Result:
    answer = _invoke(call, gate)
    return {"image": answer["image"]} if answer.get("image") else {}


def _list_clusters(call: Call, _: str, gate: Gate) -> Result:
    """Returns the Region's clusters with one of the wanted statuses and the name's prefix."""
    # Releases before 3.10 take no list of statuses, so the engine filters by both.
    statuses, prefix = call.arguments.get("cluster_status"), call.arguments.get("name_prefix", "")
    found: list[dict[str, Any]] = []
    for page in library.ask_pages("list_clusters", call.region, gate):
        found += [
            cluster
            for cluster in page["clusters"]
            if cluster["clusterName"].startswith(prefix)
            and (not statuses or cluster["clusterStatus"] in statuses)
        ]
    found.sort(key=lambda cluster: str(cluster["clusterName"]))
    return {"clusters": found[:CLUSTERS_MAX], "cluster_count": len(found)}


def _list_official_images(call: Call, _: str, gate: Gate) -> Result:
    """Returns this version's official images for an operating system and an architecture."""
    wanted = {name: call.arguments[name] for name in ("os", "architecture") if name in call.arguments}
    return {"images": library.ask("list_official_images", call.region, gate, **wanted)["images"]}


_ACTIONS: dict[EngineAction, Callable[[Call, str, Gate], Result]] = {
    "describe": _describe,
    "build-image": _build_image,
    "describe-image": _describe_image,
    "delete-image": _delete_image,
    "list-clusters": _list_clusters,
    "list-official-images": _list_official_images,
}


def _invoke(call: Call, gate: Gate, **arguments: Any) -> library.Answer:
    return library.invoke(call.action, call.cluster_name, call.region, gate, **arguments)


def _arguments(call: Call) -> dict[str, Any]:
    return {name: call.arguments[name] for name in ARGUMENTS.get(call.action, ()) if name in call.arguments}


def _hold_mark(call: Call, gate: Gate) -> None:
    """Makes sure that the cluster's mark names the call's owner, if the call asks for it."""
    if call.mark is None:
        return
    claimant = library.Claimant(call.owner, call.call_id, call.mark.get("instead_of"))
    library.hold_mark(call.action, call.cluster_name, call.region, gate, claimant)


def _wanted(call: Call, version: str, gate: Gate) -> Configuration:
    """The configuration for the library; compared with the cluster's stored one if the call asks for it."""
    wanted = configuration.load(call.configuration, call.configuration_tags, version)
    change = Update(call.cluster_name, call.region, call.arguments, gate)
    refuse_beyond_bounds(wanted, change, makes=call.action == "create")
    if call.action == "create":
        return wanted
    try:
        return prepare(wanted, change, version)
    except EngineError as error:
        if error.code == "NoChanges":  # adopted as it is
            _hold_mark(call, gate)
        raise


def _is_own(call: Call, gate: Gate) -> bool:
    """Whether what already exists carries this call's owner tags: an earlier delivery made it."""
    if gate.seen is None or not call.stack_tags:
        return call.action == "build-image" and gate.saw_own_image
    is_own = call.stack_tags.items() <= gate.seen.tags.items()
    if is_own:
        gate.stack_id = gate.seen.stack_id
    return is_own


def _started(answer: library.Answer) -> Result:
    return {ours: answer[theirs] for theirs, ours in _STARTED.items() if answer.get(theirs)}


def _head_node(cluster: library.Answer, gate: Gate) -> str:
    """The library leaves the head node out both if there is none and if EC2 did not answer."""
    if "headNode" in cluster:
        return "present"
    return "none" if gate.instances_known else "unknown"
