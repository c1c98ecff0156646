"""What ends up in an artefact, and what does not."""

import hashlib
import py_compile
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from pcluster_cfn.package import archive
from tools.artefacts import built, bytecode, elf, releases, requirements
from tools.artefacts.parts import ROOT, Build, useful
from tools.artefacts.target import Target, find_interpreter

LAYERS = [releases.LAYER / version for version in releases.committed()]
DEFAULT = releases.LAYER / "3.16.1"
PROVIDER = ROOT / "provider" / "front" / "requirements.txt"


@pytest.fixture
def build():
    target = Target("x86_64", f"{sys.version_info.major}.{sys.version_info.minor}")
    return Build(target, "3.16.1", Path(sys.executable))


def test_every_locked_requirement_of_what_is_deployed_has_a_hash():
    for locked in (*(layer / "requirements.txt" for layer in LAYERS), PROVIDER):
        assert requirements.locked(locked)


def test_requirements_without_hashes_are_refused(tmp_path):
    (tmp_path / "r.txt").write_text("a==1 \\\n    --hash=sha256:00\nb==2\n")
    with pytest.raises(requirements.BuildError, match="no hashes for b"):
        requirements.locked(tmp_path / "r.txt")


def test_what_is_deployed_has_the_versions_that_the_tests_run_with():
    tested = dict(
        line.split(";")[0].split("==")
        for line in (ROOT / "requirements" / "dev.txt").read_text().splitlines()
        if "==" in line
    )
    tested = {requirements.normalised(name): version.strip() for name, version in tested.items()}
    for locked in (DEFAULT / "requirements.txt", PROVIDER):
        for name, entry in requirements.locked(locked).items():
            assert entry.startswith(f"{name}=={tested[name]} "), name


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_what_the_engine_itself_imports_is_the_same_in_every_layer(layer):
    ours = ("aws-lambda-powertools", "boto3", "jsonschema", "pyyaml")
    assert {name: pins(layer)[name] for name in ours} == {name: pins(DEFAULT)[name] for name in ours}


def pins(layer):
    entries = requirements.locked(layer / "requirements.txt")
    return {name: entry.split()[0] for name, entry in entries.items()}


@pytest.mark.parametrize("version", ["2.11.9", "3.5.1", "3.16", "latest", "../3.16.1"])
def test_an_engine_of_no_release_is_refused(build, tmp_path, version):
    other = Build(build.target, version, None)
    with pytest.raises(
        requirements.BuildError, match=f"{version} is no ParallelCluster release from 3.6.0 on"
    ):
        other.layer(tmp_path / "layer")


def test_what_is_installed_is_useful_on_lambda_and_nothing_else():
    installed = {
        "a/__init__.py": True,
        "a/native.so": True,
        "a/native.pyi": False,
        "a/tests/test_a.py": False,
        "a-1.dist-info/METADATA": True,
        "a-1.dist-info/licenses/LICENSE": True,
        "a-1.dist-info/RECORD": False,
        "a-1.dist-info/INSTALLER": False,
        "a-1.dist-info/uv_cache.json": False,
        "bin/a": False,
        ".lock": False,
    }
    assert {path: useful(path) for path in installed} == installed


def test_a_wheel_for_another_platform_is_installed_without_what_is_not_kept(tmp_path):
    tag = "cp312-cp312-manylinux_2_28_aarch64"
    name = f"a-1-{tag}.whl"
    with zipfile.ZipFile(tmp_path / name, "w") as members:
        members.writestr("a/__init__.py", "")
        members.writestr("a/left_out.txt", "")
        members.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1\n")
        members.writestr(
            "a-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_28_aarch64\n"
        )
        members.writestr("a-1.dist-info/RECORD", "")
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    entry = f"a @ {(tmp_path / name).as_uri()} --hash=sha256:{digest}\n"
    into = tmp_path / "into"
    requirements.install([entry], Target("arm64", "3.12"), into, lambda path: path == "a/__init__.py")
    assert [str(path.relative_to(into)) for path in sorted(into.rglob("*"))] == ["a", "a/__init__.py"]
    with pytest.raises(requirements.BuildError, match=r"for python3\.12-x86_64"):
        requirements.install([entry], Target("x86_64", "3.12"), tmp_path / "other", lambda _: True)


