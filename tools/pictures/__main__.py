"""Makes the pictures of the documentation from the running product.

Usage: ``make pictures``. It deploys clusters on the embedded cloud, which takes some minutes, and needs a
chromium for the launch page.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cfn_template.reading import read_plain
from localcloud.cloud import Cloud
from tools import browser
from tools.pictures import architecture, chart, recordings

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
_COMMAND = (sys.executable, "-m", "pcluster_cfn")
#: Both groups of the form.
_PAGE_SIZE = "760,905"


def main() -> None:
    """Writes every picture and prints its size."""
    template = read_plain((ROOT / "template.yaml").read_text(encoding="utf-8"))
    _write("architecture.svg", architecture.svg(template))
    _write_launch_page()
    with Cloud.start(skip_idle=True) as cloud, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **cloud.environment, **cloud.exports}
        for recording in recordings.made(cloud, environment, _parameters(environment)):
            _write(f"{recording.name}.svg", recording.svg())
            _write(f"{recording.name}.txt", recording.text())
        _write("dashboard.svg", _dashboard(cloud, environment, Path(folder)))


def _write(name: str, text: str) -> None:
    (IMAGES / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{name}: {len(text) / 1024:.0f} KiB\n")


def _write_launch_page() -> None:
    """Shows the page of the simplest example, with a browser that asks nobody for anything."""
    chromium = browser.executable()
    if chromium is None:
        sys.exit("There is no chromium: make test-browser says how to install one.")
    url = "https://my-bucket.s3.us-east-1.amazonaws.com/hpc.yaml"
    with tempfile.TemporaryDirectory() as folder:
        page, picture = Path(folder, "hpc.html"), IMAGES / "launch-page.png"
        made = [
            *_COMMAND,
            "launch-page",
            "examples/simple-cluster.yaml",
            "--template-url",
            url,
            "-o",
            str(page),
        ]
        subprocess.run(made, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        size = [f"--window-size={_PAGE_SIZE}", "--hide-scrollbars", f"--user-data-dir={folder}"]
        quiet = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        subprocess.run(
            [chromium, *quiet, *size, f"--screenshot={picture}", page.as_uri()],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    sys.stdout.write(f"launch-page.png: {picture.stat().st_size / 1024:.0f} KiB\n")


def _parameters(environment: Mapping[str, str]) -> list[str]:
    seeded = {"HeadNodeSubnet": "HEAD_NODE_SUBNET", "ComputeSubnet": "COMPUTE_SUBNET", "KeyName": "KEY_NAME"}
    return [word for name, variable in seeded.items() for word in ("-p", f"{name}={environment[variable]}")]


def _dashboard(cloud: Cloud, environment: Mapping[str, str], folder: Path) -> str:
    """Returns the dashboard after some clusters: created, updated and deleted, one refused and one failed."""
    _run(
        ["deploy", "template.yaml", "--stack-name", "pcluster-provider", "-p", "Dashboard=true"], environment
    )
    cloudformation = cloud.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="pcluster-provider")["Stacks"]
    dashboard = cloudformation.describe_stack_resource(
        StackName="pcluster-provider", LogicalResourceId="OperationsDashboard"
    )["StackResourceDetail"]["PhysicalResourceId"]
    token = next(each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "ServiceToken")
    template, text = folder / "cluster.yaml", _smallest_template()
    template.write_text(text, encoding="utf-8")

    def deploy(name: str, **changes: str) -> None:
        given = [word for key, value in changes.items() for word in ("-p", f"{key}={value}")]
        parameters = [*_parameters(environment), "-p", f"ServiceToken={token}", *given]
        _run(["deploy", str(template), "--stack-name", name, *parameters], environment)

    cloud.set_head_nodes(cluster="c-failing", failure={"reason": "Failed to run mount-scratch.sh"})
    for name in ("red", "failing", "blue"):
        deploy(name)
    deploy("missing", KeyName="nobody")
    template.write_text(text.replace("MaxCount: 4", "MaxCount: 8"), encoding="utf-8")
    deploy("red")
    _run(["delete", "blue"], environment)
    end = datetime.fromisoformat(cloud.now())
    return chart.svg(chart.Account(cloud.client, stack["CreationTime"], end), dashboard)


def _smallest_template() -> str:
    """Returns the template of the README."""
    (text,) = re.findall(
        r"```yaml\n(Parameters:.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return str(text)


def _run(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Runs the command, whether its stack succeeds or fails: the dashboard shows both."""
    done = subprocess.run(
        [*_COMMAND, *arguments], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode not in {0, 1}:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
