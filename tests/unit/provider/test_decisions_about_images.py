"""Rows of the decision table about images, and about resources that only ask."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.actions import Action, Fail, Start, Succeed, Wait
from cluster_provider.core.engine import EngineAction, EngineError, EngineResult
from cluster_provider.core.errors import (
    EngineFailed,
    ImageFailed,
    ImageRejected,
    InvalidProperty,
    NotFound,
    NotOwner,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.identity import Kind, Owner, marker_id, read_only_id
from cluster_provider.core.observed import Cluster, LastApplied
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request
from tests.support.cases import (
    DEADLINE_S,
    FIRST,
    OWNER,
    THIS,
    VERSION,
    at,
    call,
    decided,
    known,
    progress,
    request,
    stack,
)
from tests.support.world import IMAGE_CONFIGURATION, IMAGE_TYPE, PARENT, TOKEN, failed_id, image_properties

BUILD, DESCRIBE, DELETE = EngineAction.BUILD_IMAGE, EngineAction.DESCRIBE_IMAGE, EngineAction.DELETE_IMAGE
ARN = stack(name="image").stack_id
STRANGER = Owner(PARENT.replace("parent", "other"), "Cluster")
MARKER = marker_id(OWNER)


def asks(request_type: str, *, old: str = "image", physical_id: str = "image", **changed: Any) -> Request:
    """A request for an image."""
    return request(
        request_type,
        physical_id=physical_id,
        old=image_properties(ImageId=old),
        ResourceType=IMAGE_TYPE,
        ResourceProperties=image_properties(**changed),
    )


def image(status: str = "CREATE_COMPLETE", made_by: str = THIS, **facts: Any) -> Any:
    owner = facts.pop("owner", OWNER)
    tags = owner.tags("image", made_by) if owner is not None else {}
    seen = stack(status, name="image", owner=None, **facts)
    return replace(seen, tags={**seen.tags, **tags})


def reported_image(**facts: Any) -> Cluster:
    """An image that was reported to CloudFormation."""
    last_applied = LastApplied(digest(IMAGE_CONFIGURATION), "")
    return replace(known("image", kind=Kind.IMAGE, last_applied=last_applied), **facts)


def described(made_by: str = THIS, *, ami: str = "ami-1", owner: Owner = OWNER) -> EngineResult:
    """How the engine describes an image that is built."""
    tags = [{"key": key, "value": value} for key, value in owner.tags("image", made_by).items()]
    return EngineResult("succeeded", image={"ec2AmiInfo": {"amiId": ami, "tags": tags}})


def work(**facts: Any) -> Any:
    return progress(**{"cluster_name": "image", "reads": DESCRIBE, **facts})


def failure(action: Action, kind: type[ProviderError], physical_id: str = "image") -> str:
    assert isinstance(action, Fail), action
    assert type(action.error) is kind, action
    assert action.physical_id == physical_id
    return str(action.error)


CREATE, UPDATE, REMOVE = asks("Create"), asks("Update"), asks("Delete")
BUILDS = Start(BUILD, "image", stack_tags=OWNER.tags("image", THIS))
DESCRIBES = Start(DESCRIBE, "image", ARN, version=VERSION)
NOT_FOUND = EngineError("NotFound", "there is no image")


# Building it


def test_an_image_that_is_not_there_is_built_with_its_owners_tags() -> None:
    assert decided(CREATE, work()) == BUILDS


def test_an_image_whose_stack_was_seen_is_not_built_again() -> None:
    assert decided(CREATE, work(stack_id=ARN)) == Wait(f"stack {ARN} cannot be seen yet")


def test_an_image_is_not_built_without_an_engine_of_its_version() -> None:
    text = failure(decided(CREATE, work(), engines=frozenset()), VersionMismatch, MARKER)
    assert "ImageId image: it needs an engine for ParallelCluster 3.16.1; the provider has none." in text


@pytest.mark.parametrize(
    ("code", "kind", "what"),
    [
        ("ClusterRejected", ImageRejected, "ImageConfiguration: no."),
        ("ConfigurationInvalid", InvalidProperty, "ImageConfiguration: no."),
        ("BadRequest", ImageRejected, "image image: no."),
        ("VersionMismatch", VersionMismatch, "image image: no."),
        ("AlreadyExists", NotOwner, "ImageId image: an image or a stack of this name exists"),
        ("Unheard", EngineFailed, "image image: no. Nothing was changed."),
    ],
)
def test_the_final_refusal_of_an_image_is_reported_in_its_own_words(
    code: str, kind: type[ProviderError], what: str
) -> None:
    assert what in failure(decided(CREATE, work(call=call(BUILD, code, name="image"))), kind, MARKER)


def test_what_validators_said_of_an_image_is_its_refusal() -> None:
    messages = [
        {"level": "INFO", "type": "A", "message": "less"},
        {"level": "ERROR", "type": "B", "message": "worse"},
    ]
    refused = call(BUILD, "ClusterRejected", name="image")
    text = failure(decided(CREATE, work(call=refused, validation_messages=messages)), ImageRejected, MARKER)
    assert "ImageConfiguration: ERROR B: worse. INFO A: less." in text


def test_an_engine_that_failed_is_called_three_times() -> None:
    died = call(BUILD, "Internal", name="image")
    thrice = {"attempts": {"build-image": 3}}
    assert decided(CREATE, work(call=died, attempts={"build-image": 2})) == BUILDS
    assert decided(CREATE, work(attempts={"build-image": 2})) == BUILDS
    # A call that failed or reported no result may have built it.
    assert decided(CREATE, work(call=died, **thrice)) == Start(DESCRIBE, "image")
    assert decided(CREATE, work(**thrice)) == Start(DESCRIBE, "image")
    absent = {"not_described": NOT_FOUND, "describe_failures": 3}
    text = failure(decided(CREATE, work(call=died, **thrice, **absent)), EngineFailed, MARKER)
    assert "no. Nothing was changed." in text
    unexplained = failure(decided(CREATE, work(**thrice, **absent)), EngineFailed, MARKER)
    assert "the engine was called 3 times and nothing came of it. Its log group says why." in unexplained


def test_a_first_refusal_counts_at_once_and_a_later_one_once_it_is_known_that_nothing_was_built() -> None:
    refused = call(BUILD, "BadRequest", name="image")
    failure(decided(CREATE, work(call=refused, attempts={"build-image": 1})), ImageRejected, MARKER)
    again = {"call": refused, "attempts": {"build-image": 2}}
    assert decided(CREATE, work(**again)) == Start(DESCRIBE, "image")
    absent = work(**again, not_described=NOT_FOUND, describe_failures=3)
    failure(decided(CREATE, absent), ImageRejected, MARKER)


def test_an_image_that_aws_throttled_is_tried_for_ever_after_a_pause() -> None:
    busy = work(call=call(BUILD, "Throttled", name="image"), attempts={"build-image": 9})
    assert isinstance(decided(CREATE, busy, at_s=40), Wait)
    assert decided(CREATE, busy, at_s=70) == BUILDS


def test_an_image_of_another_is_not_touched() -> None:
    text = failure(decided(CREATE, work(), cluster=image(made_by=FIRST)), NotOwner, MARKER)
    assert "was not made for this; it was not touched." in text


def test_an_image_that_a_call_built_without_its_stack_being_seen_is_described() -> None:
    built = call(BUILD, name="image")
    assert decided(CREATE, work(call=built)) == Start(DESCRIBE, "image")
    assert decided(CREATE, work(call=built, not_described=NOT_FOUND)) == Start(DESCRIBE, "image")
    assert decided(
        CREATE, work(call=built), known=reported_image(stack_id="arn:1", version="3.1.0")
    ) == Start(DESCRIBE, "image", "arn:1", version="3.1.0")
    for other in (
        call(BUILD, name="image", stack_id=ARN),
        call(BUILD, name="image", ended_s=None),
        call(DELETE, name="image"),
    ):
        assert decided(CREATE, work(call=other)) == BUILDS


# Judging it


def test_an_image_is_waited_for_while_its_stack_is_in_progress() -> None:
    busy = image("CREATE_IN_PROGRESS")
    action = decided(CREATE, work(description=described()), cluster=busy)
    assert action == Wait("image image is CREATE_IN_PROGRESS", watching=ARN)


def test_an_image_is_built_once_there_is_an_ami_of_its_owner() -> None:
    for seen in (image("DELETE_COMPLETE"), image("CREATE_FAILED")):
        built = decided(CREATE, work(description=described()), cluster=seen)
        assert built == Succeed("image", seen, described())
    anothers = work(description=described(owner=STRANGER))
    assert decided(CREATE, anothers, cluster=image()) == DESCRIBES
    without = work(description=described(ami=""))
    assert decided(CREATE, without, cluster=image()) == DESCRIBES
    assert decided(CREATE, work(), cluster=image()) == DESCRIBES


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_an_image_whose_stack_failed_without_an_ami_is_a_failure(status: str) -> None:
    for answered in ({"description": described(ami="")}, {"not_described": NOT_FOUND}):
        text = failure(
            decided(CREATE, work(**answered), cluster=image(status)), ImageFailed, failed_id(THIS, "image")
        )
        assert f"the stack is {status}: no reason was given." in text
    unanswered = work(not_described=EngineError("Internal", "no"))
    assert decided(CREATE, unanswered, cluster=image(status)) == replace(DESCRIBES)
    assert decided(CREATE, work(), cluster=image(status)) == DESCRIBES
    later = decided(CREATE, work(not_described=NOT_FOUND), cluster=image("DELETE_COMPLETE"))
    assert later == DESCRIBES


def test_an_image_that_cannot_be_described_three_times_is_a_failure() -> None:
    for error, kind, what in (
        (NOT_FOUND, ImageFailed, "there is no AMI of it that belongs to this resource"),
        (EngineError("BadRequest", "no"), ImageRejected, "image image: no."),
    ):
        twice = work(not_described=error, describe_failures=2)
        assert decided(CREATE, twice, cluster=image()) == DESCRIBES
        thrice = work(not_described=error, describe_failures=3)
        assert what in failure(decided(CREATE, thrice, cluster=image()), kind, failed_id(THIS, "image"))
    assert decided(CREATE, work(describe_failures=3), cluster=image()) == DESCRIBES


def test_an_ami_is_asked_after_every_half_minute() -> None:
    asked = work(described_at=at(10))
    assert decided(CREATE, asked, at_s=39, cluster=image()) == Wait(
        "the image's AMI is not there yet", at(40)
    )
    assert decided(CREATE, asked, at_s=40, cluster=image()) == DESCRIBES


# An Update


def test_a_reported_image_stays_as_it_is() -> None:
    built = work(description=described(FIRST))
    assert decided(UPDATE, built, known=reported_image()) == Succeed("image", None, described(FIRST))
    assert "there is no AMI" in failure(decided(UPDATE, built), ImageFailed)
    changed = asks("Update", ImageConfiguration={"Build": {}})
    text = failure(decided(changed, built, known=reported_image()), InvalidProperty)
    assert "ImageConfiguration: image image is built, and a built image cannot be changed." in text
    unsettled = decided(changed, built, known=reported_image(last_applied=None))
    assert isinstance(unsettled, Succeed)


def test_another_image_is_built_in_place_of_the_first() -> None:
    other = asks("Update", physical_id="first", old="first")
    assert decided(other, work()) == BUILDS
    assert decided(other, work(), known=reported_image(reported=False)) == BUILDS
    own = decided(other, work(), known=reported_image(request_id=THIS))
    assert own == BUILDS
    back = decided(other, work(description=described(FIRST)), known=reported_image())
    assert back == Succeed("image", None, described(FIRST))
    failed_stack = decided(other, work(not_described=NOT_FOUND), cluster=image("CREATE_FAILED"))
    assert isinstance(failed_stack, Fail)
    assert failed_stack.physical_id == "first"


def test_an_update_within_the_request_that_built_the_image_builds_and_does_not_keep() -> None:
    assert decided(UPDATE, work(), known=reported_image(request_id=THIS)) == BUILDS


# A Delete

GONE = Succeed("image", gone=True)
DELETES = Start(DELETE, "image", ARN, OWNER.tags("image", FIRST), VERSION)


def test_an_image_that_is_not_there_is_deleted_already() -> None:
    assert decided(REMOVE, work()) == GONE
    assert decided(asks("Delete", physical_id=MARKER), work()) == Succeed(MARKER)
    assert decided(REMOVE, work(), cluster=image(owner=STRANGER)) == GONE
    assert decided(REMOVE, work(), cluster=image("DELETE_COMPLETE")) == GONE


def test_an_image_is_deleted_with_its_stack_or_without() -> None:
    assert decided(REMOVE, work(), cluster=image(made_by=FIRST), known=reported_image()) == DELETES
    assert decided(REMOVE, work(), cluster=image(made_by=FIRST)) == DELETES
    assert decided(REMOVE, work(), known=reported_image()) == DELETES
    marked = decided(asks("Delete", physical_id=MARKER), work(), known=reported_image(reported=False))
    assert isinstance(marked, Start)


def test_an_image_that_is_retained_stays() -> None:
    retained = asks("Delete", DeletionPolicy="Retain")
    assert decided(retained, work(), cluster=image(), known=reported_image()) == GONE
    assert isinstance(decided(retained, work(), known=reported_image(reported=False)), Start)


def test_an_image_that_is_being_built_is_not_deleted_yet() -> None:
    busy = image("CREATE_IN_PROGRESS")
    why = "image image is CREATE_IN_PROGRESS and cannot be deleted until it settles"
    assert decided(REMOVE, work(), cluster=busy, known=reported_image()) == Wait(why, watching=ARN)


def test_an_image_that_the_engine_deleted_is_gone_once_its_stack_is() -> None:
    assert decided(REMOVE, work(deleted=["image"]), known=reported_image()) == GONE
    assert decided(REMOVE, work(deleted=["other"]), known=reported_image()) == DELETES
    assert isinstance(
        decided(REMOVE, work(deleted=["image"]), cluster=image(), known=reported_image()), Start
    )


def test_an_image_that_cannot_be_deleted_is_reported_with_the_reason() -> None:
    refused = work(call=call(DELETE, "BadRequest", name="image"))
    assert "image image: no." in failure(decided(REMOVE, refused, known=reported_image()), ImageRejected)
    absent = work(call=call(DELETE, "NotFound", name="image"))
    assert decided(REMOVE, absent, known=reported_image()) == GONE
    died = call(DELETE, "Internal", name="image")
    assert decided(REMOVE, work(call=died, attempts={"delete-image": 2}), known=reported_image()) == DELETES
    text = failure(
        decided(REMOVE, work(call=died, attempts={"delete-image": 3}), known=reported_image()), EngineFailed
    )
    assert "no. Nothing was changed." in text
    busy = work(call=call(DELETE, "ClusterBusy", name="image"), attempts={"delete-image": 3})
    assert decided(REMOVE, busy, at_s=70, known=reported_image()) == DELETES


def test_an_image_whose_stack_three_calls_did_not_delete_is_a_failure() -> None:
    seen = {"cluster": image("DELETE_FAILED"), "known": reported_image()}
    text = failure(decided(REMOVE, work(attempts={"delete-image": 3}), **seen), ImageFailed)
    assert "the stack is DELETE_FAILED" in text
    assert isinstance(decided(REMOVE, work(attempts={"delete-image": 2}), **seen), Start)
    assert decided(REMOVE, work(attempts={"delete-image": 3}), known=reported_image()) == DELETES


def test_the_deletion_of_an_image_is_repeated_after_half_a_minute() -> None:
    asked = work(call=call(DELETE, name="image"), attempts={"delete-image": 1})
    seen = {"cluster": image("DELETE_FAILED"), "known": reported_image()}
    why = "delete-image was tried: its effect does not show yet"
    assert decided(REMOVE, asked, at_s=39, **seen) == Wait(why, at(40))
    assert isinstance(decided(REMOVE, asked, at_s=40, **seen), Start)


def test_the_swap_of_an_update_without_effect_succeeds_whatever_became_of_the_image() -> None:
    assert decided(UPDATE, work(), undoes=True) == Succeed("image")
    seen = image(made_by=FIRST)
    other = asks("Update", physical_id="first", old="first")
    assert decided(other, work(), undoes=True, cluster=seen) == Succeed("first", seen)


def test_a_rollback_to_an_image_that_was_refused_succeeds_once_nothing_may_act_any_more() -> None:
    back = asks("Update", Nonsense="1")
    assert decided(back, work(), undoes=True) == Succeed("image")
    assert decided(back, work(), undoes=True, pending="an engine runs") == Wait("an engine runs")
    assert isinstance(decided(back, work()), Fail)


# Resources that only ask

CLUSTERS = {"cluster_status": [], "name_prefix": ""}


def question(request_type: str = "Create", kind: str = "PclusterClusterInfo", **asked: Any) -> Request:
    return request(
        request_type, ResourceType=f"Custom::{kind}", ResourceProperties={"ServiceToken": TOKEN, **asked}
    )


LIST, ONE = question(), question(ClusterName="hpc")
OFFICIAL = question(kind="PclusterOfficialImage", Os="rhel9")
LISTS = Start(EngineAction.LIST_CLUSTERS, "", arguments=CLUSTERS)
ID = read_only_id(OWNER)


def asked(**facts: Any) -> Any:
    return progress(**{"cluster_name": "", **facts})


def test_a_question_is_one_call_of_the_engine() -> None:
    assert decided(LIST, asked()) == LISTS
    assert decided(ONE, asked()) == Start(EngineAction.DESCRIBE, "hpc")
    arguments = {"os": "rhel9", "architecture": "x86_64"}
    assert decided(OFFICIAL, asked()) == Start(EngineAction.LIST_OFFICIAL_IMAGES, "", arguments=arguments)


def test_a_question_needs_an_engine_of_its_version() -> None:
    text = failure(decided(LIST, asked(), engines=frozenset()), VersionMismatch, MARKER)
    assert text.startswith("VersionMismatch: clusters: it needs an engine for ParallelCluster 3.16.1")


def test_a_question_is_answered_with_what_was_found() -> None:
    found = EngineResult("succeeded")
    assert decided(LIST, asked(description=found)) == Succeed(ID, description=found)
    images = EngineResult("succeeded", images=[{"amiId": "ami-1"}])
    assert decided(OFFICIAL, asked(description=images)) == Succeed(ID, description=images)
    nothing = failure(decided(OFFICIAL, asked(description=found)), NotFound, MARKER)
    assert "official image of rhel9 for x86_64: there is none." in nothing


def test_a_cluster_whose_head_node_is_not_known_is_asked_after_until_the_last_minute() -> None:
    partly = EngineResult("succeeded", head_node="unknown")
    so_far = asked(description=partly, described_at=at(10))
    why = "it was asked for: the head node's values are not known yet"
    assert decided(ONE, so_far, at_s=39) == Wait(why, at(40))
    assert decided(ONE, so_far, at_s=40) == Start(EngineAction.DESCRIBE, "hpc")
    assert isinstance(decided(ONE, so_far, at_s=DEADLINE_S - 61), Start)
    assert decided(ONE, so_far, at_s=DEADLINE_S - 60) == Succeed(ID, description=partly)


@pytest.mark.parametrize(
    ("code", "kind", "what"),
    [
        ("NotFound", NotFound, "cluster hpc: it does not exist."),
        ("BadRequest", InvalidProperty, "cluster hpc: no."),
        ("VersionMismatch", VersionMismatch, "cluster hpc: no."),
        ("Unheard", EngineFailed, "cluster hpc: no. The engine's log group has the details."),
    ],
)
def test_the_refusal_of_a_question_is_reported_in_its_own_words(
    code: str, kind: type[ProviderError], what: str
) -> None:
    assert what in failure(decided(ONE, asked(not_described=EngineError(code, "no"))), kind, MARKER)


def test_a_question_is_asked_again_while_its_error_may_pass() -> None:
    died = EngineError("Internal", "no")
    lists = {"reads": EngineAction.LIST_CLUSTERS}
    assert decided(LIST, asked(**lists, not_described=died, describe_failures=2)) == LISTS
    text = failure(
        decided(LIST, asked(**lists, not_described=died, describe_failures=3)), EngineFailed, MARKER
    )
    assert "clusters: no." in text
    slow = EngineError("Throttled", "slow")
    busy = asked(**lists, not_described=slow, describe_failures=9, described_at=at(10))
    pause = decided(LIST, busy, at_s=39)
    assert isinstance(pause, Wait)
    assert pause.why == "it was asked for: slow"
    assert pause.until is not None
    assert at(40) <= pause.until < at(70), "calls that AWS turned away come back spread"
    assert decided(LIST, busy, at_s=70) == LISTS


def test_a_delete_of_a_question_succeeds_at_once() -> None:
    assert decided(question("Delete"), asked()) == Succeed("hpc")
    wrong = request(
        "Delete", ResourceType="Custom::PclusterClusterInfo", ResourceProperties={"Nonsense": "1"}
    )
    assert decided(wrong, asked()) == Succeed("hpc")


def test_the_swap_of_a_question_that_failed_succeeds() -> None:
    again = question("Update", ClusterName="hpc")
    refused = asked(not_described=NOT_FOUND)
    assert decided(again, refused, undoes=True) == Succeed("hpc")
    assert isinstance(decided(again, refused), Fail)
