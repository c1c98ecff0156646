"""What the README shows works."""

import re
import subprocess
import sys
from pathlib import Path

from localcloud import guard

SOURCE = Path(guard.__file__).parents[1]
README = Path(__file__).parents[2] / "README.md"


def test_the_example_in_python_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("[] []\n", "")
