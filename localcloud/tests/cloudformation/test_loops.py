"""`Fn::ForEach`: one fragment for each item of a collection."""

import json

import pytest
from botocore.exceptions import ClientError

EXPANDED = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
QUEUE = {"Type": "AWS::SQS::Queue"}


def looping(**sections):
    return {"Transform": "AWS::LanguageExtensions", **sections}


def refusal(cloud, template, **options):
    with pytest.raises(ClientError) as refused:
        cloud.cfn.create_stack(StackName="one", TemplateBody=json.dumps(template), **options)
    return refused.value.response["Error"]["Message"]


def logical_ids(cloud, name):
    shown = cloud.cfn.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {resource["LogicalResourceId"] for resource in shown}


def test_a_loop_makes_a_resource_and_an_output_for_each_item(cloud):
    template = looping(
        Resources={
            "Fn::ForEach::Queues": [
                "Name",
                ["Red", "Green"],
                {
                    "Queue${Name}": {
                        "Type": "AWS::SQS::Queue",
                        "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-${Name}"}},
                    },
                    "Topic${Name}": {
                        "Type": "AWS::SNS::Topic",
                        "DependsOn": "Queue${Name}",
                        "Properties": {
                            "TopicName": {"Fn::GetAtt": [{"Fn::Sub": "Queue${Name}"}, "QueueName"]}
                        },
                    },
                },
            ],
            "Alone": QUEUE,
        },
        Outputs={
            "Fn::ForEach::Values": [
                "Name",
                ["Red", "Green"],
                {
                    "Fn::ForEach::Attributes": [
                        "Attribute",
                        ["QueueName", "Arn"],
                        {
                            "${Name}${Attribute}": {
                                "Value": {"Fn::GetAtt": [{"Fn::Sub": "Queue${Name}"}, {"Ref": "Attribute"}]}
                            }
                        },
                    ]
                },
            ]
        },
    )

    cloud.created("one", template, **EXPANDED)

    assert logical_ids(cloud, "one") == {"QueueRed", "QueueGreen", "TopicRed", "TopicGreen", "Alone"}
    arn = "arn:aws:sqs:us-east-1:123456789012:one"
    assert cloud.outputs("one") == {
        "RedQueueName": "one-Red",
        "GreenQueueName": "one-Green",
        "RedArn": f"{arn}-Red",
        "GreenArn": f"{arn}-Green",
    }
    topics = {topic["TopicArn"].rpartition(":")[2] for topic in cloud.client("sns").list_topics()["Topics"]}
    assert topics == {"one-Red", "one-Green"}
    processed = cloud.cfn.get_template(StackName="one", TemplateStage="Processed")["TemplateBody"]
    assert "Fn::ForEach" not in json.dumps(processed)
    assert cloud.cfn.get_template(StackName="one")["TemplateBody"] == template


@pytest.mark.parametrize(
    ("collection", "made"),
    [
        ({"Ref": "Names"}, {"QueueA1", "QueueB2"}),
        ([{"Ref": "One"}, "b.2"], {"QueueC3", "Queueb2"}),
        ({"Fn::FindInMap": ["Sets", {"Ref": "AWS::Region"}, "Names"]}, {"QueueM"}),
        ({"Fn::If": ["Few", {"Fn::Split": ["|", "d|e"]}, []]}, {"Queued", "Queuee"}),
        ([], set()),
    ],
)
def test_a_collection_may_come_from_parameters_mappings_and_conditions(cloud, collection, made):
    template = looping(
        Parameters={
            "Names": {"Type": "CommaDelimitedList", "Default": "A-1, B-2"},
            "One": {"Type": "String", "Default": "C/3"},
        },
        Mappings={"Sets": {"us-east-1": {"Names": ["M"]}}},
        Conditions={"Few": {"Fn::Equals": [{"Ref": "One"}, "C/3"]}},
        Resources={
            "Alone": QUEUE,
            "Fn::ForEach::Queues": ["Name", collection, {"Queue&{Name}": QUEUE}],
        },
    )

    cloud.created("one", template, **EXPANDED)

    assert logical_ids(cloud, "one") == {"Alone"} | made


