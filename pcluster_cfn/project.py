"""Where the files are that the command deploys, builds and runs: the clone, or their copies in the wheel."""

from pathlib import Path
from typing import Final

#: In the wheel, laid out as in the repository. Source: ``hatch_build.py``.
_COPIES = Path(__file__).with_name("sources")
ROOT: Final = _COPIES if _COPIES.is_dir() else Path(__file__).parents[1]
