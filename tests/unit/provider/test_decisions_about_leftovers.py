"""Rows that all kinds of requests share: leftovers, late ends, and answers at the begin of the work."""

from typing import Any

import pytest

from cluster_provider.core.actions import Action, Fail, Leave, Nothing, Resend, Start, Succeed, Wait
from cluster_provider.core.decision.case import last_chance, left_over, waited_for_until
from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import ClusterFailed, DeadlineExceeded, ImageFailed, InvalidProperty
from cluster_provider.core.identity import Kind, marker_id
from cluster_provider.core.observed import Leftover, StackFailure
from cluster_provider.core.state import Outcome, Phase
from tests.support.cases import (
    DEADLINE_S,
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
from tests.support.fakes import HANDLES
from tests.support.world import IMAGE_TYPE, TOKEN, failed_id, image_properties, properties

LAB = known("lab", reported=False)
DELETES_LAB = Start(EngineAction.DELETE, "lab", stack(name="lab").stack_id, version=VERSION)
CREATE = request("Create")
THREE = {"attempts": {"delete lab": 3}}


def lab(status: str = "CREATE_COMPLETE", **facts: Any) -> Leftover:
    """What an earlier request left."""
    return Leftover(LAB, stack(status, name="lab"), **facts)


def beside(leftover: Leftover, so_far: Any = None, **facts: Any) -> Action:
    return decided(CREATE, so_far, leftover=leftover, **facts)


# Before anything else


def test_nothing_is_done_while_an_engine_may_still_act() -> None:
    assert decided(CREATE, pending="an engine runs") == Wait("an engine runs")
    assert beside(lab(), pending="an engine runs") == Wait("an engine runs")


def test_what_an_earlier_request_left_is_deleted_first() -> None:
    assert beside(lab()) == DELETES_LAB
    assert beside(lab("CREATE_IN_PROGRESS")) == DELETES_LAB


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_a_leftover_that_cannot_be_deleted_now_is_waited_for(status: str) -> None:
    why = f"leftover cluster lab is {status}"
    assert beside(lab(status)) == Wait(why, watching=stack(name="lab").stack_id)


def test_a_leftover_without_a_stack_holds_nothing_up() -> None:
    assert isinstance(beside(Leftover(LAB, None)), Start)
    assert beside(Leftover(LAB, None)) != DELETES_LAB


def test_a_leftovers_deletion_is_repeated_after_half_a_minute() -> None:
    so_far = progress(call=call(EngineAction.DELETE, "Internal", name="lab"), attempts={"delete lab": 1})
    assert beside(lab(), so_far, at_s=39) == Wait("delete of lab was tried: no", at(40))
    assert beside(lab(), so_far, at_s=40) == DELETES_LAB


def test_a_leftover_that_three_calls_did_not_delete_stands_in_the_way_of_a_new_cluster_only() -> None:
    action = beside(lab(), progress(**THREE))
    assert isinstance(action, Fail)
    assert (type(action.error), action.physical_id) == (ClusterFailed, marker_id(OWNER))
    assert str(action.error).startswith("ClusterFailed: cluster lab: an earlier request left it")
    update = request("Update", ClusterConfiguration="a: b")
    changed = decided(update, progress(**THREE), leftover=lab(), cluster=stack(), known=known())
    assert isinstance(changed, Start)
    assert (changed.action, changed.cluster_name) == (EngineAction.UPDATE, "hpc")
    assert beside(lab(), progress(attempts={"delete lab": 2})) == DELETES_LAB


def test_a_leftover_is_not_given_up_while_it_is_being_deleted_or_was_just_tried() -> None:
    assert isinstance(beside(lab("DELETE_IN_PROGRESS"), progress(**THREE)), Wait)
    just = progress(call=call(EngineAction.DELETE, "Internal", name="lab"), **THREE)
    assert isinstance(beside(lab(), just, at_s=39), Wait)
    assert isinstance(beside(lab(), just, at_s=40), Fail)
    other = progress(call=call(EngineAction.DELETE, "Internal", name="other"), **THREE)
    assert isinstance(beside(lab(), other, at_s=39), Fail)


def test_a_delete_does_not_succeed_beside_a_leftover_that_cannot_be_deleted() -> None:
    delete = request("Delete")
    action = decided(delete, progress(**THREE), leftover=lab())
    assert isinstance(action, Fail)
    assert str(action.error).startswith("ClusterFailed: cluster lab: ")
    assert action.physical_id == "hpc"
    assert isinstance(decided(delete, progress(**THREE), leftover=lab(), cluster=stack()), Start)
    assert decided(delete, progress(**THREE)) == Succeed("hpc", gone=True)


def test_an_update_succeeds_beside_a_leftover_that_cannot_be_deleted() -> None:
    described = EngineResult("succeeded", cluster={"cloudFormationStackStatus": "CREATE_COMPLETE"})
    so_far = progress(description=described, **THREE)
    action = decided(request("Update"), so_far, leftover=lab(), cluster=stack(), known=known())
    assert action == Succeed("hpc", stack(), described)


IMAGE = known("img", reported=False, kind=Kind.IMAGE)
IMAGE_STACK = stack(name="img", made_by="request-9")
CREATE_IMAGE = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())


