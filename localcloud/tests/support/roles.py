"""Functions whose roles are granted what a test grants them."""

import json
import uuid

from tests.support.functions import call, deploy

#: Calls whatever the event names, once, and answers with the code and words of a refusal.
CALLING = """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    def handler(event, context):
        client = boto3.client(event["service"], config=Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))
        try:
            getattr(client, event["method"])(**event.get("arguments", {}))
        except ClientError as error:
            return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
        return ["", ""]
"""


def statement(*actions, resource="*", **elements):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **elements}


def document(*actions, resource="*", **elements):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [statement(*actions, resource=resource, **elements)]}
    )


class Granted:
    """A function, and its role, which is granted nothing at first."""

    def __init__(self, cloud, **settings):
        self.cloud, self.iam = cloud, cloud.client("iam")
        self.role = f"role-{uuid.uuid4().hex[:8]}"
        made = self.iam.create_role(RoleName=self.role, AssumeRolePolicyDocument="{}", **settings)
        self.role_arn = made["Role"]["Arn"]
        self.function = deploy(cloud, CALLING, Role=self.role_arn)
        #: How AWS names it in refusals.
        self.session = f"arn:aws:sts::123456789012:assumed-role/{self.role}/{self.function}"

    def put(self, name, *actions, resource="*", **elements):
        self.iam.put_role_policy(
            RoleName=self.role,
            PolicyName=name,
            PolicyDocument=document(*actions, resource=resource, **elements),
        )

    def refused(self, service, method, arguments=None):
        """The code and words with which a call of the function is refused."""
        event = {"service": service, "method": method, "arguments": arguments or {}}
        return tuple(call(self.cloud, self.function, event)["Payload"])
