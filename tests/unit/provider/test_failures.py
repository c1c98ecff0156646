"""From what the engine or a stack reported to the error that the template's author reads."""

from typing import Any

import pytest

from cluster_provider.core import failures, image_failures
from cluster_provider.core.engine import EngineError
from cluster_provider.core.errors import ERRORS, ClusterFailed, InvalidProperty, NotFound
from cluster_provider.core.observed import ClusterStack, Observed, StackFailure
from cluster_provider.core.properties import parse_properties
from tests.support.cases import OWNER, at, stack
from tests.support.fakes import stack_of
from tests.support.world import CONFIGURATION


def message(text: str, level: str, kind: str = "Validator") -> dict[str, str]:
    return {"level": level, "type": kind, "message": text}


def test_messages_are_listed_worst_first_and_each_text_once() -> None:
    said = [
        message("a", "INFO"),
        message("b", "WARNING"),
        message("c", "ERROR"),
        message("d", "STRANGE"),
        message("a", "ERROR", "Worse"),
        message("c", "WARNING"),
        message("b", "WARNING", "Again"),
    ]
    assert failures.worst_first(said) == [
        message("a", "ERROR", "Worse"),
        message("c", "ERROR"),
        message("b", "WARNING"),
        message("d", "STRANGE"),
    ]
    unknown = failures.worst_first([message("y", "STRANGE"), message("x", "INFO")])
    assert [item["message"] for item in unknown] == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [("a", "a."), ("a.", "a."), ("a!", "a!"), ("a?", "a?"), (" a\n  b\t", "a b."), ("a:", "a:.")],
)
def test_a_sentence_is_one_line_with_a_full_stop(text: str, clean: str) -> None:
    assert failures.sentence(text) == clean


def failed(reason: str, logical_id: str = "HeadNode") -> StackFailure:
    return StackFailure(logical_id, "AWS::EC2::Instance", "CREATE_FAILED", reason, at(0))


def test_the_root_cause_is_the_first_resource_that_was_not_merely_cancelled() -> None:
    causes = (failed("Resource creation Cancelled", "First"), failed("no capacity"), failed("later", "Last"))
    assert failures.root_cause(stack("CREATE_FAILED"), causes) == (
        "HeadNode (AWS::EC2::Instance) CREATE_FAILED: no capacity."
    )


def test_without_a_cause_the_stacks_own_reason_is_reported() -> None:
    cancelled = (failed("Resource creation cancelled"),)
    reason = stack("CREATE_FAILED", reason="it was stopped")
    assert failures.root_cause(reason, cancelled) == "the stack is CREATE_FAILED: it was stopped."
    assert failures.root_cause(stack("CREATE_FAILED"), ()) == (
        "the stack is CREATE_FAILED: no reason was given."
    )


def test_a_clusters_failure_has_parallelclusters_codes_and_the_log_group() -> None:
    seen = stack_of("hpc", "CREATE_FAILED", parameters={"ClusterCWLogGroup": "/aws/hpc"})
    codes = [{"failureCode": "HeadNodeBootstrapFailure", "failureReason": "it broke"}]
    assert str(failures.cluster_failure(seen, (failed("no capacity"),), codes)) == (
        "ClusterFailed: cluster hpc: HeadNode (AWS::EC2::Instance) CREATE_FAILED: no capacity. "
        "HeadNodeBootstrapFailure: it broke. Logs of the nodes: CloudWatch log group /aws/hpc; "
        "read them with pcluster-cfn logs hpc, or aws logs tail /aws/hpc --since 1d."
    )
    silent = stack_of("hpc", "CREATE_FAILED", parameters={"ClusterCWLogGroup": "NONE"})
    assert failures.cluster_failure(silent, ()).next_step == ""


def test_every_fault_of_a_configuration_is_reported_with_its_place_and_a_suggestion() -> None:
    details = [
        {"path": ".HeadNode", "value": "'x'", "expected": "a map", "suggestion": "HeadNodes"},
        {"path": ".Image", "value": "1", "expected": "a text"},
    ]
    refused = failures.rejection(EngineError("ConfigurationInvalid", "no", details), (), "hpc")
    assert isinstance(refused, InvalidProperty)
    assert refused.where == "ClusterConfiguration.HeadNode"
    assert refused.what.startswith("'x' is not ")
    assert refused.what.endswith("; expected a map. Did you mean HeadNodes?")
    (other,) = refused.others
    assert other.startswith("ClusterConfiguration.Image: 1 is not ")
    assert other.endswith("; expected a text.")


def test_parallelcluster_s_own_words_for_a_misfit_win_over_what_is_expected() -> None:
    detail = {"path": "/Ssh/KeyName", "value": "'x'", "expected": "a known key: A", "message": "It is gone"}
    refused = failures.rejection(EngineError("ConfigurationInvalid", "no", [detail]), (), "hpc")
    assert (refused.where, refused.what) == ("ClusterConfiguration/Ssh/KeyName", "It is gone.")


def test_what_the_validators_said_is_the_refusal() -> None:
    said = [message("less", "INFO"), message("worse", "ERROR")]
    refused = failures.rejection(EngineError("ClusterRejected", "no"), said, "hpc")
    assert (refused.what, refused.others) == ("ERROR Validator: worse.", ("INFO Validator: less.",))


FLEET = {"parameter": "A", "currentValue": 1, "requestedValue": 2, "message": "stop", "cure": "fleet-stop"}
STOP_IT = (
    "The cluster was not changed. Set ComputeFleetUpdatePolicy: StopAndRestart to have the compute fleet "
    "stopped for updates, and started again."
)
OTHER = {"parameter": "B", "currentValue": "x", "requestedValue": "y", "message": "no", "cure": ""}


