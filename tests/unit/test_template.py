"""The template and the code agree on what both of them know."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfn_template.reading import read_plain
from cluster_provider.adapters.store import CLUSTER_INDEX, DUE_INDEX
from cluster_provider.core.deadline import ENGINE_LIMIT_S
from localcloud.iam.policy import Place
from tools.permissions.template import TEMPLATE as TEMPLATE_FILE
from tools.permissions.template import Names, Template

#: States in which nothing happens by itself any more.
#: Source: AWS CloudFormation API reference, Stack (StackStatus); imports and reviews do not concern clusters.
SETTLED = {
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "DELETE_COMPLETE",
    "DELETE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
}
#: The stack's events name the cause by then; the settled state may come after the deadline.
ROLLING_BACK = {"ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}


TEMPLATE = read_plain(TEMPLATE_FILE.read_text())
RESOURCES = TEMPLATE["Resources"]
ENGINE_TEMPLATE = read_plain(Path("engine.yaml").read_text())
HOOK_TEMPLATE = read_plain(Path("hook.yaml").read_text())


def test_a_fence_is_as_long_as_an_engine_can_run() -> None:
    assert RESOURCES["Engine"]["Properties"]["Timeout"] == ENGINE_LIMIT_S


def test_the_table_has_the_indexes_that_are_asked() -> None:
    indexes = RESOURCES["OperationsTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert {index["IndexName"] for index in indexes} == {DUE_INDEX, CLUSTER_INDEX}


def test_the_rule_fires_where_a_cluster_has_settled_or_begins_to_roll_back_and_for_no_other_state() -> None:
    pattern = RESOURCES["Provider"]["Properties"]["Events"]["ClusterStackSettled"]["Properties"]["Pattern"]
    assert set(pattern["detail"]["status-details"]["status"]) == SETTLED | ROLLING_BACK


@pytest.mark.parametrize("key", ["", "arn:aws:kms:us-east-1:123456789012:key/1"])
def test_every_queue_names_one_kind_of_encryption_so_that_a_change_of_the_key_takes_the_other_away(
    key: str,
) -> None:
    # Source: Amazon SQS API reference, SetQueueAttributes: only one server-side encryption option at a time.
    template = Template(TEMPLATE_FILE.read_text(), Names(Place("us-east-1"), "p"), {"KmsKeyArn": key})
    queues = [name for name, item in RESOURCES.items() if item["Type"] == "AWS::SQS::Queue"]
    assert len(queues) == 2
    for queue in map(template.properties, queues):
        assert (queue["SqsManagedSseEnabled"], queue.get("KmsMasterKeyId", "")) == (not key, key)


def test_the_default_engine_is_one_of_the_engines() -> None:
    variables = RESOURCES["Provider"]["Properties"]["Environment"]["Variables"]
    assert variables["ENGINES"]["Fn::Sub"].startswith(f"{variables['DEFAULT_ENGINE_VERSION']}=")


def test_lambda_never_repeats_an_engine_call_and_reports_its_end_either_way() -> None:
    invoke = RESOURCES["EngineInvokeConfig"]["Properties"]
    assert invoke["MaximumRetryAttempts"] == 0
    assert set(invoke["DestinationConfig"]) == {"OnSuccess", "OnFailure"}


def test_no_policy_allows_everything() -> None:
    policies = [item for name, item in RESOURCES.items() if name.endswith("Policy")]
    actions = re.findall(r"'Action': (\[[^\]]*\]|'[^']*')", str([item["Properties"] for item in policies]))
    assert len(policies) >= 4
    assert actions
    assert not [action for action in actions if "'*'" in action]


def test_an_engine_beside_the_default_one_is_like_it() -> None:
    beside = ENGINE_TEMPLATE["Resources"]
    default = RESOURCES | {"Engine": _with_globals(RESOURCES["Engine"])}
    for name in set(beside) - {"ProviderMayInvoke"}:
        assert _settings(beside[name]) == _settings(default[name]), name


def _with_globals(function: dict[str, Any]) -> dict[str, Any]:
    return {"Properties": TEMPLATE["Globals"]["Function"] | function["Properties"]}


def _settings(resource: dict[str, Any]) -> dict[str, Any]:
    """What a resource is like, without what names others in its own template."""
    others = {"Role", "LoggingConfig", "DestinationConfig"}
    return {key: value for key, value in resource["Properties"].items() if key not in others}


def test_an_engine_takes_what_the_provider_stack_gives_under_the_same_names() -> None:
    needed = {name for name, item in ENGINE_TEMPLATE["Parameters"].items() if "Default" not in item}
    assert needed == {"ServiceToken", "ProviderRole", "EngineRole", "EngineLogGroup"}
    assert needed <= TEMPLATE["Outputs"].keys()


def test_the_hook_takes_what_the_provider_stack_gives_under_the_same_names() -> None:
    needed = {name for name, item in HOOK_TEMPLATE["Parameters"].items() if "Default" not in item}
    assert needed == {"ServiceToken", "EngineRole", "EngineLogGroup", "LambdaLayerArn"}
    assert needed <= TEMPLATE["Outputs"].keys()


def test_the_hooks_dry_run_is_the_engine_with_an_entry_point_that_only_asks() -> None:
    asks = HOOK_TEMPLATE["Resources"]["DryRun"]["Properties"]
    engine = ENGINE_TEMPLATE["Resources"]["Engine"]["Properties"]
    same = ("Architectures", "CodeUri", "Environment", "MemorySize", "Role", "Runtime")
    assert {name: asks[name] for name in same} == {name: engine[name] for name in same}
    version = HOOK_TEMPLATE["Resources"]["Hook"]["Properties"]["Environment"]["Variables"]["PCLUSTER_VERSION"]
    assert (
        version == RESOURCES["Provider"]["Properties"]["Environment"]["Variables"]["DEFAULT_ENGINE_VERSION"]
    )


def test_the_hook_itself_may_change_nothing_but_its_table() -> None:
    statements = HOOK_TEMPLATE["Resources"]["HookPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    actions = {action for item in statements for action in _listed(item["Action"])}
    changing = {action for action in actions if not re.search(r":(Describe|Get|List)", action)}
    assert changing == {
        "dynamodb:PutItem",
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert not [item for item in statements if "*" in _listed(item["Resource"])]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_provider_reports_the_version_that_is_released() -> None:
    released = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    (reported,) = re.findall(r'PROVIDER_VERSION: "(.*)"', TEMPLATE_FILE.read_text())
    assert reported == released
