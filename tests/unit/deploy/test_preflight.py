"""Sources are not deployed to AWS, where functions would run without their packages."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.deploy.preflight import require_built
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template
from tools.artefacts.parts import Build
from tools.artefacts.target import Target

EXAMPLES = Path("examples")
NESTING = [EXAMPLES / name for name in ("simple-cluster.yaml", "one-click.yaml", "long-creation.yaml")]
AWS, THIS_MACHINE = "https://cloudformation.us-east-1.amazonaws.com", "http://127.0.0.1:1"


def refusal(path):
    with pytest.raises(CommandError) as refused:
        require_built(Template.read(path), path)
    return str(refused.value)


def naming(folder, *paths):
    """Writes a template with a function for each path."""
    functions = {
        f"Function{number}": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": str(path)}}
        for number, path in enumerate(paths)
    }
    template = folder / "functions.json"
    template.write_text(json.dumps({"Resources": functions}))
    return template


def deploy(path, endpoint_url):
    done = CliRunner().invoke(main, ["deploy", str(path)], env={"AWS_ENDPOINT_URL": endpoint_url})
    assert done.exit_code == 1
    return done.output


def test_the_provider_s_own_template_is_source_and_what_is_built_of_it_is_named():
    assert refusal(Path("template.yaml")) == (
        "template.yaml: Provider.CodeUri names provider/front, which is source code: on AWS it would lack "
        "its packages; run make build, then deploy build/template.yaml in its place"
    )


def test_an_engine_s_template_is_built_by_a_target_of_its_own():
    assert "engine.yaml: Engine.CodeUri names provider/engine" in (said := refusal(Path("engine.yaml")))
    assert "run make engine PCLUSTER_VERSION=…, then deploy build/engine-…/template.yaml" in said


@pytest.mark.parametrize("path", NESTING, ids=str)
def test_a_nested_source_is_named_and_what_to_nest_instead(path):
    said = refusal(path)
    assert said.startswith("template.yaml: Provider.CodeUri names provider/front")
    assert said.endswith(f"write Provider.TemplateURL: ../build/template.yaml in {path}")


def test_what_to_nest_instead_is_a_path_from_the_nesting_template():
    assert "TemplateURL: ../../build/template.yaml in" in refusal(
        EXAMPLES / "many-clusters" / "provider.yaml"
    )


@pytest.mark.parametrize("folder", ["provider/front", "provider/engine", "layers/pcluster"])
def test_every_part_is_known_as_source_wherever_the_template_is(folder, tmp_path):
    path = naming(tmp_path, Path(folder).resolve())
    assert f"Function0.CodeUri names {Path(folder).resolve()}, which is source" in refusal(path)


def test_what_was_built_is_no_source_nor_is_anybody_else_s_code(tmp_path):
    Build(Target("x86_64", "3.12"), "3.16.1", None).engine(tmp_path / "engine")
    (tmp_path / "provider.zip").write_bytes(b"")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "Makefile").write_text("build-Own:\n\tcp -r . $(ARTIFACTS_DIR)\n")
    path = naming(tmp_path, "engine", "provider.zip", "own", "s3://elsewhere/code.zip", "nowhere")
    require_built(Template.read(path), path)


def test_a_source_is_refused_before_anything_is_asked_of_aws():
    # The guard of the tests would refuse a connection in other words.
    assert "on AWS it would lack its packages" in deploy(NESTING[0], AWS)


def test_on_an_embedded_cloud_sources_are_as_good():
    assert "must be uploaded; name a bucket with --bucket" in deploy(NESTING[0], THIS_MACHINE)
