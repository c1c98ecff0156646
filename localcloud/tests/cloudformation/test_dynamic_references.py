"""References to Parameter Store in properties: of every type, custom ones included, and where none may be."""

import pytest

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"


def queue(name):
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}}}


def custom(**properties):
    return {
        "Resources": {
            "Custom": {"Type": "Custom::Thing", "Properties": {"ServiceToken": FUNCTION, **properties}}
        }
    }


@pytest.fixture
def put(cloud):
    def put(name, value, kind="String"):
        cloud.client("ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)

    return put


def test_a_custom_resource_gets_the_values_in_lists_and_within_texts(cloud, functions, answer, put):
    put("/hpc/os", "alinux2023")
    put("count", "4")
    put("count", "8")
    cloud.create(
        "one",
        custom(
            Os="{{resolve:ssm:/hpc/os}}",
            Items=[{"Old": "{{resolve:ssm:count:1}}"}, "{{resolve:ssm:count}}-{{resolve:ssm:/hpc/os}}"],
            Secret="{{resolve:secretsmanager:left}}",
        ),
    )
    request = functions.next("Create")
    answer(request)

    cloud.settled("one", "CREATE_COMPLETE")
    properties = request["ResourceProperties"]
    assert properties["Os"] == "alinux2023"
    assert properties["Items"] == [{"Old": "4"}, "8-alinux2023"]
    # Source: CloudFormation user guide: secrets are not resolved in custom resources.
    assert properties["Secret"] == "{{resolve:secretsmanager:left}}"


def test_a_resource_of_a_service_follows_the_parameter_in_an_update(cloud, put):
    def seconds():
        sqs = cloud.client("sqs")
        (url,) = sqs.list_queues()["QueueUrls"]
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
            "VisibilityTimeout"
        ]

    template = queue("jobs")
    template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = "{{resolve:ssm:/seconds}}"
    put("/seconds", "11")
    cloud.created("one", template)
    assert seconds() == "11"

    put("/seconds", "12")
    template["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic"}
    cloud.update("one", template)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert seconds() == "12"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("{{resolve:ssm:/absent}}", "Parameters: [ssm:/absent] cannot be found."),
        ("{{resolve:ssm:/name:7}}", "Parameters: [ssm:/name:7] cannot be found."),
        ("{{resolve:ssm:/secret}}", "Parameters: [ssm:/secret] is of type SecureString"),
        (
            "{{resolve:ssm-secure:/secret}}",
            "SSM Secure reference is not supported in: [AWS::SQS::Queue/Properties/QueueName]",
        ),
    ],
)
def test_a_reference_that_has_no_value_there_fails_its_resource(cloud, put, reference, reason):
    put("/name", "first")
    put("/secret", "correcthorse", "SecureString")
    cloud.create("one", queue(reference))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Queue").startswith(reason)


def test_a_secure_parameter_is_a_password_that_no_event_shows(cloud, put):
    put("/secret", "Correct-Horse7", "SecureString")
    properties = {
        "Engine": "aurora-mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": "{{resolve:ssm-secure:/secret:1}}",
    }
    cloud.created("one", {"Resources": {"Db": {"Type": "AWS::RDS::DBCluster", "Properties": properties}}})
    assert not any("Correct-Horse7" in event.get("ResourceProperties", "") for event in cloud.events("one"))

    properties["MasterUserPassword"] = "{{resolve:ssm-secure:/absent}}"
    cloud.create("two", {"Resources": {"Db": {"Type": "AWS::RDS::DBCluster", "Properties": properties}}})
    cloud.settled("two", "ROLLBACK_COMPLETE")
    assert cloud.reason("two", "Db") == "Parameters: [ssm-secure:/absent] cannot be found."