def test_a_wheel_with_another_hash_is_refused(tmp_path):
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"not what was locked")
    entry = f"a @ {(tmp_path / 'a-1-py3-none-any.whl').as_uri()} --hash=sha256:{'0' * 64}\n"
    with pytest.raises(requirements.BuildError, match="uv could not install"):
        requirements.install([entry], Target("x86_64", "3.12"), tmp_path / "into", lambda _: True)


def test_a_program_runs_without_its_symbols(tmp_path):
    program = Path("/bin/true").read_bytes()
    if not program.startswith(b"\x7fELF\x02\x01"):
        pytest.skip("this machine's programs are no 64-bit ELF files")
    stripped = elf.stripped(program + b"debug information")
    assert len(stripped) < len(program)
    (path := tmp_path / "true").write_bytes(stripped)
    path.chmod(0o755)
    assert subprocess.run([path], check=False).returncode == 0


def test_only_64_bit_programs_are_stripped():
    with pytest.raises(ValueError, match="64-bit"):
        elf.stripped(b"#!/bin/sh")


def test_byte_code_is_the_same_each_time_and_names_no_folder_of_this_machine(tmp_path):
    for name in ("one", "two"):
        package = tmp_path / name / "python" / "aws_cdk" / "core"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(
            '"""Doc."""\nNAMES = {"a", "b", "c"}\n\ndef f():\n    raise ValueError\n'
        )
        (tmp_path / name / "plain.py").write_text("X = frozenset({'a', 'b'})\n")
        bytecode.compile_tree(Path(sys.executable), tmp_path / name, "/opt", ("python/aws_cdk",))
    one, two = (
        {str(p.relative_to(tmp_path / n)): p.read_bytes() for p in (tmp_path / n).rglob("*.*") if p.is_file()}
        for n in ("one", "two")
    )
    assert one == two
    assert "python/aws_cdk/core/__init__.pyc" in one
    assert "python/aws_cdk/core/__init__.py" not in one
    assert "plain.py" in one
    assert not any(str(tmp_path).encode() in content for content in one.values())


def test_archives_keep_byte_code_that_was_built_and_drop_what_running_left_behind(tmp_path):
    source = tmp_path / "a.py"
    source.write_text("X = 1\n")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), cfile=str(tmp_path / "built.pyc"), invalidation_mode=unchecked)
    stamped = py_compile.PycInvalidationMode.TIMESTAMP
    py_compile.compile(str(source), cfile=str(tmp_path / "left.pyc"), invalidation_mode=stamped)
    (tmp_path / "a.zip").write_bytes(archive(tmp_path))
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["a.py", "built.pyc"]


def test_two_builds_of_the_engine_give_the_same_bytes_and_no_leftovers(build, tmp_path):
    build.engine(tmp_path / "one")
    build.engine(tmp_path / "two")
    assert archive(tmp_path / "one") == archive(tmp_path / "two")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"cluster_engine", "cluster_schema", "pcluster_cfn"}


def test_an_engine_carries_the_schemas_and_one_more_for_a_release_that_came_later(
    build, tmp_path, monkeypatch
):
    build.engine(tmp_path / "known")
    later = tmp_path / "3.99.0.json"
    later.write_text("{}")
    monkeypatch.setattr(releases, "generated_schema", lambda _: later)
    build.engine(tmp_path / "later")
    there = {
        part: sorted(path.name for path in (tmp_path / part).glob("cluster_schema/schemas/*"))
        for part in ("known", "later")
    }
    assert there == {"known": ["releases.json"], "later": ["3.99.0.json", "releases.json"]}
    assert (tmp_path / "known" / "cluster_schema" / "advisories.yaml").is_file()


