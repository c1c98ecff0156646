"""The stacks that `make` built: the provider with its default engine, and engines beside it."""

import os
import re
import shutil
import subprocess
import sys

from tests.e2e.account import ARTEFACT, DEADLINE_S, ROOT, outputs
from tools.artefacts import built
from tools.artefacts.parts import Build
from tools.artefacts.target import Target

SAM = ROOT / ".venv-sam" / "bin" / "sam"
#: The releases whose engines are tested: those with committed locks, or others that were built.
RELEASES = tuple(os.environ.get("RELEASES", "3.14.0 3.6.0").split())
_RUNTIME = re.compile(r"Runtime: python(3\.\d+)")


def folder(version):
    """The folder of an engine stack."""
    return ARTEFACT / f"engine-{version}"


def python(stack_folder):
    """The version of Python that a stack's functions were built for."""
    return _RUNTIME.search((stack_folder / "template.yaml").read_text())[1]


def runtimes(*versions):
    """The interpreters that were made for what was built, by Lambda's name of the runtime."""
    return {
        f"python{python(where)}": where / "runtime" / "bin" / "python"
        for where in (*(folder(version) for version in versions), ARTEFACT)
    }


def provider_of(version, into):
    """Puts together what `make build PCLUSTER_VERSION=` would: the provider stack with another default."""
    assert python(folder(version)) == python(ARTEFACT), "one runtime in a provider stack"
    into.mkdir()
    shutil.copy(ARTEFACT / "provider.zip", into)
    for part in ("engine.zip", "layer.zip"):
        shutil.copy(folder(version) / part, into)
    build = Build(Target("x86_64", python(ARTEFACT)), version, None)
    (into / "template.yaml").write_text(built.template(built.PROVIDER_STACK, build))
    return into


def deploy(account, where, name, **parameters):
    """Deploys a built stack with `pcluster-cfn deploy`, as users do, and returns its outputs."""
    given = [text for key, value in parameters.items() for text in ("-p", f"{key}={value}")]
    _run(
        account,
        *(sys.executable, "-m", "pcluster_cfn", "deploy", where / "template.yaml", "--stack-name", name),
        *given,
        *("--bucket", account.cloud.exports["ARTIFACT_BUCKET"]),
    )
    return outputs(account.stack(name))


def deploy_with_sam(account, where, name, **parameters):
    """Deploys a built stack with the AWS SAM CLI and returns its outputs."""
    _run(
        account,
        *(SAM, "deploy", "--template-file", where / "template.yaml", "--stack-name", name),
        *("--config-file", ROOT / "samconfig.toml"),
        *("--parameter-overrides", *(f"{key}={value}" for key, value in parameters.items())),
    )
    return outputs(account.stack(name))


def borrowed(provider):
    """The parameters of an engine stack, from the outputs of the provider stack."""
    return {key: provider[key] for key in ("ServiceToken", "ProviderRole", "EngineRole", "EngineLogGroup")}


def engine_stack(version):
    """The name of an engine's stack."""
    return f"engine-{version.replace('.', '-')}"


def _run(account, *command):
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(ROOT),
            "SAM_CLI_TELEMETRY": "0",
            **account.cloud.environment,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{account.cloud.log}"
