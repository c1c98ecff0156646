"""The function of default_synthesis.py: it answers every request of its custom resource."""

import json
import urllib.request


def handler(event, _context):
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "answer", "Data": {"Answer": "from an asset"}}
    body = json.dumps(answer).encode()
    put = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(put):  # noqa: S310 - CloudFormation's own address
        pass