def test_an_image_that_is_left_over_is_deleted_with_its_own_tags_or_those_of_its_record() -> None:
    action = decided(CREATE_IMAGE, progress(cluster_name="image"), leftover=Leftover(IMAGE, IMAGE_STACK))
    assert action == Start(
        EngineAction.DELETE_IMAGE, "img", IMAGE_STACK.stack_id, IMAGE_STACK.owner_tags, VERSION
    )
    other = known("img", reported=False, kind=Kind.IMAGE, stack_id="arn:recorded", version="3.14.0")
    unseen = decided(CREATE_IMAGE, progress(cluster_name="image"), leftover=Leftover(other, None))
    tags = OWNER.tags("img", other.request_id)
    assert unseen == Start(EngineAction.DELETE_IMAGE, "img", "arn:recorded", tags, "3.14.0")
    untagged = stack(name="img", owner=None, version="3.15.0")
    without = decided(CREATE_IMAGE, progress(cluster_name="image"), leftover=Leftover(other, untagged))
    assert without == Start(EngineAction.DELETE_IMAGE, "img", untagged.stack_id, tags, "3.15.0")


def test_an_image_that_is_left_over_is_not_deleted_while_it_is_built() -> None:
    built = stack("CREATE_IN_PROGRESS", name="img")
    action = decided(CREATE_IMAGE, progress(cluster_name="image"), leftover=Leftover(IMAGE, built))
    assert action == Wait("leftover image img is CREATE_IN_PROGRESS", watching=built.stack_id)
    tried = progress(cluster_name="image", call=call(EngineAction.DELETE_IMAGE, "Internal", name="img"))
    waits = decided(CREATE_IMAGE, tried, at_s=39, leftover=Leftover(IMAGE, None))
    assert waits == Wait("delete-image of img was tried: no", at(40))


# Why it could not be deleted

ROOT = StackFailure("HeadNode", "AWS::EC2::Instance", "DELETE_FAILED", "it is in use", at(0))
TRIED = call(EngineAction.DELETE, "BadRequest", name="lab", message="it is protected")


@pytest.mark.parametrize(
    ("last", "leftover", "cause"),
    [
        (None, Leftover(LAB, None), "the engine was called 3 times and nothing came of it."),
        (TRIED, lab(), "it is protected."),
        (TRIED, Leftover(LAB, None), "it is protected."),
        (
            TRIED,
            lab("DELETE_FAILED", failures=(ROOT,)),
            "HeadNode (AWS::EC2::Instance) DELETE_FAILED: it is in use.",
        ),
        (None, lab(), "the stack is CREATE_COMPLETE: no reason was given."),
        (call(EngineAction.DELETE, "BadRequest", name="hpc"), lab(), "the stack is CREATE_COMPLETE"),
        (call(EngineAction.DELETE, name="lab"), lab(), "the stack is CREATE_COMPLETE"),
        (call(EngineAction.DELETE, name="lab", ended_s=None), lab(), "the stack is CREATE_COMPLETE"),
    ],
)
def test_the_cause_is_the_engines_word_or_the_stacks(last: Any, leftover: Leftover, cause: str) -> None:
    error = left_over(progress(call=last), leftover)
    assert isinstance(error, ClusterFailed)
    assert f"it could not be deleted: {cause}" in str(error)


def test_the_cause_of_an_image_names_an_image() -> None:
    error = left_over(progress(), Leftover(IMAGE, None))
    assert isinstance(error, ImageFailed)
    assert error.where == "image img"


# How long an end is waited for


@pytest.mark.parametrize(
    ("operation", "sent_s", "until_s"),
    [
        (EngineAction.UPDATE, 0, 360),
        (EngineAction.START_FLEET, 0, 360),
        (EngineAction.DESCRIBE, 0, 360),
        # Near the deadline: two minutes, or until a minute before it, whichever is later; never past it.
        (EngineAction.UPDATE, 3200, 3560),
        (EngineAction.DESCRIBE, 3200, 3330),
        (EngineAction.DESCRIBE, 3220, 3340),
        (EngineAction.START_FLEET, 3300, DEADLINE_S),
    ],
)
def test_an_answer_waits_for_a_calls_end(operation: EngineAction, sent_s: float, until_s: float) -> None:
    assert waited_for_until(call(operation, sent_s=sent_s), at(DEADLINE_S)) == at(until_s)


