"""What stays of the CDK's modules."""

import gzip
import io
import json
import tarfile

from tools.artefacts import slimming

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
