"""Runtimes: Lambda's blocks by the cloud's clock, and functions run with another Python than they name."""

import json
import sys
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.support.functions import archive, call, deploy, invocations, role, settle

from localcloud.cloud import Cloud
from localcloud.functions.runtime_calendar import BLOCKS

ECHO = "def handler(event, context): return event"
OURS = f"python{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = "python3.12" if OURS == "python3.11" else "python3.11"
COMPILED_FOR_ANOTHER = {
    "app.py": "import native.speed\ndef handler(event, context): return event",
    "native/__init__.py": "",
    f"native/speed.cpython-{OTHER.removeprefix('python').replace('.', '')}-x86_64-linux-gnu.so": "ELF",
    "native/any.abi3.so": "ELF",
}


def refused_words(runtime):
    """Source: vittorio-nardone/disposable_app issue 3."""
    return (
        f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
        "functions. We recommend you use a supported runtime while creating or updating functions."
    )


def test_the_calendar_is_lambdas():
    data = resources.files("cfnlint.data.AdditionalSpecs") / "LmbdRuntimeLifecycle.json"
    calendar = json.loads(data.read_text(encoding="utf-8"))
    blocks = {name: [days["create-block"], days["update-block"]] for name, days in calendar.items()}
    assert {name: days for name, days in blocks.items() if days != [None, None]} == BLOCKS


def refusal(call_api, **parameters):
    with pytest.raises(ClientError) as refused:
        call_api(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def log_of(cloud, name):
    logs = cloud.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"] for event in events if event["message"].startswith("LOCALCLOUD")]


def stack_template(runtime, code=ECHO):
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "of-a-stack",
            "Runtime": runtime,
            "Handler": "index.handler",
            "Role": "arn:aws:iam::123456789012:role/function",
            "Code": {"ZipFile": code},
        },
    }
    return json.dumps({"Resources": {"Function": function}})


def status(cloud, name):
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return stack["StackStatus"]


def reasons(cloud, name):
    events = cloud.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]]


def test_a_function_of_a_blocked_runtime_is_refused_in_lambdas_words(cloud):
    create = cloud.client("lambda").create_function
    asked = {"FunctionName": "old", "Role": role(cloud), "Runtime": "python3.6", "Handler": "app.handler"}
    answer = refusal(create, **asked, Code={"ZipFile": archive({"app.py": ECHO})})
    assert answer == ("InvalidParameterValueException", refused_words("python3.6"))


def test_a_stack_with_a_function_of_a_blocked_runtime_fails(cloud):
    client = cloud.client("cloudformation")
    client.create_stack(StackName="old", TemplateBody=stack_template("python3.6"), OnFailure="DO_NOTHING")
    cloud.advance(120)
    assert status(cloud, "old") == "CREATE_FAILED"
    assert any(refused_words("python3.6") in reason for reason in reasons(cloud, "old"))


def test_blocks_come_with_the_clouds_time():
    with Cloud.start(skip_idle=False) as cloud:
        client, stacks = cloud.client("lambda"), cloud.client("cloudformation")
        code = {"ZipFile": archive({"app.py": ECHO})}
        name = deploy(cloud, ECHO, Runtime="python3.12")
        stacks.create_stack(StackName="stack", TemplateBody=stack_template("python3.12"))
        cloud.advance(60)
        assert status(cloud, "stack") == "CREATE_COMPLETE"
        words = ("InvalidParameterValueException", refused_words("python3.12"))

        pass_time_until(cloud, datetime(2028, 12, 1, tzinfo=UTC))  # created no more, updated still
        asked = {"FunctionName": "late", "Role": role(cloud), "Handler": "app.handler", "Code": code}
        assert refusal(client.create_function, **asked, Runtime="python3.12") == words
        client.update_function_configuration(FunctionName=name, MemorySize=256)

        pass_time_until(cloud, datetime(2029, 1, 10, tzinfo=UTC))  # updated no more
        configure, upload = client.update_function_configuration, client.update_function_code
        assert refusal(configure, FunctionName=name, MemorySize=512) == words
        assert refusal(upload, FunctionName=name, **code) == words
        assert call(cloud, name, {"still": "runs"})["Payload"] == {"still": "runs"}

        # A newer runtime is the way out, alone or with the code.
        configure(FunctionName=name, Runtime="python3.14")
        settle(cloud)
        upload(FunctionName=name, **code)
        changed = stack_template("python3.14", "def handler(event, context): return 2")
        stacks.update_stack(StackName="stack", TemplateBody=changed)
        cloud.advance(60)
        assert status(cloud, "stack") == "UPDATE_COMPLETE"
        assert call(cloud, "of-a-stack")["Payload"] == 2


def pass_time_until(cloud, instant):
    cloud.advance((instant - datetime.fromisoformat(cloud.now())).total_seconds())


def test_a_function_compiled_for_another_python_is_warned_of_once_with_what_to_do():
    with Cloud.start() as cloud:
        code = {"ZipFile": archive(COMPILED_FOR_ANOTHER)}
        name = deploy(cloud, ECHO, Runtime=OTHER, Code=code)
        assert cloud.warnings() == []  # nothing has run
        for _ in range(2):
            assert "native.speed" in call(cloud, name)["Payload"]["errorMessage"]
        assert [record["cold"] for record in invocations(cloud, name)] == [True, True]
        (warning,) = cloud.warnings()
        for words in (
            name,
            OTHER,
            OURS.removeprefix("python"),
            "speed.cpython",
            f"--function-python {OTHER}=",
        ):
            assert words in warning
        assert "more" not in warning.split("Start")[0]  # what any Python 3 loads does not count
        assert cloud.log.count(warning) == 1
        assert log_of(cloud, name) == [f"LOCALCLOUD {warning}"]


def test_a_function_of_another_python_without_compiled_modules_works_and_is_not_warned_of(cloud):
    name = deploy(cloud, ECHO, Runtime=OTHER)
    assert call(cloud, name, 1)["Payload"] == 1
    assert log_of(cloud, name) == []
    assert not any(name in warning for warning in cloud.warnings())


def test_a_function_in_another_language_is_created_and_its_invocation_names_the_gap(cloud):
    name = deploy(cloud, ECHO, Runtime="nodejs24.x")
    response = call(cloud, name)
    assert response["FunctionError"] == "Unhandled"
    message = "functions of nodejs24.x are not run (localcloud/GAPS.md, lambda.languages)"
    assert response["Payload"] == {"errorType": "Runtime.NotEmulated", "errorMessage": message}


def test_a_runtime_that_lambda_never_had_is_refused(cloud):
    with pytest.raises(ClientError, match=r"Value python4.0 at 'runtime' failed to satisfy constraint"):
        deploy(cloud, ECHO, Runtime="python4.0")


def test_the_python_that_counts_is_the_one_that_runs_the_function():
    code = {"ZipFile": archive(COMPILED_FOR_ANOTHER)}
    with Cloud.start(function_python={OTHER: Path(sys.executable)}) as cloud:
        name = deploy(cloud, ECHO, Runtime=OTHER, Code=code)
        assert "FunctionError" in call(cloud, name)
        (warning,) = cloud.warnings()
        assert f"runs with {OURS.replace('python', 'Python ')}" in warning


def test_a_function_that_has_the_python_of_its_runtime_is_not_warned_of(cloud):
    name = deploy(
        cloud, ECHO, Runtime=OURS, Code={"ZipFile": archive({**COMPILED_FOR_ANOTHER, "app.py": ECHO})}
    )
    assert call(cloud, name, 1)["Payload"] == 1
    assert log_of(cloud, name) == []
