"""Compiles modules to byte code for the target Python, so that cold starts need not.

Code and layers are read-only on Lambda. A module without byte code is compiled at every cold start.
"""

import os
import subprocess
from pathlib import Path

#: Runs in the target's interpreter. Hash-based byte code, never checked: files on Lambda have any time stamp.
#: Source: PEP 552. Files in order, one process and a fixed hash seed give the same bytes each time.
_COMPILE = """
import sys
del sys.path[0]
import py_compile
from pathlib import Path
root, shown, sourceless = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
for source in sorted(root.rglob("*.py")):
    name = source.relative_to(root).as_posix()
    alone = any(name.startswith(prefix + "/") for prefix in sourceless)
    py_compile.compile(
        str(source),
        cfile=str(source.with_suffix(".pyc")) if alone else None,
        dfile=shown + "/" + name,
        doraise=True,
        optimize=2 if alone else 0,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if alone:
        source.unlink()
"""


def compile_tree(interpreter: Path, root: Path, shown: str, sourceless: tuple[str, ...] = ()) -> None:
    """Compiles every module below a folder.

    Args:
        interpreter: An interpreter of the target's version.
        root: The folder; compiled in place.
        shown: The folder that tracebacks name.
        sourceless: Folders below the root that keep only byte code, without docstrings.

    Raises:
        subprocess.CalledProcessError: A module does not compile.
    """
    subprocess.run(
        [interpreter, "-sS", "-c", _COMPILE, root, shown, *sourceless],
        check=True,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
    )
