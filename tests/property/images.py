"""Lives of which one is an image's: built once by a stack that deletes itself, and judged by its AMI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from cluster_provider.core.identity import LOGICAL_ID_TAG, STACK_ID_TAG, Owner
from tests.property.lifecycle import HANDLE, OLD, TAKEN, UNNAMED, Lifecycle, handle_of, index
from tests.support.world import IMAGE_CONFIGURATION, IMAGE_TYPE, PARENT, image_properties

if TYPE_CHECKING:
    from cluster_provider.core.observed import ClusterStack
    from tests.support.simulation import Resource

#: An image of another owner.
THEIRS = "theirs"

#: Ids of images, by the name that a wish has. Some are clusters' names as well: both are stacks.
IMAGE_IDS = {
    "hpc": "hpc",
    "lab": "image",
    "web": "image",
    "sim": "image-2",
    TAKEN: TAKEN,
    OLD: THEIRS,
    UNNAMED: "image",
}

#: Its place in the lives.
PLACE = (PARENT, "Image", IMAGE_TYPE)

BUILD_FAILURES = ("CREATE_FAILED", "ROLLBACK_COMPLETE")


class Images(Lifecycle):
    """Lives with an image."""

    def __init__(self) -> None:
        super().__init__()
        self.deregistered: set[str] = set()
        self.world.amis[THEIRS] = {"made": "elsewhere"}

    def properties_of(self, resource: Resource, wish: dict[str, Any]) -> dict[str, Any]:
        if resource.type != IMAGE_TYPE:
            return super().properties_of(resource, wish)
        build = {**IMAGE_CONFIGURATION["Build"], "InstanceType": wish["InstanceType"]}
        rest = {HANDLE: handle_of(wish, resource)} if wish[HANDLE] else {}
        return image_properties(
            ImageId=IMAGE_IDS[wish["ClusterName"]],
            ImageConfiguration={"Build": build},
            DeletionPolicy=wish["DeletionPolicy"],
            ValidationFailureLevel=wish["ValidationFailureLevel"],
            **rest,
        )

    def end_change(self, stack: ClusterStack, fate: int) -> None:
        """A build that succeeds leaves an AMI, and its stack deletes itself."""
        if stack.stack_id not in self.world.builds or stack.status != "CREATE_IN_PROGRESS":
            super().end_change(stack, fate)
        elif fate % 4 in {0, 1}:
            self.world.finish(stack)
        else:
            status = BUILD_FAILURES[fate % 2]
            self.world.move(stack.stack_id, status, ("ParallelClusterImage", "the build failed"))

    @precondition(lambda self: len(self.world.amis) > 1)
    @rule(at=index, really=st.sampled_from([True, False, False]))
    def deregister(self, at: int, really: bool) -> None:
        """A user deregisters an AMI out of band."""
        names = sorted(self.world.amis.keys() - {THEIRS})
        if really:
            name = names[at % len(names)]
            del self.world.amis[name]
            self.deregistered.add(name)

    def made_by(self, owner: Owner) -> dict[str, str]:
        made = super().made_by(owner)
        for name, tags in self.world.amis.items():
            ami_id = f"ami {name} {sorted(tags.items())}"
            tagged = (tags.get(STACK_ID_TAG), tags.get(LOGICAL_ID_TAG))
            if tagged == (owner.stack_id, owner.logical_id) and ami_id not in self.retained:
                made[ami_id] = name
        return made

    def is_lost(self, name: str) -> bool:
        return super().is_lost(name) or name in self.deregistered

    @invariant()
    def images_of_others_are_never_touched(self) -> None:
        assert self.world.amis[THEIRS] == {"made": "elsewhere"}
