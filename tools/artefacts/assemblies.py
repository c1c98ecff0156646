"""Takes out of the CDK's modules what is for people: a cold start unpacks and reads all of it.

A module's JavaScript is in an archive, which the Python side hands over to Node.js. Source: jsii 1.85,
python-runtime, JSIIAssembly.load, and kernel, Kernel.load.
"""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

#: What nothing reads while a program runs: types, translated examples, prose.
_USELESS = (".d.ts", ".jsii.tabl.json", ".md", ".markdown", ".ts-fixture")
#: A source map inside of a program. Source: ECMA-426, "Linking generated code to source maps".
_SOURCE_MAP = re.compile(rb"^//# sourceMappingURL=data:.*$", re.MULTILINE)
_ASSEMBLY = "package/.jsii"
#: Optional keys of a module's description, for documentation only. Source: @jsii/spec, assembly.
_PROSE = {"docs", "readme", "locationInModule", "symbolId"}


def slim(packages: Path) -> None:
    """Rewrites every archive below a folder, the same bytes each time."""
    for path in packages.rglob("*.jsii.tgz"):
        path.write_bytes(slimmed(path.read_bytes()))


def slimmed(archive: bytes) -> bytes:
    """Returns an archive without what only people read."""
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as kept,
    ):
        for member in members:
            content = members.extractfile(member)
            if content is not None and not member.name.endswith(_USELESS):
                body = _without_prose(member.name, content.read())
                member.size = len(body)
                kept.addfile(member, io.BytesIO(body))
    return gzip.compress(plain.getvalue(), mtime=0)


def _without_prose(name: str, body: bytes) -> bytes:
    if name.endswith(".js"):
        return _SOURCE_MAP.sub(b"", body)
    if name == _ASSEMBLY:
        return json.dumps(_described(json.loads(body)), separators=(",", ":")).encode()
    return body


def _described(value: Any) -> Any:
    match value:
        case dict():
            return {key: _described(item) for key, item in value.items() if key not in _PROSE}
        case list():
            return [_described(item) for item in value]
        case _:
            return value
