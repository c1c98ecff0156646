"""Functions made by templates: layers, permissions, rules, destinations, custom resources."""

import json
import uuid
from textwrap import dedent

import pytest
from tests.support.functions import archive, call, invocations, message, role

from localcloud.testing.waiting import eventually

HANDLER = """
    import json
    import urllib.request
    from tool import answer

    def handler(event, context):
        if "ResponseURL" not in event:
            return answer
        body = json.dumps({
            "Status": "SUCCESS",
            "PhysicalResourceId": "custom",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": {"Answer": answer},
        }).encode()
        put = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
        urllib.request.urlopen(put)
"""


def template(bucket):
    return {
        "Parameters": {"Timeout": {"Type": "String", "Default": "5"}},
        "Resources": {
            "Layer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {
                    "LayerName": "tool",
                    "Content": {"S3Bucket": bucket, "S3Key": "layer.zip"},
                    "CompatibleArchitectures": ["x86_64"],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"S3Bucket": bucket, "S3Key": "function.zip"},
                    "Handler": "app.handler",
                    "Runtime": "python3.12",
                    "Role": "arn:aws:iam::123456789012:role/function",
                    "Timeout": {"Ref": "Timeout"},
                    "MemorySize": 512,
                    "Architectures": ["x86_64"],
                    "Layers": [{"Ref": "Layer"}],
                    "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
                    "Environment": {"Variables": {"NAME": {"Fn::Sub": "${AWS::StackName}"}}},
                    "Tags": [{"Key": "purpose", "Value": "test"}],
                },
            },
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Asynchronous": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": "1",
                    "MaximumEventAgeInSeconds": 3600,
                    "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Queue", "Arn"]}}},
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "ScheduleExpression": "rate(1 minute)",
                    "Targets": [{"Id": "function", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}}],
                },
            },
            "RuleMayInvoke": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "events.amazonaws.com",
                    "SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]},
                },
            },
            "Custom": {
                "Type": "Custom::Answer",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}},
            },
        },
        "Outputs": {
            "Answer": {"Value": {"Fn::GetAtt": ["Custom", "Answer"]}},
            "Function": {"Value": {"Ref": "Function"}},
            "Layer": {"Value": {"Ref": "Layer"}},
            "Log": {"Value": {"Ref": "Log"}},
        },
    }


@pytest.fixture
def bucket(cloud):
    name = cloud.exports["ARTIFACT_BUCKET"]
    s3 = cloud.client("s3")
    s3.put_object(Bucket=name, Key="layer.zip", Body=archive({"python/tool.py": "answer = 'from the layer'"}))
    s3.put_object(Bucket=name, Key="function.zip", Body=archive({"app.py": HANDLER}))
    role(cloud)
    return name


@pytest.fixture
def stack(cloud, bucket):
    name = f"stack-{uuid.uuid4().hex[:8]}"
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template(bucket)))
    settled(cloud, name, "CREATE_COMPLETE")
    yield name
    cloudformation.delete_stack(StackName=name)


def settled(cloud, name, status):
    cloudformation = cloud.client("cloudformation")

    def ended():
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    stack = eventually(ended, f"{name} to settle")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason") for event in events]
    assert stack["StackStatus"] == status, reasons
    return stack


def outputs(cloud, name):
    described = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def test_a_custom_resources_function_answers_over_https(cloud, stack):
    assert outputs(cloud, stack)["Answer"] == "from the layer"


def test_inline_source_answers_through_the_module_that_lambda_puts_beside_it(cloud):
    role(cloud)
    source = dedent(
        """
        import cfnresponse
        def handler(event, context):
            given = event["ResourceProperties"]["Given"]
            cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Region": given})
        """
    )
    body = {
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"ZipFile": source},
                    "Handler": "index.handler",
                    "Runtime": "python3.12",
                    "Role": "arn:aws:iam::123456789012:role/function",
                },
            },
            "Custom": {
                "Type": "Custom::Inline",
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
                    "Given": {"Ref": "AWS::Region"},
                },
            },
        },
        "Outputs": {"Region": {"Value": {"Fn::GetAtt": ["Custom", "Region"]}}},
    }
    cloud.client("cloudformation").create_stack(StackName="inline", TemplateBody=json.dumps(body))
    settled(cloud, "inline", "CREATE_COMPLETE")
    assert outputs(cloud, "inline")["Region"] == "us-east-1"


