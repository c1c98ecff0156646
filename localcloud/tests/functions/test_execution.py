"""How a function runs: warm and cold, its surroundings, its failures, its logs."""

import base64
import concurrent.futures
import os
import sys
from datetime import datetime

import pytest
from tests.support.functions import archive, call, deploy, invocations, role, settle

ECHO = "def handler(event, context): return event"


def test_a_function_returns_what_its_handler_returns(cloud):
    response = call(cloud, deploy(cloud, ECHO), {"hello": ["world", 1, None]})
    assert response["StatusCode"] == 200
    assert response["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in response
    assert response["Payload"] == {"hello": ["world", 1, None]}


def test_the_first_invocation_is_cold_and_the_next_is_warm(cloud):
    name = deploy(
        cloud,
        """
        count = 0
        def handler(event, context):
            global count
            count += 1
            return count
        """,
    )
    assert [call(cloud, name)["Payload"] for _ in range(3)] == [1, 2, 3]
    assert [record["cold"] for record in invocations(cloud, name)] == [True, False, False]


def test_an_exception_is_a_function_error_with_type_message_and_trace(cloud):
    name = deploy(cloud, "def handler(event, context): raise ValueError('no such thing')")
    response = call(cloud, name)
    assert response["StatusCode"] == 200
    assert response["FunctionError"] == "Unhandled"
    assert response["Payload"]["errorType"] == "ValueError"
    assert response["Payload"]["errorMessage"] == "no such thing"
    assert "app.py" in response["Payload"]["stackTrace"][0]
    call(cloud, name)
    assert [(r["outcome"], r["cold"]) for r in invocations(cloud, name)] == [
        ("function error", True),
        ("function error", False),
    ]


def test_a_function_that_exceeds_its_timeout_is_killed_and_starts_cold_again(cloud):
    name = deploy(
        cloud,
        """
        import threading
        def handler(event, context):
            if event["hang"]:
                threading.Event().wait(60)
            return "done"
        """,
        Timeout=1,
    )
    response = call(cloud, name, {"hang": True})
    assert response["FunctionError"] == "Unhandled"
    assert response["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert call(cloud, name, {"hang": False})["Payload"] == "done"
    assert [(r["outcome"], r["cold"]) for r in invocations(cloud, name)] == [
        ("timeout", True),
        ("success", True),
    ]


def test_a_process_that_ends_is_an_exit_error_and_the_next_invocation_is_cold(cloud):
    name = deploy(
        cloud,
        """
        import os
        def handler(event, context):
            if event["crash"]:
                os._exit(3)
            return "alive"
        """,
    )
    response = call(cloud, name, {"crash": True})
    assert response["Payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in response["Payload"]["errorMessage"]
    assert call(cloud, name, {"crash": False})["Payload"] == "alive"
    assert [r["outcome"] for r in invocations(cloud, name)] == ["crash", "success"]


def test_a_module_that_cannot_be_imported_is_an_initialisation_error(cloud):
    name = deploy(cloud, "import not_a_module")
    response = call(cloud, name)
    assert response["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "not_a_module" in response["Payload"]["errorMessage"]
    assert [r["outcome"] for r in invocations(cloud, name)] == ["init error"]


def test_a_response_above_six_megabytes_is_an_error(cloud):
    response = call(cloud, deploy(cloud, "def handler(event, context): return 'x' * 6_500_000"))
    assert response["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_sees_its_own_and_lambdas_variables_and_nothing_of_this_process(cloud):
    name = deploy(
        cloud,
        "import os\ndef handler(event, context): return dict(os.environ)",
        Environment={"Variables": {"MINE": "mine"}},
        MemorySize=256,
    )
    variables = call(cloud, name)["Payload"]
    expected = {
        "MINE": "mine",
        "_HANDLER": "app.handler",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_SECRET_ACCESS_KEY": cloud.environment["AWS_SECRET_ACCESS_KEY"],
    }
    assert {key: variables.get(key) for key in expected} == expected
    # Of its own, so that the cloud can tell who calls.
    assert variables["AWS_ACCESS_KEY_ID"] != cloud.environment["AWS_ACCESS_KEY_ID"]
    assert variables["HOME"] != os.environ.get("HOME")
    assert "PYTHONPATH" not in variables
    assert "PYTEST_CURRENT_TEST" not in variables


def test_context_names_the_function_and_its_deadline(cloud):
    name = deploy(
        cloud,
        """
        def handler(event, context):
            return [context.invoked_function_arn, context.get_remaining_time_in_millis()]
        """,
        Timeout=7,
    )
    arn, remaining_ms = call(cloud, name)["Payload"]
    assert arn.endswith(f":function:{name}")
    assert 5_000 < remaining_ms <= 7_000


def test_a_layer_brings_modules_and_programs_and_the_function_goes_first(cloud):
    layer = cloud.client("lambda").publish_layer_version(
        LayerName="tools",
        Content={
            "ZipFile": archive(
                {
                    "python/from_layer.py": "where = 'layer'",
                    "python/in_both.py": "where = 'layer'",
                    "bin/tell": "#!/bin/sh\necho told",
                }
            )
        },
        CompatibleArchitectures=["x86_64"],
    )
    source = """
        import subprocess
        import from_layer, in_both
        def handler(event, context):
            told = subprocess.run(["tell"], capture_output=True, text=True, check=True).stdout
            return [from_layer.where, in_both.where, told]
        """
    name = f"layered-{layer['Version']}"
    cloud.client("lambda").create_function(
        FunctionName=name,
        Role=role(cloud),
        Runtime="python3.12",
        Handler="app.handler",
        Timeout=10,
        Layers=[layer["LayerVersionArn"]],
        Code={"ZipFile": archive({"app.py": source, "in_both.py": "where = 'function'"})},
    )
    settle(cloud)
    assert call(cloud, name)["Payload"] == ["layer", "function", "told\n"]
    cloud.client("lambda").delete_layer_version(LayerName="tools", VersionNumber=layer["Version"])
    cloud.client("lambda").update_function_configuration(FunctionName=name, Timeout=11)
    assert call(cloud, name)["Payload"] == ["layer", "function", "told\n"]


def test_packages_beside_the_function_are_those_of_this_virtual_environment(cloud):
    name = deploy(
        cloud, "import sys, botocore\ndef handler(event, context): return [sys.path, botocore.__file__]"
    )
    path, botocore_file = call(cloud, name)["Payload"]
    assert botocore_file.startswith(sys.prefix)
    assert not any(entry.endswith("localcloud") for entry in path)
    assert os.getcwd() not in path  # noqa: PTH109 - compared as text


def test_new_code_and_new_settings_take_effect_at_the_next_invocation(cloud):
    name = deploy(cloud, "import os\ndef handler(event, context): return ['old', os.environ.get('NEW')]")
    client = cloud.client("lambda")
    assert call(cloud, name)["Payload"] == ["old", None]
    client.update_function_code(
        FunctionName=name,
        ZipFile=archive(
            {"app.py": "import os\ndef handler(event, context): return ['new', os.environ.get('NEW')]"}
        ),
    )
    assert call(cloud, name)["Payload"] == ["new", None]
    settle(cloud)
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"NEW": "1"}})
    assert call(cloud, name)["Payload"] == ["new", "1"]


def test_code_comes_from_a_bucket_as_well(cloud):
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(Bucket=bucket, Key="app.zip", Body=archive({"app.py": ECHO}))
    name = deploy(cloud, "", Code={"S3Bucket": bucket, "S3Key": "app.zip"})
    assert call(cloud, name, 7)["Payload"] == 7


def test_code_that_is_not_there_is_refused(cloud):
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="GetObject"):
        deploy(cloud, "", Code={"S3Bucket": cloud.exports["ARTIFACT_BUCKET"], "S3Key": "no such key"})


def test_code_that_is_no_archive_is_refused(cloud):
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Could not unzip"):
        deploy(cloud, "", Code={"ZipFile": b"no archive"})


def test_a_container_image_is_refused_rather_than_not_run(cloud):
    client = cloud.client("lambda")
    with pytest.raises(
        client.exceptions.InvalidParameterValueException, match="container images are not run"
    ):
        deploy(cloud, "", PackageType="Image", Code={"ImageUri": "repository:tag"})


def test_a_function_reaches_this_cloud_through_its_sdk(cloud):
    name = deploy(
        cloud,
        """
        import boto3
        def handler(event, context):
            return boto3.client("sts").get_caller_identity()["Account"]
        """,
    )
    assert call(cloud, name)["Payload"] == "123456789012"


@pytest.mark.parametrize(
    ("attempt", "destination"),
    [
        ("socket.create_connection(('203.0.113.1', 443), timeout=1)", "203.0.113.1"),
        ("socket.getaddrinfo('sts.amazonaws.com', 443)", "sts.amazonaws.com"),
    ],
)
def test_a_function_reaches_nothing_else(cloud, attempt, destination):
    response = call(cloud, deploy(cloud, f"import socket\ndef handler(event, context): {attempt}"))
    assert response["Payload"]["errorType"] == "OutsideConnectionError"
    assert destination in response["Payload"]["errorMessage"]


def test_a_function_lives_in_the_clouds_time_cold_and_warm(cloud):
    name = deploy(
        cloud,
        """
        from datetime import datetime, timezone
        def handler(event, context):
            return [datetime.now(timezone.utc).isoformat(), context.get_remaining_time_in_millis()]
        """,
    )
    for _ in range(3):
        cloud.advance(7200)
        seen, remaining_ms = call(cloud, name)["Payload"]
        gap = datetime.fromisoformat(cloud.now()) - datetime.fromisoformat(seen)
        assert 0 <= gap.total_seconds() < 30
        assert 0 < remaining_ms <= 60_000
    assert [r["cold"] for r in invocations(cloud, name)] == [True, False, False]


def test_a_function_sleeps_in_the_clouds_time(cloud):
    name = deploy(
        cloud,
        """
        import time
        def handler(event, context):
            before = time.time()
            time.sleep(event)
            return [time.time() - before, context.get_remaining_time_in_millis()]
        """,
        Timeout=900,
    )
    slept_s, remaining_ms = call(cloud, name, 600)["Payload"]
    assert 600 <= slept_s < 620
    assert remaining_ms <= 300_000
    assert call(cloud, name, 1000)["Payload"]["errorMessage"].endswith("Task timed out after 900.00 seconds")
    records = invocations(cloud, name)
    assert [record["outcome"] for record in records] == ["success", "timeout"]
    assert max(record["duration_ms"] for record in records) < 20_000


def test_output_goes_to_the_functions_log_group(cloud):
    name = deploy(cloud, "def handler(event, context): print('a line of mine')")
    request_id = call(cloud, name)["ResponseMetadata"]["RequestId"]
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    messages = [event["message"] for event in events]
    assert messages[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert messages[1] == "a line of mine"
    assert messages[2] == f"END RequestId: {request_id}"
    assert messages[3].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "Init Duration" in messages[3]


def test_output_goes_to_the_log_group_that_is_configured(cloud):
    name = deploy(
        cloud, "def handler(event, context): print('here')", LoggingConfig={"LogGroup": "elsewhere"}
    )
    call(cloud, name)
    events = cloud.client("logs").filter_log_events(logGroupName="elsewhere")["events"]
    assert "here" in [event["message"] for event in events]


def test_the_tail_of_the_log_comes_with_the_response(cloud):
    response = call(cloud, deploy(cloud, "def handler(event, context): print('tail')"), LogType="Tail")
    assert "tail\n" in base64.b64decode(response["LogResult"]).decode()


def test_two_invocations_run_at_once_and_more_wait_for_a_warm_environment(cloud, tmp_path):
    name = deploy(
        cloud,
        """
        import os, threading
        from pathlib import Path
        me = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"].rpartition("]")[2]
        def handler(event, context):
            folder = Path(event)
            (folder / me).touch()
            for _ in range(900):
                if len(list(folder.iterdir())) == 2:
                    return "met"
                threading.Event().wait(0.01)
        """,
    )
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        responses = list(clients.map(lambda _: call(cloud, name, str(tmp_path)), range(4)))
    assert [response["Payload"] for response in responses] == ["met"] * 4
    assert sorted(r["cold"] for r in invocations(cloud, name)) == [False, False, True, True]


def test_a_deleted_function_is_gone(cloud):
    name = deploy(cloud, ECHO)
    client = cloud.client("lambda")
    call(cloud, name)
    client.delete_function(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        call(cloud, name)


def test_a_dry_run_runs_nothing(cloud):
    name = deploy(cloud, ECHO)
    assert call(cloud, name, InvocationType="DryRun")["StatusCode"] == 204
    assert invocations(cloud, name) == []


def test_a_payload_that_is_not_json_is_refused(cloud):
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName=deploy(cloud, ECHO), Payload=b"not json")


def test_a_version_keeps_the_code_it_was_published_with(cloud):
    client = cloud.client("lambda")
    name = deploy(cloud, "def handler(event, context): return 'first'")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_function_code(
        FunctionName=name, ZipFile=archive({"app.py": "def handler(event, context): return 'second'"})
    )
    answers = {qualifier: call(cloud, name, Qualifier=qualifier) for qualifier in ("1", "live", "$LATEST")}
    assert {q: r["Payload"] for q, r in answers.items()} == {
        "1": "first",
        "live": "first",
        "$LATEST": "second",
    }
    assert {q: r["ExecutedVersion"] for q, r in answers.items()} == {
        "1": "1",
        "live": "1",
        "$LATEST": "$LATEST",
    }


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"LONG": "x" * 4096}, "exceeded the 4KB limit"),
        (
            {"AWS_REGION": "here", "_HANDLER": "mine"},
            "Reserved keys .*: AWS_REGION, _HANDLER",
        ),
    ],
    ids=["too-large", "reserved"],
)
def test_environment_variables_that_lambda_refuses(cloud, variables, reason):
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=reason):
        deploy(cloud, ECHO, Environment={"Variables": variables})
    name = deploy(cloud, ECHO, Environment={"Variables": {"FITS": "x" * 4000}})
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=reason):
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