def test_the_last_chance_is_a_minute_before_the_deadline() -> None:
    assert last_chance(at(DEADLINE_S)) == at(DEADLINE_S - 60)


# An answer at the begin of the work

FOLLOWED = request("Create", WaitConditionHandle=f"{HANDLES}1")
BUSY = stack("CREATE_IN_PROGRESS", made_by=THIS)


def begins(at_s: float = 60, so_far: dict[str, Any] | None = None, **seen: Any) -> bool:
    """Whether a Create is answered when it begins; else its cluster, or something else, is waited for."""
    facts = {"signals": True, "effect_seen": True, **(so_far or {})}
    action = decided(FOLLOWED, progress(**facts), at_s=at_s, **{"cluster": BUSY, **seen})
    if action == Succeed("hpc", BUSY, begun=True):
        return True
    assert not isinstance(action, Succeed) or not action.begun
    return False


def test_an_answer_goes_out_when_the_stack_has_begun_and_a_wait_condition_waits() -> None:
    assert begins()
    assert begins(DEADLINE_S - 1)
    assert not begins(DEADLINE_S)
    assert not begins(so_far={"signals": False})
    assert not begins(so_far={"effect_seen": False})
    assert not begins(so_far={"phase": Phase.FOLLOWING})
    assert not begins(cluster=stack(made_by=THIS))
    assert not begins(cluster=None)


def test_an_answer_when_the_work_begins_waits_for_engines_and_leftovers() -> None:
    assert not begins(pending="an engine runs")
    assert not begins(leftover=lab())
    assert begins(leftover=lab(), so_far=THREE)
    assert not begins(leftover=lab("DELETE_IN_PROGRESS"), so_far=THREE)


# The last minutes


def test_a_request_that_is_not_done_at_its_deadline_says_what_was_last_seen() -> None:
    waits = {"cluster": BUSY}
    assert isinstance(decided(CREATE, at_s=DEADLINE_S - 1, **waits), Wait)
    late = decided(CREATE, at_s=DEADLINE_S, **waits)
    assert isinstance(late, Fail)
    assert str(late.error).startswith(
        "DeadlineExceeded: cluster hpc: not done in the time CloudFormation gives"
    )
    assert "last seen: cluster hpc is CREATE_IN_PROGRESS. Raise ServiceTimeout (at most 3600)" in str(
        late.error
    )
    assert (late.physical_id, late.unseen) == (failed_id(THIS), False)
    start = decided(CREATE, at_s=DEADLINE_S)
    assert isinstance(start, Fail)
    assert "last seen: the engine was about to create it." in str(start.error)
    assert start.physical_id == marker_id(OWNER)


def late(asked: Any, so_far: Any = None, **seen: Any) -> Fail:
    action = decided(asked, so_far, at_s=seen.pop("at_s", DEADLINE_S), **seen)
    assert isinstance(action, Fail)
    assert isinstance(action.error, DeadlineExceeded)
    return action


def test_a_late_create_answers_with_its_name_only_where_a_cluster_of_its_own_is_there() -> None:
    unseen = progress(stack_id=stack().stack_id)
    assert late(CREATE, unseen).physical_id == failed_id(THIS)
    other = stack("UPDATE_IN_PROGRESS", owner=None)
    adopts = request("Create", AdoptExisting="true")
    assert late(adopts, cluster=other).physical_id == marker_id(OWNER)
    taken = known(adopted_at=at(0), request_id=THIS, reported=False)
    assert late(adopts, unseen, cluster=other, known=taken).physical_id == marker_id(OWNER)
    update = request("Update", ClusterName="lab", ClusterNameUpdatePolicy="Replace")
    busy = stack("CREATE_IN_PROGRESS", name="lab", made_by=THIS)
    assert late(update, progress(cluster_name="lab"), cluster=busy).physical_id == "hpc"


def test_a_late_request_whose_call_may_still_act_says_that_this_was_not_seen() -> None:
    assert late(CREATE, pending="an engine runs").unseen


def test_a_late_request_names_what_it_waits_for() -> None:
    assert late(CREATE, leftover=lab()).error.where == "cluster lab"
    assert late(CREATE, leftover=lab("DELETE_IN_PROGRESS")).error.where == "cluster hpc"
    of_image = progress(cluster_name="image")
    assert late(CREATE_IMAGE, of_image).error.where == "image image"
    assert late(CREATE_IMAGE, of_image, leftover=Leftover(IMAGE, None)).error.where == "image img"
    asks = {"ServiceToken": TOKEN, "Os": "alinux2023"}
    question = request("Create", ResourceType="Custom::PclusterOfficialImage", ResourceProperties=asks)
    action = late(question, progress(cluster_name=""))
    assert action.error.where == "official image of alinux2023 for x86_64"
    assert action.error.next_step == "Raise ServiceTimeout (at most 3600) if it is lower."
    unnamed = late(request("Delete"), progress(cluster_name=""), pending="an engine runs")
    assert unnamed.error.where == "cluster hpc"


