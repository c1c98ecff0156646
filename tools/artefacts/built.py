"""Builds a stack into a folder: its parts, their archives, and a template that names the archives."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfn_template.composing import compose
from cfn_template.nodes import serialize
from pcluster_cfn import editor_schemas
from pcluster_cfn.package import archive
from pcluster_cfn.validation.resource_check import RESOURCES
from tools.artefacts.parts import ROOT, Build
from tools.artefacts.requirements import BuildError

#: Source: AWS Lambda quotas: function and layers unzipped 250 MB, one zip uploaded directly 50 MB.
UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
ZIPPED_LIMIT_BYTES = 50 * 1024 * 1024

#: The local path of each part in a template, and the archive that replaces it.
PATHS = {
    "provider": ("CodeUri: provider/front", "CodeUri: provider.zip"),
    "engine": ("CodeUri: provider/engine", "CodeUri: engine.zip"),
    "hook": ("CodeUri: provider/hook", "CodeUri: hook.zip"),
    "layer": ("ContentUri: layers/pcluster", "ContentUri: layer.zip"),
}
#: In a wheel: the commit that its copies come from. Source: ``hatch_build.py``.
_COMMIT = ROOT / "commit.json"
_TEMPLATE_ARCH, _TEMPLATE_PYTHON, _TEMPLATE_VERSION = "x86_64", "python3.12", "3.16.1"


@dataclass(frozen=True)
class Stack:
    """A template of this project, and the parts that it deploys, in build order."""

    template: str
    parts: tuple[str, ...]


PROVIDER_STACK = Stack("template.yaml", ("provider", "layer", "engine"))
ENGINE_STACK = Stack("engine.yaml", ("layer", "engine"))
#: Its layer is the provider stack's.
HOOK_STACK = Stack("hook.yaml", ("engine", "hook"))


@dataclass(frozen=True)
class Size:
    """The size of a part."""

    part: str
    unzipped_bytes: int
    zipped_bytes: int


def build(stack: Stack, build: Build, folder: Path) -> list[Size]:
    """Builds a stack into a folder: its parts, archives, template, and the provider's schemas.

    Returns:
        The sizes of the parts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    make = {"provider": build.provider, "engine": build.engine, "hook": build.hook, "layer": build.layer}
    for part in stack.parts:
        make[part](folder / part)
        (folder / f"{part}.zip").write_bytes(archive(folder / part))
    if stack is PROVIDER_STACK:
        write_schemas(folder / "schemas")
    (folder / "template.yaml").write_text(template(stack, build), encoding="utf-8")
    (folder / "build.json").write_text(json.dumps(about(build), indent=1) + "\n", encoding="utf-8")
    return sizes_of(stack, folder)


def write_schemas(folder: Path) -> None:
    """Writes the schemas for editors, and the one of the resources, which are published with the provider."""
    folder.mkdir(exist_ok=True)
    for name, text in editor_schemas.files():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copyfile(RESOURCES, folder / RESOURCES.name)


def about(build: Build) -> dict[str, Any]:
    """Returns what a build was made from, for publishing. Without Git, the commit is None."""
    return {
        "pclusterVersion": build.pcluster_version,
        "architecture": build.target.arch,
        "python": build.target.python,
        **_commit(),
    }


def _commit() -> dict[str, Any]:
    if _COMMIT.is_file():
        noted: dict[str, Any] = json.loads(_COMMIT.read_text(encoding="utf-8"))
        return noted
    commit = _git("rev-parse", "HEAD")
    return {"commit": commit, "modified": commit is not None and bool(_git("status", "--porcelain"))}


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def sizes_of(stack: Stack, folder: Path) -> list[Size]:
    """Returns the sizes of a stack's parts in a folder that was built."""
    return [
        Size(part, _unzipped_bytes(folder / part), (folder / f"{part}.zip").stat().st_size)
        for part in stack.parts
    ]


def over_limits(sizes: list[Size]) -> list[str]:
    """Returns a sentence for each size that Lambda would refuse."""
    unzipped = {size.part: size.unzipped_bytes for size in sizes}
    totals = {"engine and layer": unzipped["engine"] + unzipped.get("layer", 0)}
    if "provider" in unzipped:
        totals["provider"] = unzipped["provider"]
    return [
        f"{what}: {total:,} bytes unzipped, Lambda takes {UNZIPPED_LIMIT_BYTES:,}"
        for what, total in totals.items()
        if total > UNZIPPED_LIMIT_BYTES
    ]


def table(sizes: list[Size]) -> str:
    """Returns the sizes beside Lambda's limits, as text."""
    by_part = {size.part: size for size in sizes}
    rows = [
        ("", "unzipped", "MiB", "of 250", "zipped", "MiB", "upload"),
        *(_row(size.part, size.unzipped_bytes, size.zipped_bytes) for size in sizes),
    ]
    if "layer" in by_part:
        unzipped = by_part["engine"].unzipped_bytes + by_part["layer"].unzipped_bytes
        rows.append(_row("engine and layer", unzipped, None))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in {0, len(row) - 1} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(part: str, unzipped_bytes: int, zipped_bytes: int | None) -> tuple[str, ...]:
    share = f"{unzipped_bytes / UNZIPPED_LIMIT_BYTES:.0%}"
    unzipped = (f"{unzipped_bytes:,}", f"{unzipped_bytes / 2**20:.1f}", share)
    if zipped_bytes is None:
        return (part, *unzipped, "", "", "")
    upload = "direct or S3" if zipped_bytes <= ZIPPED_LIMIT_BYTES else "through S3 (over 50 MiB)"
    return (part, *unzipped, f"{zipped_bytes:,}", f"{zipped_bytes / 2**20:.1f}", upload)


def _unzipped_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def template(stack: Stack, build: Build) -> str:
    """Returns a stack's template for what was built: archives, processor, Python, version."""
    text = (ROOT / stack.template).read_text(encoding="utf-8")
    for path, built in (PATHS[part] for part in stack.parts):
        if text.count(path) != 1:
            raise BuildError(f"{stack.template} does not have exactly one {path}")
        text = text.replace(path, built)
    text = text.replace(_TEMPLATE_ARCH, build.target.arch)
    text = text.replace(_TEMPLATE_PYTHON, f"python{build.target.python}")
    text = text.replace(_TEMPLATE_VERSION, build.pcluster_version)
    root = compose(text)
    if root is None:
        raise BuildError(f"{stack.template} is empty")
    return f"# Built from {stack.template}, which has the comments.\n{serialize(root)}"
