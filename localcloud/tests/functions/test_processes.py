"""How processes of functions come and go: forked where that makes no difference, ended when many are idle."""

import pytest
from tests.support.functions import archive, call, deploy, invocations

from localcloud.functions.pool import WarmEnvironments

LOOK = """
    import os
    import boto3
    def handler(event, context):
        return {
            "boto3": boto3.__file__,
            "here": os.getcwd(),
            "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            "parent": os.getppid(),
            "group": os.getpgid(0) == os.getpid(),
            "foreign": sorted(name for name in os.environ if name.startswith(("PYTEST", "VIRTUAL"))),
        }
"""


def test_each_function_is_a_process_of_its_own_with_its_own_surroundings(cloud):
    names = [deploy(cloud, LOOK) for _ in range(2)]
    first, second = (call(cloud, name)["Payload"] for name in names)
    assert [first["name"], second["name"]] == names
    assert (first["group"], second["group"]) == (True, True)
    assert first["foreign"] == []
    assert first["here"] != second["here"] or first["boto3"] == second["boto3"]


def test_a_function_that_brings_its_own_boto3_gets_its_own(cloud):
    own = {"app.py": LOOK, "boto3/__init__.py": "", "boto3/session.py": ""}
    name = deploy(cloud, LOOK, Code={"ZipFile": archive(own)})
    seen = call(cloud, name)["Payload"]
    assert seen["boto3"] == f"{seen['here']}/boto3/__init__.py"


def test_a_process_that_is_killed_is_a_crash_with_its_signal(cloud):
    name = deploy(cloud, "import os\ndef handler(event, context): os.kill(os.getpid(), 9)")
    assert "signal: SIGKILL" in call(cloud, name)["Payload"]["errorMessage"]
    assert [record["outcome"] for record in invocations(cloud, name)] == ["crash"]


@pytest.fixture
def ended():
    return []


def test_when_too_many_are_idle_the_one_that_was_idle_longest_ends(ended):
    warm = WarmEnvironments(2)
    for name in ("a", "b", "c"):
        warm.add(name, lambda name=name: ended.append(name))
    assert ended == ["a"]


def test_what_is_in_use_does_not_count_as_idle(ended):
    warm = WarmEnvironments(2)
    for name in ("a", "b"):
        warm.add(name, lambda name=name: ended.append(name))
    warm.remove("a")
    warm.add("c", lambda: ended.append("c"))
    assert ended == []
    warm.add("a", lambda: ended.append("a"))
    assert ended == ["b"]
