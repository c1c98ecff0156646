"""Lambda: functions in processes of their own, run by Lambda's own runtime client."""

from localcloud.functions.backend import install as _install_backend
from localcloud.functions.errors import Caller, InvokeDeniedError
from localcloud.functions.process import Settings
from localcloud.functions.records import InvocationRecord
from localcloud.functions.service import Result, functions

__all__ = [
    "Caller",
    "InvocationRecord",
    "InvokeDeniedError",
    "Result",
    "Settings",
    "begin",
    "install",
    "invocations",
    "invoke",
    "invoke_async",
    "stop",
    "warnings",
]


def install(settings: Settings) -> None:
    """Makes moto's Lambda service run functions; call it once, before the first request."""
    functions.configure(settings)
    _install_backend()


#: See ``Functions``.
begin, invoke, invoke_async, stop = functions.begin, functions.invoke, functions.invoke_async, functions.stop


def invocations() -> list[InvocationRecord]:
    """Returns every invocation so far, oldest first."""
    return functions.records.all()


def warnings() -> list[str]:
    """Returns a warning for each function that cannot work with the Python that runs it."""
    return functions.settings.interpreters.warnings()
