"""A create says what is known of its release, and is not refused for it."""

import copy
from datetime import timedelta

import pytest

from cluster_engine import actions, advice, dry_run
from cluster_engine.contract import RESULT_MAX_BYTES, Call, EngineError, size_bytes, succeeded
from cluster_engine.gate import Gate
from cluster_schema import versions
from cluster_schema.advisories import Severity, advisories_for
from tests.contract.engine.conftest import NOW, OWNER_TAGS, VERSION, question, validator

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]


def advised(result):
    return [each for each in result.get("validation_messages", []) if each["type"] == advice.TYPE]


def create_with(engine, configuration, version, **arguments):
    """A create as the engine of another version answers it; the library is the installed one."""
    event = engine.event("create", configuration, stack_tags=OWNER_TAGS, arguments=arguments)
    call = Call.parse(event)
    gate = Gate(
        token=call.call_id,
        stack_id=None,
        stack_tags=call.stack_tags,
        not_after=call.not_after,
        give_up_at=NOW + timedelta(minutes=9),
        now=engine.now,
    )
    result = succeeded(call, version, gate, actions.carry_out(call, version, gate))
    validator("result").validate(result)
    return result


@pytest.mark.skipif("3.14.0" not in versions(), reason="an engine as built has its own schema only")
def test_a_create_reports_the_worst_that_is_known_of_its_release_and_is_sent(engine, api, configuration):
    result = create_with(engine, configuration, "3.14.0")
    assert (result["status"], result["sent"], len(api.sent("CreateStack"))) == ("succeeded", True, 1)
    messages = advised(result)
    assert [each["message"].split()[0] for each in messages] == ["CVE-2026-25506", "aws-parallelcluster#7601"]
    assert {each["level"] for each in messages} == {"WARNING"}
    assert "3.14.2 or later" in messages[0]["message"]


@pytest.mark.skipif("3.14.0" not in versions(), reason="an engine as built has its own schema only")
def test_a_create_is_refused_for_advisories_of_a_severity_and_the_worst_comes_first(
    engine, api, configuration
):
    with pytest.raises(EngineError) as caught:
        create_with(engine, configuration, "3.14.0", refuse_advisories="high")
    assert (caught.value.code, api.sent("CreateStack")) == ("ClusterRejected", [])
    first, second = caught.value.validation_messages
    assert {each["level"] for each in (first, second)} == {"ERROR"}
    assert first["message"].startswith(
        "RefuseAdvisories of the provider stack (high) refuses ParallelCluster 3.14.0: CVE-2026-25506 "
    )
    assert "Move to 3.14.2 or later" in first["message"]
    assert " Source: https://github.com/aws/aws-parallelcluster/issues/7233" in first["message"]
    assert second["message"].startswith("aws-parallelcluster#7601 (high): ")
    with pytest.raises(EngineError) as caught:
        create_with(engine, configuration, "3.14.0", refuse_advisories="critical")
    assert len(caught.value.validation_messages) == 1


def test_a_create_of_a_release_without_such_an_advisory_is_sent(engine, api, configuration, monkeypatch):
    monkeypatch.setattr(advice, "advisories_for", lambda *_: [])
    arguments = {"refuse_advisories": "low"}
    result = engine("create", configuration, stack_tags=OWNER_TAGS, arguments=arguments)
    assert (result["status"], len(api.sent("CreateStack"))) == ("succeeded", 1)


def test_a_dry_run_refuses_for_the_same_advisory_in_the_same_words(cloud, engine, configuration, monkeypatch):
    found = advisories_for("3.14.0", configuration, NOW.date())
    monkeypatch.setattr(advice, "advisories_for", lambda *_: found)
    arguments = {"refuse_advisories": "high"}
    asked = question(cloud, configuration, arguments=arguments)
    foretold = dry_run.run(copy.deepcopy(asked))
    refused = engine("create", configuration, stack_tags=OWNER_TAGS, arguments=arguments)["error"]
    assert foretold["error"]["code"] == "ClusterRejected"
    assert foretold["error"]["message"] == refused["message"]
    assert "error" not in dry_run.run(asked | {"arguments": {}})


def test_a_create_of_this_release_reports_what_is_known_of_it(engine, configuration):
    result = engine("create", configuration, stack_tags=OWNER_TAGS)
    known = [
        each.sentence()
        for each in advisories_for(VERSION, configuration, NOW.date())
        if each.severity <= Severity.WARNING
    ]
    assert [each["message"] for each in advised(result)] == known[: advice.MESSAGES_MAX]


def test_an_update_says_nothing_of_the_release(update):
    result = update(lambda wanted: wanted["Scheduling"]["SlurmQueues"][0]["ComputeResources"].pop())
    assert advised(result) == []


def test_messages_are_few_and_leave_room_in_a_result():
    everything = {
        "Image": {"Os": "centos7"},
        "Scheduling": {"Scheduler": "slurm", "SlurmSettings": {"Database": {"Uri": "db"}}},
        "SharedStorage": [{"FsxLustreSettings": {"StorageCapacity": 1200}}],
    }
    messages = advice.messages("3.3.0", everything, NOW.date())
    assert len(messages) == advice.MESSAGES_MAX
    assert size_bytes(messages) < RESULT_MAX_BYTES // 100