def test_a_loop_within_properties_makes_keys(cloud):
    template = looping(
        Resources={
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "Fn::ForEach::Settings": [
                        "Setting",
                        ["DelaySeconds", "VisibilityTimeout"],
                        {"${Setting}": "17"},
                    ]
                },
            }
        },
        Outputs={"Url": {"Value": {"Ref": "Queue"}}},
    )

    cloud.created("one", template, **EXPANDED)

    shown = cloud.client("sqs").get_queue_attributes(
        QueueUrl=cloud.outputs("one")["Url"], AttributeNames=["DelaySeconds", "VisibilityTimeout"]
    )
    assert shown["Attributes"] == {"DelaySeconds": "17", "VisibilityTimeout": "17"}


def test_conditions_of_a_loop_decide_about_its_resources(cloud):
    template = looping(
        Parameters={"Wanted": {"Type": "String", "Default": "Green"}},
        Conditions={
            "Fn::ForEach::Wanted": [
                "Name",
                ["Red", "Green"],
                {"Is${Name}": {"Fn::Equals": [{"Ref": "Wanted"}, {"Ref": "Name"}]}},
            ]
        },
        Resources={
            "Alone": QUEUE,
            "Fn::ForEach::Queues": [
                "Name",
                ["Red", "Green"],
                {"Queue${Name}": {**QUEUE, "Condition": "Is${Name}"}},
            ],
        },
    )

    cloud.created("one", template, **EXPANDED)

    assert logical_ids(cloud, "one") == {"Alone", "QueueGreen"}


def test_an_item_that_goes_takes_its_resource_with_it(cloud):
    template = looping(
        Parameters={"Names": {"Type": "CommaDelimitedList"}},
        Resources={"Fn::ForEach::Queues": ["Name", {"Ref": "Names"}, {"Queue${Name}": QUEUE}]},
    )
    cloud.created("one", template, {"Names": "A,B"}, **EXPANDED)

    cloud.update("one", template, {"Names": "B,C"}, **EXPANDED)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert logical_ids(cloud, "one") == {"QueueB", "QueueC"}
    assert cloud.statuses("one", "QueueB") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


@pytest.mark.parametrize(
    ("loop", "reason"),
    [
        ({"Fn::ForEach::Q": ["N", ["A"]]}, "Fn::ForEach::Q layout is incorrect"),
        ({"Fn::ForEach::Q": ["N", ["A"], [QUEUE]]}, "Fn::ForEach::Q layout is incorrect"),
        ({"Fn::ForEach::Q": ["N", ["A", "B"], {"Same": QUEUE}]}, "Duplicate key Same"),
        ({"Fn::ForEach::Q": ["N", ["A"], {"Alone": QUEUE}]}, "Duplicate key Alone"),
        ({"Fn::ForEach::Q-1": ["N", ["A"], {"${N}": QUEUE}]}, "the name of Fn::ForEach::Q-1 is not"),
        ({"Fn::ForEach::Q": ["N", "A", {"${N}": QUEUE}]}, "the collection of Fn::ForEach::Q is not a list"),
        (
            {"Fn::ForEach::Q": ["N", [{"Fn::GetAtt": ["Alone", "Arn"]}], {"${N}": QUEUE}]},
            "the collection of Fn::ForEach::Q cannot be resolved",
        ),
    ],
)
def test_a_loop_that_makes_no_sense_is_refused_by_its_transform(cloud, loop, reason):
    message = refusal(cloud, looping(Resources={"Alone": QUEUE, **loop}), **EXPANDED)

    assert message.startswith(f"Transform AWS::LanguageExtensions failed with: {reason}")


def test_what_a_loop_makes_is_checked_like_anything_else(cloud):
    loop = {"Fn::ForEach::Q": ["N", ["a.b"], {"Queue${N}": QUEUE}]}

    message = refusal(cloud, looping(Resources={"Alone": QUEUE, **loop}), **EXPANDED)

    assert message == "Template format error: Resource name Queuea.b is non alphanumeric."


def test_a_loop_needs_its_transform_and_the_transform_a_capability(cloud):
    resources = {"Fn::ForEach::Q": ["N", ["A"], {"Queue${N}": QUEUE}]}

    assert refusal(cloud, {"Resources": resources}) == (
        "Template format error: Resource name Fn::ForEach::Q is non alphanumeric."
    )
    assert refusal(cloud, looping(Resources=resources)) == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"


def test_serverless_resources_may_come_from_a_loop(cloud):
    resources = {"Fn::ForEach::T": ["N", ["A", "B"], {"Table${N}": {"Type": "AWS::Serverless::SimpleTable"}}]}
    transforms = ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]

    cloud.created("one", {"Transform": transforms, "Resources": resources}, **EXPANDED)

    assert logical_ids(cloud, "one") == {"TableA", "TableB"}
