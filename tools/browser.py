"""Makes sure that there is a chromium to test with: ``python -m tools.browser``.

A missing browser is an error, never a reason to skip. On a CI machine it is installed.
"""

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL = "apt-get update && apt-get install --yes --no-install-recommends chromium fonts-liberation"


def executable() -> str | None:
    """Returns the path of the browser: the one that ``CHROMIUM`` names, or the first that is found."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def main() -> None:
    """Finds the browser. Without one, installs it in CI; elsewhere fails and says what to do."""
    if executable() is None and _may_install():
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["/bin/sh", "-c", _INSTALL], check=True, env=quiet)
    found = executable()
    if found is None:
        sys.exit(f"There is no chromium to test with. Install it: {_INSTALL}\nOr name one: CHROMIUM=/path")
    print(f"testing with {found}")  # noqa: T201 - this is the command's output


def _may_install() -> bool:
    return os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get") is not None


if __name__ == "__main__":
    main()
