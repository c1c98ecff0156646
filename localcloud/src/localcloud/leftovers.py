"""Temporary folders of clouds, and the removal of those that killed clouds left behind.

A cloud that is killed cannot remove its folders: some 150 MB once a cluster has been made. Each folder names
the process that it belongs to, so that a later cloud can tell which are left behind.
"""

import json
import os
import shutil
import stat
import tempfile
from dataclasses import asdict
from pathlib import Path

from localcloud.processes import ProcessIdentity, identify, runs

PREFIX = "localcloud-"
_MARK = "process.json"


def make_folder(kind: str = "") -> Path:
    """Makes a folder in the system's temporary folder that belongs to this process.

    Args:
        kind: Part of its name, such as ``tls-``.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}"))
    process = identify(os.getpid())
    if process is not None:
        (folder / _MARK).write_text(json.dumps(asdict(process)), encoding="utf-8")
    return folder


def clear() -> list[Path]:
    """Removes what clouds of this user left behind that run no more; returns the folders.

    Only real folders of this user with the mark of ``make_folder`` are removed, and no link is followed.
    """
    root = Path(tempfile.gettempdir())
    found = [folder for folder in root.glob(f"{PREFIX}*") if _is_left_behind(folder)]
    for folder in found:
        # Another cloud that starts now may remove it, too.
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _is_left_behind(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        marked = _mark(folder / _MARK)
    except (OSError, ValueError, TypeError, KeyError):  # it goes at this moment, or is not marked as ours are
        return False
    return not runs(marked)


def _mark(file: Path) -> ProcessIdentity:
    if file.is_symlink():
        raise ValueError(f"{file} is a link")
    content = json.loads(file.read_text(encoding="utf-8"))
    return ProcessIdentity(int(content["pid"]), str(content["started"]))