def test_a_custom_resource_of_a_function_in_another_language_fails_at_once(cloud):
    code = {"ZipFile": "exports.handler = async () => {}"}
    properties = {"Code": code, "Handler": "index.handler", "Runtime": "nodejs22.x", "Role": role(cloud)}
    resources = {
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
        "Emptied": {
            "Type": "Custom::Emptied",
            "Properties": {"ServiceToken": {"Fn::GetAtt": "Function.Arn"}},
        },
    }
    name = f"other-{uuid.uuid4().hex[:8]}"
    client = cloud.client("cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    settled(cloud, name, "ROLLBACK_COMPLETE")
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    (reason,) = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert reason.startswith("localcloud runs functions in Python only, and ")
    assert "has the runtime nodejs22.x" in reason
    client.delete_stack(StackName=name)


def test_a_templates_function_has_all_its_settings(cloud, stack):
    made = outputs(cloud, stack)
    client = cloud.client("lambda")
    function = client.get_function(FunctionName=made["Function"])
    configuration = function["Configuration"]
    assert (configuration["Timeout"], configuration["MemorySize"]) == (5, 512)
    assert [layer["Arn"] for layer in configuration["Layers"]] == [made["Layer"]]
    assert configuration["LoggingConfig"]["LogGroup"] == made["Log"]
    assert configuration["Environment"]["Variables"] == {"NAME": stack}
    assert function["Tags"]["purpose"] == "test"
    config = client.get_function_event_invoke_config(FunctionName=made["Function"])
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 3600)
    (layer, *_) = client.list_layer_versions(LayerName="tool")["LayerVersions"]
    assert layer["CompatibleArchitectures"] == ["x86_64"]


def test_a_templates_rule_invokes_the_function_that_permits_it(cloud, stack):
    name = outputs(cloud, stack)["Function"]
    before = len(invocations(cloud, name))
    cloud.advance(60)
    assert [record["outcome"] for record in invocations(cloud, name)[before:]] == ["success"]


def test_an_update_changes_function_layer_and_rule_in_place(cloud, bucket, stack):
    before = outputs(cloud, stack)
    changed = template(bucket)
    cloud.client("s3").put_object(
        Bucket=bucket, Key="layer-2.zip", Body=archive({"python/tool.py": "answer = 'from another'"})
    )
    changed["Resources"]["Layer"]["Properties"]["Content"]["S3Key"] = "layer-2.zip"
    changed["Resources"]["Rule"]["Properties"]["ScheduleExpression"] = "rate(1 hour)"
    cloud.client("cloudformation").update_stack(
        StackName=stack,
        TemplateBody=json.dumps(changed),
        Parameters=[{"ParameterKey": "Timeout", "ParameterValue": "6"}],
    )
    settled(cloud, stack, "UPDATE_COMPLETE")
    after = outputs(cloud, stack)
    assert after["Function"] == before["Function"]
    versions = cloud.client("lambda").list_layer_versions(LayerName="tool")["LayerVersions"]
    arns = {version["LayerVersionArn"] for version in versions}
    assert after["Layer"] in arns
    assert before["Layer"] not in arns
    assert call(cloud, after["Function"])["Payload"] == "from another"
    count = len(invocations(cloud, after["Function"]))
    cloud.advance(600)
    assert len(invocations(cloud, after["Function"])) == count


def test_deleting_the_stack_leaves_nothing(cloud, stack):
    made = outputs(cloud, stack)
    stack_id = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    layers_before = cloud.client("lambda").list_layer_versions(LayerName="tool")["LayerVersions"]
    cloud.client("cloudformation").delete_stack(StackName=stack)
    settled(cloud, stack_id, "DELETE_COMPLETE")
    functions = cloud.client("lambda").list_functions()["Functions"]
    assert made["Function"] not in {function["FunctionName"] for function in functions}
    layers = cloud.client("lambda").list_layer_versions(LayerName="tool")["LayerVersions"]
    assert {layer["LayerVersionArn"] for layer in layers} == {
        layer["LayerVersionArn"] for layer in layers_before
    } - {made["Layer"]}
    assert not [r for r in cloud.client("events").list_rules()["Rules"] if r["Name"].startswith(stack)]


def test_a_stacks_status_changes_are_events_of_the_default_bus(cloud):
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName="stack-events")["QueueUrl"]
    events.put_rule(
        Name="stack-events",
        EventPattern=json.dumps(
            {
                "source": ["aws.cloudformation"],
                "detail-type": ["CloudFormation Stack Status Change"],
                "detail": {"status-details": {"status": ["CREATE_COMPLETE"]}},
            }
        ),
    )
    events.put_targets(
        Rule="stack-events",
        Targets=[{"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:stack-events"}],
    )
    body = json.dumps({"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    stack_id = cloud.client("cloudformation").create_stack(StackName="noted", TemplateBody=body)["StackId"]
    event, _ = message(cloud, url)
    assert event["resources"] == [stack_id]
    assert event["detail"]["stack-id"] == stack_id
    assert event["account"] == "123456789012"
