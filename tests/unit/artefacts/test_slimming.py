"""What stays of the CDK's modules, and which AWS services stay in a part."""

import ast
import gzip
import io
import json
import tarfile
from importlib.util import find_spec
from pathlib import Path

import boto3

from tools.artefacts import slimming
from tools.artefacts.parts import ROOT

DESCRIBED = {
    "name": "core",
    "readme": {"markdown": "# Core"},
    "types": {"core.App": {"docs": {"summary": "An app."}, "symbolId": "a", "methods": [{"name": "docs"}]}},
}
MEMBERS = {
    "package/.jsii": json.dumps(DESCRIBED),
    "package/.jsii.tabl.json": "{}",
    "package/README.md": "# Core",
    "package/lib/app.d.ts": "export class App {}",
    "package/lib/app.js": "exports.App = 1;\n//# sourceMappingURL=data:application/json;base64,AAAA",
    "package/lib/handler/index.py": "# sourceMappingURL=data: is not for me\n",
}


def archive(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue())


def unpacked(content):
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar}


def test_programs_and_descriptions_stay_without_what_only_people_read():
    kept = unpacked(slimming.slimmed(archive(MEMBERS)))
    assert kept.keys() == {"package/.jsii", "package/lib/app.js", "package/lib/handler/index.py"}
    assert kept["package/lib/app.js"] == "exports.App = 1;\n"
    assert kept["package/lib/handler/index.py"] == MEMBERS["package/lib/handler/index.py"]
    described = {"name": "core", "types": {"core.App": {"methods": [{"name": "docs"}]}}}
    assert json.loads(kept["package/.jsii"]) == described


def test_the_same_archive_comes_out_each_time():
    assert slimming.slimmed(archive(MEMBERS)) == slimming.slimmed(archive(MEMBERS))


LIBRARY = Path(find_spec("pcluster").origin).parent
ENGINE = ROOT / "provider" / "engine" / "cluster_engine"


def clients_made(package):
    """Returns the services for which a package makes clients: in calls of boto3, and in wrappers of it."""
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_bytes())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="client" | "resource" | "__init__"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    yield name


def test_what_code_names_stays_and_the_rest_goes(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("client = make(name='resource-groups')\n")
    for name in ("resource-groups", "braket"):
        (tmp_path / "data" / name / "2020-01-01").mkdir(parents=True)
    (tmp_path / "data" / "endpoints.json").write_text("{}")
    slimming.keep_named_services(tmp_path / "data", [tmp_path / "code"])
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"resource-groups", "endpoints.json"}


def test_endpoints_stay_for_the_services_that_stay_by_the_names_they_have_there(tmp_path):
    described = tmp_path / "elbv2" / "2015-12-01"
    described.mkdir(parents=True)
    description = {"metadata": {"endpointPrefix": "elasticloadbalancing"}}
    (described / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(description).encode()))
    listed = {"regions": {"r": {}}, "services": {"braket": {}, "elasticloadbalancing": {"endpoints": {}}}}
    endpoints = tmp_path / "endpoints.json"
    endpoints.write_text(json.dumps({"version": 3, "partitions": [listed]}))
    slimming.cut_endpoints(tmp_path)
    kept = {"regions": {"r": {}}, "services": {"elasticloadbalancing": {"endpoints": {}}}}
    assert json.loads(endpoints.read_text()) == {"version": 3, "partitions": [kept]}


def test_every_client_that_the_library_and_the_engine_make_is_among_what_they_name():
    known = set(boto3.Session().get_available_services())
    made = {name for package in (LIBRARY, ENGINE) for name in clients_made(package)} & known
    assert {"cloudformation", "dynamodb", "ec2", "elbv2", "fsx", "resource-groups", "sts"} <= made
    assert made <= slimming.texts(LIBRARY) | slimming.texts(ENGINE)
