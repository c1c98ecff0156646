"""Wraps the engine: its library synthesises a configuration's first two templates and replays later ones.

The bench deploys this module beside the engine and makes it the function's handler; nothing else uses it.
It replaces one step of the library: from a validated configuration to a template and its assets. The first
synthesis of a configuration is recorded. The second runs, too, and is compared with the replayed recording.
Later ones are replayed only if the two were equal, byte for byte.
"""

import hashlib
import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from botocore import hooks
from pcluster.models.s3_bucket import S3FileFormat
from pcluster.templates.cdk_builder import CDKTemplateBuilder

from cluster_engine import handler as engine

#: A file beside this module that names the folder of the recordings; the bench writes it.
FOLDER_FILE = "recordings.path"
#: A file in that folder, with the outcome of each synthesis on a line.
LOG_FILE = "log"
SYNTHESISED, EQUAL, DIFFERENT, REPLAYED = "synthesised", "equal", "different", "replayed"

#: Source: pcluster/templates/cluster_stack.py: both are made from the time of the synthesis.
_TIMESTAMP = re.compile(r'"HeadNodeWaitCondition(\d{14})"')
_LOG_GROUP = re.compile(r"/aws/parallelcluster/[^\"\\]+-\d{12}")
#: Values that stacks pass to each other are named after their construct's path and its digest, which both
#: start with the cluster's name. Source: AWS CDK 1, core/lib/private/refs.ts and uniqueid.ts.
_PATH = re.compile(r"<<path (?P<path>[^>]+)>>")
#: The parameters by which a template finds an asset. Source: AWS CDK 1, core/lib/stack-synthesizers/legacy.
_ASSET_PARAMETERS = ("ArtifactHash", "S3Bucket", "S3VersionKey")

Synthesis = tuple[dict[str, Any], list[dict[str, Any]]]
Build = Callable[..., Synthesis]


@dataclass(frozen=True)
class Names:
    """The names in which two syntheses of one configuration differ; names that contain others come first."""

    directory: str
    log_group: str
    config_version: str
    source_version: str
    instance_types_version: str
    timestamp: str
    stack: str

    def hide(self, text: str) -> str:
        """Replaces the names by placeholders."""
        for name in set(re.findall(rf"{self._plain}(\w+)", text)):
            for found in re.finditer("(?=([0-9A-F]{8}))", name):
                if path := self._path(name[: found.start()], found[1]):
                    text = text.replace(self._construct(path), f"<<path {path}>>")
        for item in fields(self):
            text = text.replace(getattr(self, item.name), f"<<{item.name}>>")
        return text

    def show(self, text: str) -> str:
        """Replaces the placeholders by the names."""
        for item in fields(self):
            text = text.replace(f"<<{item.name}>>", getattr(self, item.name))
        return _PATH.sub(lambda found: self._construct(found["path"]), text)

    def _path(self, name: str, digest: str) -> str | None:
        """The path of a construct from its name without slashes and the digest behind it."""
        words = re.findall("[A-Z]?[^A-Z]+|[A-Z]", name)
        for slashes in product(("", "/"), repeat=len(words) - 1):
            path = "".join(slash + word for slash, word in zip(("", *slashes), words, strict=True))
            if digest == _digest(f"{self.stack}/{path}"):
                return path
        return None

    def _construct(self, path: str) -> str:
        return f"{self._plain}{path.replace('/', '')}{_digest(f'{self.stack}/{path}')}"

    @property
    def _plain(self) -> str:
        return re.sub("[^A-Za-z0-9]", "", self.stack)


@dataclass(frozen=True)
class Wanted:
    """The arguments of ``CDKTemplateBuilder.build_cluster_template``."""

    config: Any
    bucket: Any
    stack_name: str
    log_group_name: str | None

    @property
    def key(self) -> str:
        """Returns a key that is the same for all clusters of one configuration, new or updated."""
        what = [self.config.source_config, self.bucket.name, self.log_group_name is None]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def names(self, synthesis: Synthesis | None) -> Names:
        """Returns the names in a synthesis, or those that a synthesis would have now."""
        timestamp, log_group = _times(synthesis, self.stack_name)
        return Names(
            directory=self.bucket.artifact_directory,
            log_group=self.log_group_name or log_group,
            config_version=self.config.config_version,
            source_version=self.config.original_config_version,
            instance_types_version=self.config.instance_types_data_version,
            timestamp=timestamp,
            stack=self.stack_name,
        )