def test_what_is_followed_has_the_wait_conditions_hours() -> None:
    followed = progress(phase=Phase.FOLLOWING, signals=True, effect_seen=True)
    limit_s = 43_200 - 210
    assert isinstance(decided(FOLLOWED, followed, at_s=limit_s - 1, cluster=BUSY), Wait)
    action = late(FOLLOWED, followed, cluster=BUSY, at_s=limit_s)
    assert action.error.next_step == "A wait condition waits 12 hours at most."


# Answers that are written down

OUTCOME = Outcome("SUCCESS", "hpc", "{}")


def test_an_answer_is_left_to_its_sender_and_then_sent_again() -> None:
    written = progress(phase=Phase.ANSWERING, outcome=OUTCOME)
    assert decided(CREATE, written, at_s=60, sent_by=at(61)) == Leave(at(61))
    assert decided(CREATE, written, at_s=61, sent_by=at(61)) == Resend()
    assert decided(CREATE, written) == Resend()


def test_an_answer_is_sent_for_two_hours_and_a_signal_until_its_condition_gives_up() -> None:
    written = progress(phase=Phase.ANSWERING, outcome=OUTCOME)
    assert decided(CREATE, written, at_s=7200) == Resend()
    assert decided(CREATE, written, at_s=7201) == Nothing("CloudFormation no longer accepts it")
    signal = progress(phase=Phase.SIGNALLING, signal=OUTCOME)
    assert decided(FOLLOWED, signal, at_s=43_199) == Resend()
    assert decided(FOLLOWED, signal, at_s=43_200) == Nothing("CloudFormation no longer accepts it")


@pytest.mark.parametrize("phase", [Phase.ANSWERED, Phase.DROPPED])
def test_a_request_that_is_over_is_left_alone(phase: Phase) -> None:
    assert decided(CREATE, progress(phase=phase)) == Nothing(phase.value)


# Properties that cannot be used


def test_a_refused_request_fails_with_its_refusal() -> None:
    action = decided(request("Create", Nonsense="1"))
    assert isinstance(action, Fail)
    assert isinstance(action.error, InvalidProperty)
    assert (action.error.where, action.error.what) == ("Nonsense", "there is no such property.")
    assert action.error.next_step.startswith("Known are ")
    assert action.physical_id == marker_id(OWNER)


def test_a_refused_request_fails_with_all_that_was_wrong() -> None:
    action = decided(request("Create", Nonsense="1", Bogus="2"))
    assert isinstance(action, Fail)
    assert action.error.others == ("Bogus: there is no such property.",)


def test_a_rollback_to_refused_properties_succeeds_once_nothing_may_act_any_more() -> None:
    back = request("Update", Nonsense="1")
    assert decided(back, undoes=True) == Succeed("hpc")
    assert decided(back, undoes=True, pending="an engine runs") == Wait("an engine runs")
    assert isinstance(decided(back, undoes=True, leftover=lab()), Start)
    seen = stack("UPDATE_FAILED")
    described = progress(
        description=EngineResult("succeeded", cluster={"cloudFormationStackStatus": "UPDATE_FAILED"})
    )
    action = decided(back, described, undoes=True, cluster=seen, known=known())
    assert action == Succeed("hpc", seen, described.description)


def test_a_delete_of_refused_properties_deletes() -> None:
    delete = request("Delete", ResourceProperties=properties(Nonsense="1"))
    assert isinstance(decided(delete, cluster=stack(), known=known()), Start)


# Values of a success


def test_a_success_waits_for_values_of_the_final_state_until_the_last_minute() -> None:
    done = stack(made_by=THIS)
    describes = Start(EngineAction.DESCRIBE, "hpc", done.stack_id, version=VERSION)
    before = EngineResult("succeeded", cluster={"cloudFormationStackStatus": "CREATE_IN_PROGRESS"})
    unknown = EngineResult(
        "succeeded", cluster={"cloudFormationStackStatus": "CREATE_COMPLETE"}, head_node="unknown"
    )
    for description in (before, unknown, EngineResult("succeeded")):
        so_far = progress(description=description, described_at=at(10))
        why = "the head node's values are not known yet"
        assert decided(CREATE, so_far, at_s=39, cluster=done) == Wait(why, at(40))
        assert decided(CREATE, so_far, at_s=40, cluster=done) == describes
        assert decided(CREATE, so_far, at_s=DEADLINE_S - 61, cluster=done) == describes
        last = decided(CREATE, so_far, at_s=DEADLINE_S - 60, cluster=done)
        assert last == Succeed("hpc", done, description)
