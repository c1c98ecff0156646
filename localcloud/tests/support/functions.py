"""Makes functions in an embedded cloud and waits for what they do."""

import io
import json
import uuid
import zipfile
from textwrap import dedent

from localcloud.testing.waiting import eventually


def archive(files):
    """Returns a zip archive with these texts, keyed by path."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        for path, text in files.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = (0o755 if path.startswith("bin/") else 0o644) << 16
            members.writestr(member, dedent(text))
    return content.getvalue()


def role(cloud):
    """Returns the ARN of a role that functions may have."""
    iam = cloud.client("iam")
    try:
        return iam.get_role(RoleName="function")["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        return iam.create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def deploy(cloud, source, **settings):
    """Creates a function from its module's source and returns its name."""
    name = f"function-{uuid.uuid4().hex[:8]}"
    cloud.client("lambda").create_function(
        **{
            "FunctionName": name,
            "Role": role(cloud),
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Timeout": 60,
            "Code": {"ZipFile": archive({"app.py": source})},
            **settings,
        }
    )
    settle(cloud)
    return name


def settle(cloud):
    """Lets the time pass in which a function that was created or updated is not ready."""
    cloud.advance(2)


def function_arn(name):
    """Returns the ARN of a function."""
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def queue(cloud):
    """Creates a queue; returns its URL and ARN."""
    name = f"queue-{uuid.uuid4().hex[:8]}"
    url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:123456789012:{name}"


def call(cloud, name, event=None, **arguments):
    """Invokes a function and returns the response with its payload parsed."""
    response = cloud.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps({} if event is None else event), **arguments
    )
    text = response["Payload"].read()
    return {**response, "Payload": json.loads(text) if text else None}


def invocations(cloud, name):
    """Returns what became of a function's invocations."""
    return [record for record in cloud.invocations() if record["function"] == name]


def message(cloud, url):
    """Waits for a message of a queue; returns its body parsed, and its attributes."""
    sqs = cloud.client("sqs")
    received = eventually(
        lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"), "a message"
    )[0]
    attributes = {key: value["StringValue"] for key, value in received.get("MessageAttributes", {}).items()}
    return json.loads(received["Body"]), attributes
