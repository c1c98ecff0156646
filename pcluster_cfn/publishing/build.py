"""``pcluster-cfn build``, and the stacks that it builds or that a release has."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES
from pcluster_cfn.project import ROOT
from pcluster_cfn.publishing.publication import Built

#: The folder that is filled unless another one is given, in the current one.
FOLDER = Path("build")
#: The folder of the hook's stack in it.
HOOK = "hook"
#: What the hook has in common with the provider, whose layer it uses.
_IN_COMMON = ("pclusterVersion", "architecture", "python")


@click.command(epilog=EXIT_CODES, short_help="Build the provider stack for deploy and publish.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Folder to fill.",
)
@click.option(
    "--arch",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    show_default=True,
    help="Processor of the functions.",
)
@click.option("--python", default="3.12", show_default=True, help="Python of the functions.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    help="Another ParallelCluster version whose engine is built, too, into engine-VERSION.",
)
@click.option("--hook", is_flag=True, help="Build the hook's stack, too, into hook.")
def build(*, into: Path, arch: str, python: str, engines: Sequence[str], hook: bool) -> None:
    """Build the provider stack into a folder: template, functions and layer.

    Packages are downloaded with uv, by their pinned hashes. Deploy the result with: pcluster-cfn deploy
    build/template.yaml --bucket BUCKET
    """
    build_stacks(into, engines, "--arch", arch, "--python", python, hook=hook)


def build_stacks(folder: Path, engines: Sequence[str], *options: str, hook: bool) -> None:
    """Builds the stacks of the provider, of other engines and of the hook, with progress on stderr.

    Args:
        folder: The folder to fill.
        engines: ParallelCluster versions, each built in ``engine-<version>`` in the folder.
        options: Further arguments of ``tools.artefacts``.
        hook: Whether the hook's stack is built, in ``hook`` in the folder.

    Raises:
        CommandError: A build fails.
    """
    _run("build", "--into", str(folder.absolute()), *options)
    for version in engines:
        into = folder.absolute() / f"engine-{version}"
        _run("engine-stack", "--into", str(into), "--pcluster-version", version, *options)
    if hook:
        _run("hook-stack", "--into", str(folder.absolute() / HOOK), *options)


def _run(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - this project's own builder
        [sys.executable, "-m", "tools.artefacts", *arguments], cwd=ROOT, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise CommandError(
            f"the build failed ({' '.join(arguments)}): see above", "fix that, then build again"
        )


@contextmanager
def unpacked(build: Path) -> Iterator[Path]:
    """Yields the folder of a build; an archive, as releases have it, is unpacked into one meanwhile.

    Raises:
        CommandError: There is nothing at the path, or a file that is no archive.
    """
    if build.is_dir():
        yield build
        return
    try:
        with zipfile.ZipFile(build) as archive, tempfile.TemporaryDirectory() as folder:
            archive.extractall(folder)
            yield Path(folder)
    except (FileNotFoundError, zipfile.BadZipFile) as error:
        raise CommandError(
            f"{build} is neither the folder of a build nor a release's archive of one",
            "pcluster-cfn build makes such a folder",
        ) from error


def read_stacks(folder: Path, engines: Sequence[str], *, hook: bool) -> list[Built]:
    """Returns the built stacks of the provider, of other engines and of the hook, the provider's first.

    Args:
        folder: The folder of a build.
        engines: ParallelCluster versions, each built in ``engine-<version>`` in the folder.
        hook: Whether the hook's stack is read, which is built in ``hook`` in the folder.

    Raises:
        CommandError: A stack was not built, or the hook was built for another layer than the provider's.
    """
    provider = Built.read("provider", folder)
    stacks = [provider, *(Built.read("engine", folder / f"engine-{version}") for version in engines)]
    if hook:
        stacks.append(Built.read("hook", folder / HOOK))
        _require_same_layer(provider, stacks[-1])
    return stacks


def _require_same_layer(provider: Built, hook: Built) -> None:
    for name in _IN_COMMON:
        if provider.about[name] != hook.about[name]:
            raise CommandError(
                f"the hook in {hook.folder} has {name} {hook.about[name]}, and the provider in "
                f"{provider.folder} has {provider.about[name]}",
                "the hook uses the provider's layer: build both alike",
            )
