"""Operations on custom images: build, describe, delete. The call's ``cluster_name`` is the image's id."""

from typing import Any

from cluster_engine import configuration, library
from cluster_engine.call import Call
from cluster_engine.gate import Gate

#: The arguments of the library's function. Source: pcluster/api/openapi/openapi.yaml.
BUILD_ARGUMENTS = ("suppress_validators", "validation_failure_level", "rollback_on_failure")


def build_image(call: Call, gate: Gate) -> dict[str, Any]:
    """Begins to build an image, whose stack and AMI carry the call's ``stack_tags``.

    Raises:
        EngineError: The configuration, or the image, was refused.
    """
    wanted = configuration.load_image(call.configuration, call.configuration_tags, call.stack_tags)
    arguments = {name: call.arguments[name] for name in BUILD_ARGUMENTS if name in call.arguments}
    answer = _run(call, gate, image_configuration=wanted, **arguments)
    names = {"image": "image", "validationMessages": "validation_messages"}
    return {ours: answer[theirs] for theirs, ours in names.items() if answer.get(theirs)}


def describe_image(call: Call, gate: Gate) -> dict[str, Any]:
    """Returns what the library knows of an image, its AMI first of all.

    Raises:
        EngineError: There is neither an AMI nor a stack, or the library failed.
    """
    answer = _run(call, gate)
    # The configuration is an address that anybody may read it from.
    return {"image": {key: value for key, value in answer.items() if key != "imageConfiguration"}}


def delete_image(call: Call, gate: Gate) -> dict[str, Any]:
    """Deletes an image's stack and its AMI; the AMI only if it carries the call's ``stack_tags``.

    Raises:
        EngineError: There is nothing to delete, or the library refused or failed.
    """
    answer = _run(call, gate)
    return {"image": answer["image"]} if answer.get("image") else {}


def _run(call: Call, gate: Gate, **arguments: Any) -> library.Answer:
    return library.invoke(call.operation, call.cluster_name, call.region, gate, **arguments)


OPERATIONS = {"build-image": build_image, "describe-image": describe_image, "delete-image": delete_image}
