"""``pcluster-cfn validate --dry-run`` on the template of a stack, as a user's shell would run it."""

import os
import subprocess
import sys

from tests.e2e.account import DEADLINE_S, ROOT

COMMAND = (sys.executable, "-m", "pcluster_cfn", "validate", "--dry-run")
PYTHONPATH = f"{ROOT}:{ROOT / 'provider' / 'engine'}"


def foretell(parent, folder, *arguments):
    """Returns the command's exit status and what it says of a stack's template, written into a folder."""
    cloud = parent.account.cloud
    path = folder / f"{parent.name}.json"
    path.write_text(parent.body())
    done = subprocess.run(
        [*COMMAND, path, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **cloud.environment, **cloud.exports},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr in {"", "1 cluster checked in 1 template\n"}
    return done.returncode, done.stdout
