"""What a head node does is read from its logs, at a bounded rate, and never an error."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.deploy.cluster_stacks import ClusterStack
from pcluster_cfn.deploy.head_node_boot import BootWatch, describe_boot
from tests.unit.deploy.cloudformation import refused
from tests.unit.deploy.reported import WAIT, event

STACK = ("Cluster", "c-hpc")
WAIT_PATH = "Cluster/c-hpc/HeadNodeWaitCondition2026"
STEP = "2026-11-30 06:00:00,000 [INFO] Running config {}"
RECIPE = "[2026-11-30T06:00:00] INFO: Processing template[/etc/x] action create ({} line 30)"


@pytest.mark.parametrize(
    ("cfn_init", "chef", "text"),
    [
        ([], [], ""),
        ([STEP.format("chefPrepEnv")], [], "prepares its environment"),
        ([STEP.format("chefPrepEnv"), STEP.format("shellRunPreInstall")], [], "runs OnNodeStart"),
        ([STEP.format("shellRunPostInstall")], [RECIPE.format("a::b")], "runs OnNodeConfigured"),
        ([STEP.format("chefConfig")], [RECIPE.format("a::b"), "x"], "configures itself (a::b)"),
        ([], ["Recipe: aws-slurm::config"], "configures itself (aws-slurm::config)"),
        ([STEP.format("somethingNew")], [], "runs somethingNew"),
        (["no step"], ["no recipe"], ""),
    ],
)  # fmt: skip
def test_the_newest_step_and_recipe_are_said_in_words(cfn_init, chef, text):
    assert describe_boot(cfn_init, chef) == text


class Logs:
    """CloudWatch Logs with the streams of one head node, and a request counter."""

    def __init__(self, refusal=None):
        self.lines = {"cfn-init": [STEP.format("chefConfig")], "chef-client": [RECIPE.format("a::b")]}
        self.requests = []
        self.refusal = refusal

    def describe_log_streams(self, **request):
        self._ask("describe_log_streams", request)
        names = [f"ip-10-0-0-1.i-1.{log}" for log in (*self.lines, "slurmctld")] + [
            "ip-10-0-0-2.i-2.cfn-init"
        ]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(self, **request):
        self._ask("get_log_events", request)
        assert request["startFromHead"] is False
        lines = self.lines[request["logStreamName"].removeprefix("ip-10-0-0-1.i-1.")]
        return {"events": [{"message": line, "timestamp": 1_764_482_400_000} for line in lines]}

    def _ask(self, operation, request):
        assert request["logGroupName"] == "/aws/c-hpc"
        self.requests.append(operation)
        if self.refusal:
            raise refused(self.refusal, operation)


def watch(logs, log_group="/aws/c-hpc"):
    watch = BootWatch(lambda: logs)
    watch.expect(STACK, ClusterStack("c-hpc", "arn", log_group))
    return watch


def booting(*, after=()):
    return [
        event("Cluster/c-hpc/HeadNode", "CREATE_COMPLETE", cluster="c-hpc", physical_id="i-1"),
        event(WAIT_PATH, "CREATE_IN_PROGRESS", kind=WAIT, cluster="c-hpc"),
        *after,
    ]


def polled(boots, times=40):
    return [activity for _ in range(times) if (activity := boots.poll())]


def test_a_head_node_that_boots_is_shown_with_what_its_logs_say():
    boots = watch(Logs())
    boots.observe(booting())
    (activity,) = polled(boots)
    assert activity.text == "head node configures itself (a::b)"
    assert "/".join(activity.path) == WAIT_PATH
    assert activity.at == datetime(2025, 11, 30, 6, 0, tzinfo=UTC)


def test_the_wait_may_begin_before_the_head_node_has_an_id():
    boots = watch(Logs())
    instance, wait = booting()
    boots.observe([wait])
    boots.observe([instance])
    assert len(polled(boots)) == 1


def test_logs_are_read_seldom_and_said_again_only_if_they_changed():
    logs = Logs()
    boots = watch(logs)
    boots.observe(booting())
    polled(boots, 80)
    assert len(logs.requests) <= 1 + 2 * 10
    logs.lines["chef-client"] = [RECIPE.format("c::d")]
    assert [activity.text for activity in polled(boots)] == ["head node configures itself (c::d)"]


@pytest.mark.parametrize("end", ["CREATE_COMPLETE", "CREATE_FAILED", "DELETE_COMPLETE"])
def test_after_the_boot_nothing_is_read(end):
    logs = Logs()
    boots = watch(logs)
    boots.observe(booting(after=[event(WAIT_PATH, end, kind=WAIT, cluster="c-hpc")]))
    assert (polled(boots), logs.requests) == ([], [])


def test_without_a_log_group_nothing_is_read():
    logs = Logs()
    boots = watch(logs, log_group="")
    boots.observe(booting())
    assert (polled(boots), logs.requests) == ([], [])


def test_a_denied_request_is_not_repeated():
    logs = Logs("AccessDeniedException")
    boots = watch(logs)
    boots.observe(booting())
    assert (polled(boots), len(logs.requests)) == ([], 1)


@pytest.mark.parametrize("code", ["ThrottlingException", "ResourceNotFoundException"])
def test_logs_that_are_not_there_yet_and_throttled_requests_are_asked_for_again(code):
    logs = Logs(code)
    boots = watch(logs)
    boots.observe(booting())
    assert polled(boots) == []
    logs.refusal = None
    assert len(polled(boots)) == 1


def test_any_other_refusal_is_an_error():
    boots = watch(Logs("InvalidParameterException"))
    boots.observe(booting())
    with pytest.raises(ClientError):
        polled(boots)
