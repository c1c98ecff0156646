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
    build = Build(Target("x86_64", python(ARTEFACT)), version, None, into)
    (into / "template.yaml").write_text(built.template(built.PROVIDER_STACK, build))
    return into


def deploy(account, where, name, **parameters):
    """Deploys a built stack with `pcluster-cfn deploy`, as users do, and returns its outputs."""
    command = [sys.executable, "-m", "pcluster_cfn", "deploy", where / "template.yaml", "--stack-name", name]
    given = [text for key, value in parameters.items() for text in ("-p", f"{key}={value}")]
    done = subprocess.run(
        [*command, *given, "--bucket", account.cloud.exports["ARTIFACT_BUCKET"]],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **account.cloud.environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{account.cloud.log}"
    return outputs(account.stack(name))


def deploy_engine(account, version, provider):
    """Deploys an engine beside a provider stack with these outputs; returns what registers it."""
    named = ("ServiceToken", "ProviderRole", "EngineRole", "EngineLogGroup")
    name = f"engine-{version.replace('.', '-')}"
    return deploy(account, folder(version), name, **{key: provider[key] for key in named})["Engine"]
