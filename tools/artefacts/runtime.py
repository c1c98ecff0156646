"""Makes a virtual environment like Lambda's Python runtime, in which the embedded cloud runs functions."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.artefacts.parts import ROOT
from tools.artefacts.requirements import BuildError

_LOCKED = ROOT / "requirements" / "runtime.txt"


def make(interpreter: Path, folder: Path) -> Path:
    """Returns the interpreter of the environment, which is made anew if the locked requirements changed.

    Raises:
        BuildError: pip could not install into it.
    """
    made_of = folder / "made-of.txt"
    wanted = f"{interpreter}\n{_LOCKED.read_text(encoding='utf-8')}"
    python = folder / "bin" / "python"
    if made_of.is_file() and made_of.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    options = ["--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    done = subprocess.run(
        [*pip, *options, "--requirement", str(_LOCKED)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"pip could not make the functions' environment:\n{done.stderr[-3000:]}")
    made_of.write_text(wanted, encoding="utf-8")
    return python