class Replay:
    """Replaces the library's synthesis.

    Args:
        folder: The folder of recordings, shared by the function's processes.
        build: The library's own function.
    """

    def __init__(self, folder: Path, build: Build) -> None:
        self._folder = folder
        self._build = build

    def __call__(
        self, cluster_config: Any, bucket: Any, stack_name: str, log_group_name: str | None = None
    ) -> Synthesis:
        """Returns a template and its assets, which are uploaded, as the library does."""
        wanted = Wanted(cluster_config, bucket, stack_name, log_group_name)
        recording, proved = self._folder / wanted.key, self._folder / f"{wanted.key}.{EQUAL}"
        if proved.exists():
            replayed = render(recording.read_text(encoding="utf-8"), wanted.names(None))
            _upload(replayed, bucket)
            self._note(REPLAYED)
            return replayed
        made = self._build(cluster_config, bucket, stack_name, log_group_name)
        names = wanted.names(made)
        if not recording.exists():
            self._record(recording, names.hide(json.dumps(made)))
            self._note(SYNTHESISED)
        elif json.dumps(render(recording.read_text(encoding="utf-8"), names)) == json.dumps(made):
            proved.touch()
            self._note(EQUAL)
        else:
            self._note(DIFFERENT)
        return made

    def _record(self, recording: Path, text: str) -> None:
        # So that another process of the function finds the whole recording or none.
        partial = recording.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.rename(recording)

    def _note(self, what: str) -> None:
        with (self._folder / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(f"{what}\n")


def render(recording: str, names: Names) -> Synthesis:
    """Returns the template of a synthesis with these names, from a recording with other names.

    An asset's name is a digest of its content, and part of the names of its parameters.
    """
    text = names.show(recording)
    for asset in json.loads(text)[1]:
        was = Path(asset["s3_object_key_parameter"]["value"]).name
        content = json.dumps(asset["content"], separators=(",", ":"), ensure_ascii=False)
        now = hashlib.sha256(content.encode()).hexdigest()
        for old, new in zip(_parameters(was), _parameters(now), strict=True):
            text = text.replace(old, new)
        text = text.replace(was, now)
    template, assets = json.loads(text)
    return template, assets


def _parameters(asset: str) -> Iterator[str]:
    for part in _ASSET_PARAMETERS:
        yield f"AssetParameters{asset}{part}{_digest(f'AssetParameters/{asset}/{part}')}"


def _digest(path: str) -> str:
    """Returns the digest at the end of a construct's name in AWS CDK."""
    return hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()[:8].upper()


def _times(synthesis: Synthesis | None, stack_name: str) -> tuple[str, str]:
    """Returns the time of a synthesis, and the log group that has it in its name."""
    if synthesis is None:
        now = datetime.now(UTC)
        return f"{now:%Y%m%d%H%M%S}", f"/aws/parallelcluster/{stack_name}-{now:%Y%m%d%H%M}"
    text = json.dumps(synthesis[0])
    timestamp, log_group = _TIMESTAMP.search(text), _LOG_GROUP.search(text)
    if timestamp is None or log_group is None:
        raise ValueError(f"the template of {stack_name} does not show when it was synthesised")
    return timestamp[1], log_group[0]


def _upload(synthesis: Synthesis, bucket: Any) -> None:
    for asset in synthesis[1]:
        name = Path(asset["s3_object_key_parameter"]["value"]).name
        bucket.upload_cfn_asset(
            asset_file_content=asset["content"], asset_name=name, format=S3FileFormat.MINIFIED_JSON
        )


def install(folder: Path) -> None:
    """Installs replays in place of the library's synthesis in this process.

    Two other steps with constant results are made cheaper: botocore reads handlers' code instead of their
    signatures, and libyaml writes YAML.
    """
    vars(hooks)["accepts_kwargs"] = _accepts_kwargs
    yaml.dump.__defaults__ = (None, yaml.CDumper)
    CDKTemplateBuilder.build_cluster_template = staticmethod(
        Replay(folder, CDKTemplateBuilder.build_cluster_template)
    )


def _accepts_kwargs(handler: Any) -> bool:
    code = getattr(handler, "__code__", None)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) if code else bool(inspect.getfullargspec(handler)[2])


def handler(event: Any, context: Any) -> Any:
    """The engine's own."""
    return engine.handler(event, context)


if (_named := Path(__file__).with_name(FOLDER_FILE)).exists():
    install(Path(_named.read_text(encoding="utf-8")))
