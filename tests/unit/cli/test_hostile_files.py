"""Whatever file a command is given, it ends with one clear error or without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcluster_cfn.cli import main
from pcluster_cfn.deploy.preflight import require_built
from pcluster_cfn.embedded.template_edits import raise_max_count
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import archive, package
from pcluster_cfn.template import Template

URL = "https://bucket.s3.us-east-1.amazonaws.com/cluster.yaml"
HEAD = "Resources:\n  Cluster:\n    Type: Custom::PclusterCluster\n    Properties:\n      ServiceToken: x\n"
ALIASES = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = ALIASES.replace("[x]", "{x: 1}").replace("[", "{<<: [").replace("]\n", "]}\n")
MANY = ", ".join(f"P{n}: {{}}" for n in range(20_000))
FILES = {
    "empty": b"",
    "spaces": b"  \n\n ",
    "not utf-8": b"Description: \xff\n",
    "utf-16": "Resources: {}\n".encode("utf-16"),
    "a byte order mark alone": "\ufeff".encode(),
    "a null byte": b"Resources: {A: {Type: 'x\0'}}\n",
    "an escape": b"Resources: \x1b[2J\n",
    "a list": b"- a\n",
    "a scalar": b"42\n",
    "resources that are none": b"Resources: [1, 2]\n",
    "resources of other kinds": b"Resources: {A: 1, B: [x], C: {Type: [x]}, D: {Type: 'Custom::Pcluster'}}",
    "brackets": b"Metadata: " + b"[" * 100_000,
    "JSON brackets": b'{"Resources":' * 50_000,
    "aliases": ALIASES.encode(),
    "merges": MERGES.encode(),
    "a circle": b"Metadata: &a [*a]\nResources: {}\n",
    "a tag that would run": b"Resources: {A: !!python/object/apply:os.system ['true']}\n",
    "half a character": b'{"Resources": {"A": {"Type": "\\ud800"}}}',
    "two documents": b"Resources: {}\n---\nResources: {}\n",
    "too large": b"Resources: {}\n#" + b"x" * 2_000_000,
    "a long number": (HEAD + "      ClusterConfiguration: {Image: {Os: " + "9" * 10_000 + "}}\n").encode(),
    "many parameters": f"Resources: {{}}\nParameters: {{{MANY}}}\n".encode(),
    "parameters of other kinds": b"Resources: {}\nParameters: {A: [], B: 1, C: {Type: {a: b}, Default: [x]}}",
    "a bound that is none": b"Resources: {}\nParameters: {A: {Type: Number, MinValue: 1e999}}\n",
}


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], color=True)


def ends_well(result):
    assert result.exit_code in {0, 1, 2}
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for word in ("Traceback", "Error:", "codec", "Errno", "unicode string", "object at 0x"):
        assert word not in result.output.replace("Error: ", "", 1)
    assert "\x1b" not in result.output
    assert "this is a fault of pcluster-cfn" not in result.output


@pytest.fixture(params=FILES, ids=[*FILES])
def file(request, tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_bytes(FILES[request.param])
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["validate"],
        ["validate", "-p", "A=1"],
        ["validate", "--json"],
        ["deploy", "--region", "us-east-1"],
        ["launch-page", "-o", "page.html", "--template-url", URL],
        ["quick-create", "--region", "us-east-1", "--template-url", URL, "-p", "A=1", "--template"],
    ],
    ids=["validate", "with a parameter", "for programs", "deploy", "launch-page", "quick-create"],
)
def test_every_command_ends_well_with_every_file(command, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nothing listens there
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    ends_well(run(*command, file))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60), st.sampled_from([b"", HEAD.encode(), b"Parameters: {P: {Type: String, Default: "])
)
def test_validate_ends_well_with_any_bytes(tmp_path, content, before):
    path = tmp_path / "t.yaml"
    path.write_bytes(before + content)
    ends_well(run("validate", path))


def test_a_bomb_and_brackets_end_a_process_with_exit_status_1(tmp_path):
    for name in ("aliases", "JSON brackets"):
        path = tmp_path / "t.yaml"
        path.write_bytes(FILES[name])
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "validate", str(path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1
        assert "the template cannot be read: " in done.stdout
        assert done.stderr == "1 mistake, 0 clusters checked in 1 template\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"a\nDescr\xc3\xa9: \xff",
            "byte 0xff in line 2, column 9 is not UTF-8; save the",
        ),
        (
            b"x" * 1_048_577,
            "has more than 1,048,576 bytes, CloudFormation's limit for a template; make it smaller",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place_and_what_to_do(content, said, tmp_path):
    (tmp_path / "t.yaml").write_bytes(content)
    assert said in run("validate", tmp_path / "t.yaml").output


def test_a_path_that_cannot_be_read_is_said_in_the_system_s_words(tmp_path):
    assert "cannot read template" in run("validate", tmp_path).output
    assert ": Is a directory; check the path" in run("validate", tmp_path).output
    assert ": No such file or directory; check the path" in run("validate", tmp_path / "no.yaml").output
    assert ": File name too long; check the path" in run("validate", tmp_path / ("x" * 300)).output


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device without an end")
def test_a_device_without_an_end_is_read_no_further_than_a_template_goes():
    assert "/dev/zero has more than 1,048,576 bytes" in run("validate", "/dev/zero").output


def test_an_unexpected_error_is_one_line_and_a_traceback_where_it_is_asked_for(monkeypatch):
    @click.command("broken")
    def broken():
        raise KeyError("secret detail")

    monkeypatch.setitem(main.commands, "broken", broken)
    result = run("broken")
    assert result.exit_code == 1
    assert result.output.startswith("Error: this is a bug in pcluster-cfn, not in your input")
    assert "secret detail" not in result.output
    monkeypatch.setenv("PCLUSTER_CFN_DEBUG", "1")
    assert isinstance(run("broken").exception, KeyError)


class Uploads:
    """A bucket that counts what it gets."""

    name = "store"

    def __init__(self):
        self.bodies = []

    def put(self, body, suffix):
        self.bodies.append(body)
        return f"{len(self.bodies)}{suffix}"

    def url(self, key):
        return f"https://store/{key}"


def nesting(*paths):
    """A template that nests others."""
    stacks = {
        f"S{n}": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": path}}
        for n, path in enumerate(paths)
    }
    return json.dumps({"Resources": stacks})


def refusals(path):
    """What deploying and packaging say of a template."""
    with pytest.raises(CommandError) as unbuilt:
        require_built(Template.read(path), path)
    with pytest.raises(CommandError) as packaged:
        package(Template.read(path), path.parent, Uploads())
    return str(unbuilt.value), str(packaged.value)


def test_templates_that_nest_each_other_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(nesting("b.yaml"))
    (tmp_path / "b.yaml").write_text(nesting("./b/../c.yaml"))
    (tmp_path / "b").mkdir()
    (tmp_path / "c.yaml").write_text(nesting("a.yaml"))
    unbuilt, packaged = refusals(tmp_path / "a.yaml")
    assert "S0.TemplateURL makes a circle: a.yaml nests b.yaml nests c.yaml nests a.yaml" in unbuilt
    assert "S0.TemplateURL makes a circle: b.yaml nests c.yaml nests a.yaml nests b.yaml" in packaged


def test_a_template_that_nests_itself_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(nesting("a.yaml"))
    assert all("makes a circle: a.yaml nests a.yaml" in said for said in refusals(tmp_path / "a.yaml"))


def test_templates_that_nest_each_other_too_deep_are_refused(tmp_path):
    for number in range(2_000):
        (tmp_path / f"{number}.yaml").write_text(nesting(f"{number + 1}.yaml"))
    assert all("nests a template more than 30 deep" in said for said in refusals(tmp_path / "0.yaml"))


def test_a_template_that_is_nested_by_ever_more_ways_is_packaged_once(tmp_path):
    for number in range(25):
        (tmp_path / f"{number}.yaml").write_text(nesting(*[f"{number + 1}.yaml"] * 3))
    (tmp_path / "25.yaml").write_text("Resources: {}")
    require_built(Template.read(tmp_path / "0.yaml"), tmp_path / "0.yaml")
    uploads = Uploads()
    package(Template.read(tmp_path / "0.yaml"), tmp_path, uploads)
    assert len(uploads.bodies) == 25


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\\0b", "which is not a path here: it is not a valid file name"),
        ("x" * 5_000, "which is not a path here: File name too long"),
        ("no.yaml", "which does not exist"),
        ("pipe", "which is neither a file nor a folder"),
    ],
)
def test_a_local_path_that_names_nothing_is_refused_with_its_place(name, said, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "t.yaml"
    path.write_text("Resources: {S: {Type: AWS::Lambda::Function, Properties: {Code: " + f'"{name}"' + "}}}")
    with pytest.raises(CommandError) as refused:
        package(Template.read(path), tmp_path, Uploads())
    assert str(refused.value).startswith("S.Code names ")
    assert said in str(refused.value)


def test_code_that_is_larger_than_lambda_takes_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as opened:
        opened.truncate(300 * 1024 * 1024)
    for path in (tmp_path, tmp_path / "sparse"):
        with pytest.raises(
            CommandError, match="more than 262,144,000 bytes, which is Lambda's limit for code"
        ):
            archive(path)


@pytest.mark.parametrize("count", ["²", "9" * 5_000, "-1", "٣"])
def test_a_number_of_nodes_that_is_none_is_not_raised(count):
    head = f"Parameters: {{MaxCount: {{Default: '{count}'}}}}\n{HEAD}"
    text = f"{head}      ClusterConfiguration: {{MaxCount: '{count}'}}"
    assert raise_max_count(Template.parse(text, "t"), {}) is None
