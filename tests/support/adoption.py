"""Takeovers that more than one test module uses."""

from typing import Any

from tests.support.fakes import HANDLES
from tests.support.world import CONFIGURATION, World, properties

#: Another configuration than the clusters that are taken over have.
OTHER = {**CONFIGURATION, "Tags": []}
HANDLE = f"{HANDLES}1?X-Amz-Signature=s3cr3t"


def begun_and_failed(world: World, **changed: Any) -> dict[str, Any]:
    """A takeover that was answered when it began, and whose failure was signalled afterwards.

    Returns the properties that were asked for.
    """
    before = world.cluster()
    wanted = properties(
        AdoptExisting="true", ClusterConfiguration=OTHER, WaitConditionHandle=HANDLE, **changed
    )
    request = world.create(ResourceProperties=wanted)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    old = {"parameters": before.parameters, "outputs": before.outputs}
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", **old)
    assert world.sink.signal(HANDLE)["Status"] == "FAILURE"
    world.pass_time(60)
    return wanted
