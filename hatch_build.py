"""Adds to the wheel what the command deploys, builds and runs: the sources outside its own packages."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Its place in the wheel. ``pcluster_cfn.project`` finds it there.
_FOLDER = "pcluster_cfn/sources"
#: Laid out as in the repository, so that paths between them stay the same.
_SOURCES = (
    "engine.yaml",
    "examples/simple-cluster.yaml",
    "hook.yaml",
    "layers",
    "provider",
    "requirements/runtime.txt",
    "template.yaml",
    "tools/__init__.py",
    "tools/artefacts",
    "tools/configuration_schema",
    "tools/pip.py",
)


class ProviderSources(BuildHookInterface):
    """Adds copies, and the commit that they come from; an editable install has the repository itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See ``BuildHookInterface``."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()  # removed when the build's process ends
        commit = Path(self._folder.name) / "commit.json"
        commit.write_text(json.dumps(self._commit(), indent=1) + "\n", encoding="utf-8")
        added = {str(Path(self.root) / source): f"{_FOLDER}/{source}" for source in _SOURCES}
        build_data["force_include"] |= {**added, str(commit): f"{_FOLDER}/commit.json"}

    def _commit(self) -> dict[str, Any]:
        """The repository's commit, and whether files differ from it; None without Git or outside a clone."""
        commit = self._git("rev-parse", "HEAD") if (Path(self.root) / ".git").exists() else None
        return {"commit": commit, "modified": commit is not None and bool(self._git("status", "--porcelain"))}

    def _git(self, *arguments: str) -> str | None:
        git = shutil.which("git")
        if git is None:
            return None
        done = subprocess.run([git, *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None
