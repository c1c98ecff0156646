"""Managed policies of a provider stack, changed for the time of a test."""

import json
from contextlib import contextmanager


@contextmanager
def changed(iam, arn, change):
    """Gives a policy another default version meanwhile, unless the change leaves its statements as they are.

    Args:
        iam: A client.
        arn: The policy.
        change: Takes a document and returns another.
    """
    before = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=before)["PolicyVersion"]["Document"]
    other = change(document)
    if other["Statement"] == document["Statement"]:
        yield
        return
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other), SetAsDefault=True)
    try:
        yield
    finally:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=before)
        iam.delete_policy_version(PolicyArn=arn, VersionId=made["PolicyVersion"]["VersionId"])


def without_action(action):
    """A change of documents: what they allow, but for one action."""

    def change(document):
        statements = []
        for statement in document["Statement"]:
            listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statements.append({**statement, "Action": [one for one in listed if one != action]})
        return {**document, "Statement": statements}

    return change