@pytest.mark.parametrize(
    ("details", "way_out", "is_cured"),
    [
        ([], "The cluster was not changed.", False),
        ([OTHER], "The cluster was not changed.", False),
        (
            [FLEET],
            STOP_IT,
            True,
        ),
        (
            [FLEET, OTHER, {**OTHER, "parameter": "C"}],
            "The cluster was not changed. A stopped compute fleet would allow all of it but B, C.",
            False,
        ),
    ],
)
def test_a_refused_update_says_what_a_stopped_fleet_would_do(
    details: list[dict[str, Any]], way_out: str, is_cured: bool
) -> None:
    error = EngineError("UpdateRejected", "Update failure", details)
    assert failures.rejection(error, (), "hpc").next_step == way_out
    assert failures.is_cured_by_fleet_stop(error) is is_cured


def test_a_refused_update_names_each_change() -> None:
    refused = failures.rejection(EngineError("UpdateRejected", "Update failure", [FLEET, OTHER]), (), "hpc")
    assert (refused.what, refused.others) == ("A from 1 to 2: stop.", ("B from 'x' to 'y': no.",))
    assert failures.rejection(EngineError("UpdateRejected", "no"), (), "hpc").what == "no."
    bare = failures.rejection(EngineError("UpdateRejected", "no", [{}]), (), "hpc")
    assert bare.what == "None from None to None: ."


@pytest.mark.parametrize(
    ("version", "wanted", "text"),
    [
        ("3.16.1", None, ""),
        ("3.16.1", "3.16.1", ""),
        ("3.16.1", "3.14.0", "cluster hpc was made with 3.16.1, and 3.14.0 is asked for."),
        ("3.14.0", None, "it needs an engine for ParallelCluster 3.14.0; the provider has 3.16.0, 3.16.1."),
        (None, None, "it needs an engine for ParallelCluster an unknown version"),
    ],
)
def test_a_cluster_is_updated_by_an_engine_of_its_version(
    version: str | None, wanted: str | None, text: str
) -> None:
    raw = {"ClusterName": "hpc", "ClusterConfiguration": CONFIGURATION}
    if wanted is not None:
        raw["PclusterVersion"] = wanted
    observed = Observed(engines=frozenset({"3.16.1", "3.16.0"}))
    mismatch = failures.version_mismatch(stack(version=version), parse_properties(raw, ""), observed)
    assert (text in str(mismatch)) if text else mismatch is None


def image_stack(**tags: str) -> ClusterStack:
    return stack_of("img", "CREATE_FAILED", tags)


def test_an_images_failure_names_the_builds_log() -> None:
    logged = image_failures.failure(image_stack(**{"parallelcluster:build_log": "arn:log"}), (failed("no"),))
    assert logged.next_step == "The build's log: arn:log."
    assert logged.what == "HeadNode (AWS::EC2::Instance) CREATE_FAILED: no."
    assert image_failures.failure(image_stack(), ()).next_step == ""


def test_a_failed_cluster_of_another_stack_says_whose_it_is() -> None:
    text = str(failures.owned_by_another(stack(), OWNER))
    assert f"the cluster belongs to resource Cluster of stack {OWNER.stack_id}" in text


# The errors themselves

WHOLE = ClusterFailed("cluster hpc", "it failed.", "Repair it.", ["First.", "Second."])


def test_an_error_names_its_place_its_cause_the_other_causes_and_the_way_out() -> None:
    assert str(WHOLE) == "ClusterFailed: cluster hpc: it failed. First. Second. Repair it."
    assert str(ClusterFailed("a", "b.")) == "ClusterFailed: a: b."


def test_an_error_becomes_shorter_by_its_least_important_causes() -> None:
    assert list(WHOLE.texts("/l")) == [
        "ClusterFailed: cluster hpc: it failed. First. Second. Repair it.",
        "ClusterFailed: cluster hpc: it failed. First. 1 more left out; all are in log group /l. Repair it.",
        "ClusterFailed: cluster hpc: it failed. 2 more left out; all are in log group /l. Repair it.",
    ]
    assert list(ClusterFailed("a", "b.").texts("/aws/log")) == ["ClusterFailed: a: b."]


def test_an_error_with_another_way_out_is_otherwise_the_same() -> None:
    other = WHOLE.but("Wait.")
    assert str(other) == "ClusterFailed: cluster hpc: it failed. First. Second. Wait."
    assert type(other) is ClusterFailed


def test_errors_are_equal_by_their_kind_and_their_words() -> None:
    same = ClusterFailed("cluster hpc", "it failed.", "Repair it.", ["First.", "Second."])
    assert same == WHOLE
    assert hash(same) == hash(WHOLE)
    assert WHOLE.but("Wait.") != WHOLE
    assert NotFound("a", "b") != ClusterFailed("a", "b")
    assert str(WHOLE) != WHOLE


def test_every_code_that_a_response_can_begin_with_is_known() -> None:
    assert set(ERRORS) >= {
        "MalformedRequest",
        "MissingProperty",
        "InvalidProperty",
        "NotOwner",
        "NotFound",
        "ClusterRejected",
        "VersionMismatch",
        "ClusterFailed",
        "ImageRejected",
        "ImageFailed",
        "EngineFailed",
        "DeadlineExceeded",
    }
    assert all(ERRORS[code]("a", "b").code == code for code in ERRORS)
