"""One embedded cloud, and the numbers of the facts that the tests here prove."""

import json
import re
import uuid
from pathlib import Path

import pytest

from localcloud.cloud import Cloud
from localcloud.testing.waiting import settled

_GAPS = Path(__file__).parents[2] / "GAPS.md"
_NUMBER = "recording"


class Stacks:
    """Short ways to make stacks; every name is new."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.cfn = cloud.client("cloudformation")

    @staticmethod
    def name():
        return f"stack-{uuid.uuid4().hex[:8]}"

    def create(self, template, expected="CREATE_COMPLETE", **request):
        """Creates a stack from a template, or from resources, and returns its name."""
        name = self.name()
        self.cfn.create_stack(StackName=name, **_request(template), **request)
        assert settled(self.cfn, name) == expected, [reason for _, reason in self.events(name) if reason]
        return name

    def refusal(self, template, **request):
        """The error of CreateStack, with which nothing is made."""
        name = self.name()
        with pytest.raises(self.cfn.exceptions.ClientError) as refused:
            self.cfn.create_stack(StackName=name, **_request(template), **request)
        with pytest.raises(self.cfn.exceptions.ClientError):
            self.cfn.describe_stacks(StackName=name)
        return refused.value.response["Error"]["Message"]

    def describe(self, name):
        return self.cfn.describe_stacks(StackName=name)["Stacks"][0]

    def outputs(self, name):
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe(name)["Outputs"]}

    def physical_id(self, name, logical_id):
        found = self.cfn.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def events(self, name):
        events = self.cfn.describe_stack_events(StackName=name)["StackEvents"]
        return [(each["ResourceStatus"], each.get("ResourceStatusReason")) for each in events]

    def reasons(self, name):
        return [reason for status, reason in self.events(name) if "FAILED" in status]


def _request(template):
    if isinstance(template, dict):
        template = json.dumps(template if "Resources" in template else {"Resources": template})
    return {"TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"]}


@pytest.fixture(scope="session")
def cloud():
    with Cloud.start() as cloud:
        yield cloud
        assert cloud.errors() == []


@pytest.fixture(scope="session")
def stacks(cloud):
    return Stacks(cloud)


@pytest.fixture
def refused():
    """The code and message with which a call is refused."""

    def call(method, **arguments):
        with pytest.raises(method.__self__.exceptions.ClientError) as error:
            method(**arguments)
        answer = error.value.response["Error"]
        return answer["Code"], answer["Message"]

    return call


def pytest_configure(config):
    config.addinivalue_line("markers", f"{_NUMBER}(number): proves a fact that AWS was recorded to do")


def pytest_collection_modifyitems(items):
    for item in items:
        if mark := item.get_closest_marker(_NUMBER):
            item.user_properties.append((_NUMBER, mark.args[0]))


def pytest_terminal_summary(terminalreporter):
    """Prints how many facts are taken up, how many of them hold, and which are not taken up."""
    passed, failed = set(), set()
    for outcome, numbers in (("passed", passed), ("failed", failed), ("error", failed)):
        for report in terminalreporter.stats.get(outcome, ()):
            numbers.update(number for key, number in report.user_properties if key == _NUMBER)
    if passed | failed:
        left = sorted(int(number) for number in re.findall(r"^\| (\d+) \|", _GAPS.read_text(), re.MULTILINE))
        terminalreporter.write_line(
            f"recorded facts: {len(passed | failed)} taken up, {len(passed - failed)} green, "
            f"{len(left)} in GAPS.md ({', '.join(map(str, left))})"
        )
