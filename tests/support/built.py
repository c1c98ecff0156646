"""What ``make build`` makes, from sources and within a moment: for tests that publish it."""

import json
from pathlib import Path

from pcluster_cfn.package import archive
from tools.artefacts import built
from tools.artefacts.parts import ROOT, Build
from tools.artefacts.target import Target

ABOUT = {
    "pclusterVersion": "3.16.1",
    "architecture": "x86_64",
    "python": "3.12",
    "commit": "c0ffee",
    "modified": False,
}
_SMALL = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Engine:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: engine.zip, Handler: a.b, Runtime: python3.12, Role: x, Layers: [!Ref Layer]}
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer.zip}
"""
PARTS = {"provider": "provider/front", "engine": "provider/engine", "layer": "layers/pcluster"}


def build_from_sources(
    folder: Path, stack: built.Stack = built.PROVIDER_STACK, version: str = "3.16.1"
) -> Path:
    """Fills a folder with archives of the sources and with the template that names them."""
    build = Build(Target("x86_64", "3.12"), version, None)
    folder.mkdir(parents=True, exist_ok=True)
    for part in stack.parts:
        sources = ROOT / PARTS[part] if part in PARTS else folder / part
        if part == "hook":  # of several places, unlike the others
            build.hook(sources)
        (folder / f"{part}.zip").write_bytes(archive(sources))
    (folder / "template.yaml").write_text(built.template(stack, build))
    (folder / "build.json").write_text(json.dumps(built.about(build)))
    return folder


def small_build(folder: Path, layer: bytes = b"layer", **about: str) -> Path:
    """Fills a folder with a template and two archives of nothing, made from something else if so told."""
    (folder / "template.yaml").write_text(_SMALL)
    (folder / "engine.zip").write_bytes(b"engine")
    (folder / "layer.zip").write_bytes(layer)
    (folder / "build.json").write_text(json.dumps({**ABOUT, **about}))
    return folder
