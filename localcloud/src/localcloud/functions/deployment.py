"""The content of an execution environment: unpacked code and layers, and the function's settings."""

import io
import os
import shutil
import stat
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

#: Source: AWS Lambda developer guide, execution environment: only /tmp can be written to.
_READ_ONLY_FOLDER = 0o555


@dataclass(frozen=True)
class Deployment:
    """A function's code and settings; a change in any field needs new execution environments."""

    function_name: str
    function_arn: str
    role_arn: str
    version: str
    handler: str
    runtime: str
    code: Path
    layers: tuple[Path, ...]
    variables: tuple[tuple[str, str], ...]
    timeout_s: int
    memory_mb: int
    log_group: str
    log_format: str
    account: str
    region: str

    @property
    def qualified_arn(self) -> str:
        """The ARN with its version, as destinations' records name it."""
        return f"{self.function_arn}:{self.version}"


@dataclass(frozen=True)
class Archive:
    """A zip archive.

    Args:
        content: Its bytes.
        digest: SHA-256 of them, hexadecimal; computed once, since archives are large and asked for often.
    """

    content: bytes = field(repr=False)
    digest: str

    def unzipped_bytes(self) -> int:
        """Returns how much space its members take.

        Raises:
            zipfile.BadZipFile: It is not a zip archive.
        """
        with zipfile.ZipFile(io.BytesIO(self.content)) as members:
            return sum(member.file_size for member in members.infolist())


def unpack(archive: Archive, folder: Path) -> Path:
    """Unpacks an archive below a folder, once for each content, read-only, and returns where.

    Raises:
        zipfile.BadZipFile: It is not a zip archive.
        ValueError: A member would land outside the folder.
    """
    destination = folder / archive.digest[:32]
    if destination.exists():
        return destination
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder, prefix="unpacking-"))
    try:
        with zipfile.ZipFile(io.BytesIO(archive.content)) as members:
            for member in members.infolist():
                _extract(members, member, unfinished)
        for inner in unfinished.rglob("*"):
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(_READ_ONLY_FOLDER)
        unfinished.rename(destination)
    except OSError:
        if not destination.exists():  # else: unpacked by another thread meanwhile
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return destination


def _extract(members: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = (folder / member.filename).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"archive member {member.filename!r} leads outside its folder")
    mode = member.external_attr >> 16
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(mode):  # layers with Node.js have them
        _link(target, os.fsdecode(members.read(member)), folder)
        return
    with members.open(member) as source, target.open("wb") as destination:
        shutil.copyfileobj(source, destination)
    # Lambda makes every file readable and none writable; zips made by build tools may carry no mode at all.
    target.chmod(mode & 0o555 | 0o444)


def _link(target: Path, aim: str, folder: Path) -> None:
    if not (target.parent / aim).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"symbolic link {aim!r} leads outside its archive")
    target.symlink_to(aim)
