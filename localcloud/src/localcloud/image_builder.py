"""What follows a build of EC2 Image Builder: the AMI is tagged as available, the image's stack deleted.

On AWS the build's end is published to a topic, and the stack's function that is subscribed to it does both.
Here both happen without the topic and the function.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from moto.ec2.models import ec2_backends
from werkzeug.wrappers import Response

from localcloud import cloudformation
from localcloud.clock import clock
from localcloud.cloudformation.handlers import image as handler
from localcloud.resources import image_builder

IMAGE = "AWS::ImageBuilder::Image"

#: Simulated seconds from the end of a build to what the function in the stack does.
NOTICE_S = 20.0

#: What that function puts on the AMI.
#: Source: aws-parallelcluster 3.16.1, custom_resources_code/delete_image_stack.py.
_STATUS_TAG, _PARENT_TAG = "parallelcluster:build_status", "parallelcluster:parent_image"

_GET_IMAGE = "/GetImage"

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def install() -> None:
    """Follows the builds of this process's stacks; call it once."""
    cloudformation.subscribe(_observe)


def configure(settings: dict[str, Any]) -> None:
    """Configures builds for the control API.

    Args:
        settings: Each optional: `build_s` (simulated seconds), `failure` (None or an object with `reason`).

    Raises:
        TypeError: an unknown setting.
        KeyError: a failure without a reason.
    """
    failure = settings.get("failure")
    reason = None if failure is None else str(failure["reason"])
    handler.configure(handler.Plan(**{**settings, "failure": reason}))


def answering(services: WsgiApplication) -> WsgiApplication:
    """Returns the services with the part of Image Builder's API that the library uses."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != _GET_IMAGE:
            return services(environ, start_response)
        (arn,) = parse_qs(environ.get("QUERY_STRING", ""))["imageBuildVersionArn"]
        return _described(arn)(environ, start_response)

    return answer


def _described(arn: str) -> Response:
    if arn not in handler.built:
        refused = {"message": f"The resource {arn} cannot be found."}
        headers = {"x-amzn-ErrorType": "ResourceNotFoundException"}
        return Response(json.dumps(refused), 404, headers, content_type="application/json")
    ami_id = handler.built[arn]
    image = {
        "arn": arn,
        "state": {"status": "BUILDING" if ami_id is None else "AVAILABLE"},
        "outputResources": {"amis": [{"image": ami_id}] if ami_id else []},
    }
    return Response(json.dumps({"image": image}), content_type="application/json")


def _observe(event: cloudformation.ResourceEvent) -> None:
    if (event.resource_type, event.status) != (IMAGE, "CREATE_COMPLETE"):
        return
    _, _, _, region_name, account_id, _ = event.stack_id.split(":", maxsplit=5)
    recipe = image_builder.properties_of(str(event.properties["ImageRecipeArn"]))
    ami = ec2_backends[account_id][region_name].amis[str(handler.built[str(event.physical_id)])]

    def finish() -> None:
        ami.add_tags({_STATUS_TAG: "available", _PARENT_TAG: recipe["ParentImage"]})
        cloudformation.delete_stack(event.stack_id)

    clock.call_later(NOTICE_S, finish)
