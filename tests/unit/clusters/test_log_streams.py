"""Log streams are of a node and of a log, and a cluster's group is told from that of another cluster."""

from datetime import UTC, datetime

import pytest

from pcluster_cfn.clusters.log_streams import (
    ERRORS,
    Stream,
    chosen,
    instant,
    kinds_of,
    newest_group,
    require_some,
)
from pcluster_cfn.clusters.nodes import Node
from pcluster_cfn.errors import CommandError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def streams(**logs):
    """Streams by instance, whose id is made of the name."""
    return [
        Stream.parse(f"ip-10-0-0-{number}.i-{number}.{log}")
        for number, names in enumerate(logs.values())
        for log in names
    ]


def test_the_newest_group_of_the_very_name_counts():
    names = [
        "/aws/parallelcluster/hpc-202601010000",
        "/aws/parallelcluster/hpc-202601310000",
        "/aws/parallelcluster/hpc-2-202602010000",
        "/aws/parallelcluster/hpc-image",
    ]
    groups = [{"logGroupName": name} for name in names]
    assert newest_group(groups, "hpc") == names[1]
    assert newest_group(groups, "hpc-2") == names[2]
    assert newest_group(groups, "hp") is None


def test_a_name_of_another_form_is_its_own_log():
    assert Stream.parse("my-application") == Stream("my-application", "", "", "my-application")
    assert Stream.parse("ip-1.i-0a.dcv-agent.x").log == "dcv-agent.x"


def test_kinds_of_nodes_are_told_from_their_logs_when_ec2_has_forgotten_them():
    found = streams(
        head=["cfn-init", "clustermgtd"],
        booting_head=["cfn-init", "chef-client"],
        login=["cfn-init", "cloud-init-output"],
        compute=["slurmd", "cloud-init-output"],
        booting_compute=["cloud-init-output"],
    )
    assert list(kinds_of(found, []).values()) == ["HeadNode", "HeadNode", "LoginNode", "Compute", "Compute"]
    node = Node("i-4", "LoginNode", "running", "t3.medium", None, None, None)
    assert kinds_of(found, [node])["i-4"] == "LoginNode"


def test_streams_are_chosen_by_node_and_by_log():
    found = streams(head=["clustermgtd", "slurmctld", "chef-client"], compute=["slurmd", "chef-client"])
    kinds = kinds_of(found, [])

    def names(node=None, log=None):
        return [each.name for each in chosen(found, kinds, node, log)]

    assert len(names()) == 5
    assert names("compute", "chef-client") == ["ip-10-0-0-1.i-1.chef-client"]
    assert names("i-0", "slurm*") == ["ip-10-0-0-0.i-0.slurmctld"]
    assert names("ip-10-0-0-1") == ["ip-10-0-0-1.i-1.slurmd", "ip-10-0-0-1.i-1.chef-client"]
    assert names("login") == []


def test_a_node_or_a_log_that_is_not_there_is_named_with_those_that_are():
    found = streams(head=["clustermgtd"])
    with pytest.raises(CommandError, match=r"no log stream is of node 'login'; there are nodes: i-0, ip-10"):
        require_some(found, [], "login", None)
    with pytest.raises(CommandError, match=r"log 'clustermgmtd'; did you mean clustermgtd\?"):
        require_some(found, [], None, "clustermgmtd")
    require_some([], [], "head", "slurmd")  # an empty group has nothing to choose from


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 1, 31, 11, 58, 30, tzinfo=UTC)),
        ("1h", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        ("2d", datetime(2026, 1, 29, 12, tzinfo=UTC)),
        ("2026-01-30T10:00:00Z", datetime(2026, 1, 30, 10, tzinfo=UTC)),
        ("2026-01-30T10:00", datetime(2026, 1, 30, 10, tzinfo=UTC)),
        ("2026-01-30", datetime(2026, 1, 30, tzinfo=UTC)),
    ],
)
def test_since_is_a_time_span_or_an_instant(text, expected):
    assert instant(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "1", "1w", "-1h", "yesterday", "1h30m"])
def test_any_other_since_is_refused(text):
    with pytest.raises(CommandError, match="is not valid; give a time span as in 15m"):
        instant(text, NOW)


def test_errors_are_told_from_other_lines():
    for line in (
        "[2026-01-31T12:00:00+00:00] FATAL: Stacktrace dumped to /etc/chef/cache",
        "2026-01-31 12:00:00,000 - [slurm_plugin:launch] - ERROR - Failed to launch",
        "error: Node c6i-1 not responding",
        "Traceback (most recent call last):",
    ):
        assert ERRORS.search(line), line
    for line in ("INFO: 0 errors", "retry on error", "ERRORS=0", "no fatal problem"):
        assert not ERRORS.search(line), line