def test_the_hook_carries_all_that_it_imports_but_what_the_layer_has(build, tmp_path):
    build.hook(tmp_path / "hook")
    script = (
        "import sys, cluster_hook.handler as hook; "
        "ours = ('cfn_template', 'cluster_hook', 'cluster_schema', 'pcluster_cfn'); "
        "print([m for m in sys.modules if m.partition('.')[0] in ours "
        "and not sys.modules[m].__file__.startswith(sys.argv[1])], "
        "'click' in sys.modules, 'rich' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path / "hook")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.returncode) == ("[] False False\n", 0), run.stderr


def test_the_engine_carries_what_bounds_need_and_starts_without_it(build, tmp_path):
    build.engine(tmp_path / "engine")
    script = (
        "import sys, cluster_engine.update; "
        "late = 'pcluster_cfn' in sys.modules; "
        "from cluster_engine import budget; "
        "ours = ('cluster_engine', 'cluster_schema', 'pcluster_cfn'); "
        "print(late, [m for m in sys.modules if m.partition('.')[0] in ours "
        "and not sys.modules[m].__file__.startswith(sys.argv[1])], "
        "len(budget.prices.table_prices('us-east-1')) > 100)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path / "engine")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.returncode) == ("False [] True\n", 0), run.stderr


def test_an_interpreter_that_does_not_start_is_none():
    assert find_interpreter("3.99") is None
    assert find_interpreter(f"{sys.version_info.major}.{sys.version_info.minor}") is not None


def test_a_stack_is_not_built_for_a_runtime_on_which_nodejs_does_not_start(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tools.artefacts",
        "engine-stack",
        "--python",
        "3.11",
        "--into",
        tmp_path,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Amazon Linux 2, whose glibc 2.26 is too old for Node.js: take --python 3.12" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_sizes_are_shown_beside_the_limits_and_what_is_too_large_is_named():
    sizes = [
        built.Size("provider", 1024, 512),
        built.Size("engine", 2048, 1024),
        built.Size("layer", built.UNZIPPED_LIMIT_BYTES, built.ZIPPED_LIMIT_BYTES + 1),
    ]
    shown = built.table(sizes)
    assert "262,144,000" in shown
    assert "through S3" in shown
    assert built.over_limits(sizes) == [
        "engine and layer: 262,146,048 bytes unzipped, Lambda takes 262,144,000"
    ]
    assert built.over_limits([built.Size(part, 1, 1) for part in ("provider", "engine", "layer")]) == []


def test_the_built_template_names_archives_and_says_what_they_were_built_for():
    text = built.template(built.PROVIDER_STACK, Build(Target("arm64", "3.13"), "3.16.1", None))
    for line in ("CodeUri: provider.zip", "CodeUri: engine.zip", "ContentUri: layer.zip"):
        assert line in text
    assert yaml_parse(text)["Globals"]["Function"]["Architectures"] == ["arm64"]
    assert "Runtime: python3.13" in text
    assert "x86_64" not in text
    assert "python3.12" not in text


@pytest.mark.parametrize(
    "stack", [built.PROVIDER_STACK, built.ENGINE_STACK, built.HOOK_STACK], ids=lambda s: s.template
)
def test_the_built_template_has_no_alias_and_says_what_its_source_says(stack, build):
    text = built.template(stack, build)
    kinds = {type(event) for event in yaml.parse(text)}
    anchors = [event.anchor for event in yaml.parse(text) if getattr(event, "anchor", None)]
    assert yaml.AliasEvent not in kinds
    assert anchors == []
    source = (ROOT / stack.template).read_text()
    for path, archived in built.PATHS.values():
        source = source.replace(path, archived)
    assert yaml_parse(text) == yaml_parse(source.replace("python3.12", f"python{build.target.python}"))


@pytest.mark.parametrize(
    "stack", [built.PROVIDER_STACK, built.ENGINE_STACK, built.HOOK_STACK], ids=lambda s: s.template
)
def test_the_built_template_fits_into_a_request(stack, build):
    # Source: AWS CloudFormation quotas: 51,200 bytes in a request, 1 MB in S3.
    assert len(built.template(stack, build).encode()) <= 51_200


def test_a_build_says_what_it_was_made_of(build):
    about = built.about(build)
    assert (about["pclusterVersion"], about["architecture"]) == ("3.16.1", "x86_64")
    assert about["python"] == build.target.python
    assert about["commit"] is None or re.fullmatch("[0-9a-f]{40}", about["commit"])
    assert isinstance(about["modified"], bool)
