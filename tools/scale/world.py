"""The embedded cloud with the provider deployed from its sources, and the names of its parts."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfn_template.nodes import put
from localcloud.cloud import Cloud
from pcluster_cfn.package import Bucket, package
from pcluster_cfn.template import Template

ROOT = Path(__file__).parents[2]
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PROVIDER_STACK = "provider"
_LOOK_EVERY_S = 5.0
#: No client calls while the operations run, so the clock need not wait for any.
_IDLE_GRACE_S = 0.01
#: The module that wraps the engine, deployed beside it. Its names are repeated here, because it imports the
#: library, which this process does not need.
_REPLAY = Path(__file__).with_name("replay.py")
_FOLDER_FILE, _LOG_FILE = "recordings.path", "log"


class ScaleError(Exception):
    """The run failed: something that it needs did not start, or did not end."""


@dataclass(frozen=True)
class World:
    """A cloud with a provider.

    Args:
        cloud: The embedded cloud.
        service_token: The provider's ServiceToken.
        provider: Name of the provider function.
        engine: Name of the engine function.
        table: Name of the operations table.
        dead_letters: URL of the dead-letter queue.
        sweep: Name of the rule that sweeps.
        recordings: Folder in which the engine keeps recorded syntheses; None if it replays nothing.
    """

    cloud: Cloud
    service_token: str
    provider: str
    engine: str
    table: str
    dead_letters: str
    sweep: str
    recordings: Path | None

    def settle(self, is_over: Callable[[], bool], what: str, patience_s: float) -> None:
        """Waits, in real time, until a condition holds.

        Raises:
            ScaleError: It does not hold in time.
        """
        give_up_at = time.monotonic() + patience_s
        while not is_over():
            if time.monotonic() > give_up_at:
                raise ScaleError(f"{what}: not over after {patience_s:.0f} s\n{self.cloud.log}")
            time.sleep(_LOOK_EVERY_S)

    def syntheses(self) -> Counter[str]:
        """Returns how often the library synthesised a template, and how often one was replayed."""
        log = self.recordings / _LOG_FILE if self.recordings else None
        return Counter(log.read_text(encoding="utf-8").split() if log and log.exists() else ())


@contextmanager
def open_world(log_dir: Path | None, *, replays: bool, concurrency: int) -> Iterator[World]:
    """Starts a cloud that skips waits in which nothing happens, and deploys ``template.yaml`` to it.

    Args:
        log_dir: The folder of the functions' logs; None for a temporary one.
        replays: Whether the engine replays syntheses, see ``tools.scale.replay``.
        concurrency: Execution environments per function at most.

    Raises:
        ScaleError: The provider stack did not come up.
    """
    with (
        tempfile.TemporaryDirectory(prefix="scale-") as folder,
        Cloud.start(
            skip_idle=True,
            paced=True,
            idle_grace_s=_IDLE_GRACE_S,
            log_dir=log_dir,
            concurrency=concurrency,
        ) as cloud,
    ):
        template = Template.read(ROOT / "template.yaml")
        recordings = _replay(template, Path(folder)) if replays else None
        stack_id = _deploy(cloud, template)
        cloudformation = cloud.client("cloudformation")

        def physical_id(logical_id: str) -> str:
            found = cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
            name: str = found["StackResourceDetail"]["PhysicalResourceId"]
            return name

        described = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in described["Outputs"]}
        yield World(
            cloud=cloud,
            service_token=outputs["ServiceToken"],
            provider=physical_id("Provider"),
            engine=physical_id("Engine"),
            table=physical_id("OperationsTable"),
            dead_letters=physical_id("DeadLetterQueue"),
            sweep=physical_id("ProviderSweep"),
            recordings=recordings,
        )


def _replay(template: Template, folder: Path) -> Path:
    """Wraps the engine of a template; returns the folder of its recordings."""
    code, recordings = folder / "engine", folder / "recordings"
    shutil.copytree(ROOT / "provider" / "engine", code, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_REPLAY, code)
    recordings.mkdir()
    (code / _FOLDER_FILE).write_text(str(recordings), encoding="utf-8")
    (engine,) = (resource for resource in template.resources() if resource.logical_id == "Engine")
    put(engine.properties, "CodeUri", str(code))
    put(engine.properties, "Handler", f"{_REPLAY.stem}.handler")
    return recordings


def _deploy(cloud: Cloud, template: Template) -> str:
    bucket = Bucket(cloud.client("s3"), cloud.exports["ARTIFACT_BUCKET"])
    package(template, ROOT, bucket)
    address = bucket.url(bucket.put(template.text().encode(), ".template"))
    cloudformation = cloud.client("cloudformation")
    created: dict[str, Any] = cloudformation.create_stack(
        StackName=_PROVIDER_STACK, TemplateURL=address, Capabilities=_CAPABILITIES
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=_PROVIDER_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    stack_id: str = created["StackId"]
    return stack_id
