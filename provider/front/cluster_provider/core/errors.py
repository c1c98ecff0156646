"""The errors of the provider, in words for the template's author.

A subclass of ProviderError is answered: its class name is the code, which is the first word of ``Reason`` in
a FAILED response. The other exceptions are internal.
"""

from collections.abc import Iterator, Sequence
from typing import Self


class ProviderError(Exception):
    """A request cannot be carried out; says where, what, and what to do next.

    Args:
        where: The place: a property, a path in the configuration, or a cluster.
        what: What is wrong there, with the value if that helps.
        next_step: What the reader can do; empty if ``what`` says it.
        others: Further mistakes, as whole sentences, the most important first.
    """

    def __init__(self, where: str, what: str, next_step: str = "", others: Sequence[str] = ()) -> None:
        super().__init__(where, what, next_step, tuple(others))
        self.where = where
        self.what = what
        self.next_step = next_step
        self.others = tuple(others)

    @property
    def code(self) -> str:
        """The error's code, as documented in docs/reference/errors.md."""
        return type(self).__name__

    def __str__(self) -> str:
        """Returns the text of ``Reason``: the code, the place, the causes and the next step."""
        return self._text(self.others)

    def texts(self, log_group: str) -> Iterator[str]:
        """Yields the full text, then shorter ones without the least important sentences.

        Args:
            log_group: The log group that has the full text.
        """
        yield str(self)
        for kept in range(len(self.others) - 1, -1, -1):
            left_out = f"{len(self.others) - kept} more left out; all are in log group {log_group}."
            yield self._text([*self.others[:kept], left_out])

    def but(self, next_step: str) -> Self:
        """Returns the same error with another next step."""
        return type(self)(self.where, self.what, next_step, self.others)

    def _text(self, others: Sequence[str]) -> str:
        first = f"{self.code}: {self.where}: {self.what}"
        return " ".join(filter(None, [first, *others, self.next_step]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProviderError) and type(self) is type(other) and self.args == other.args

    def __hash__(self) -> int:
        return hash((type(self), self.args))


class MalformedRequest(ProviderError):  # noqa: N818 - the class name is the published code
    """The event is not a request of CloudFormation's custom resource protocol."""


class MissingProperty(ProviderError):  # noqa: N818 - the class name is the published code
    """A required property is absent."""


class InvalidProperty(ProviderError):  # noqa: N818 - the class name is the published code
    """A property has a value that is not valid, or its name is not known."""


class NotOwner(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster exists and belongs to another owner, so it was not changed."""


class NotFound(ProviderError):  # noqa: N818 - the class name is the published code
    """The object that a read-only resource asks about does not exist."""


class ClusterRejected(ProviderError):  # noqa: N818 - the class name is the published code
    """ParallelCluster refused the configuration or the update before anything was changed."""


class BudgetExceeded(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster would exceed a bound of the provider stack or of the resource; nothing was changed."""


class VersionMismatch(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster's ParallelCluster version does not fit the requested one, or has no engine."""


class ClusterFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster's own stack failed; the root cause comes first."""


class ImageRejected(ProviderError):  # noqa: N818 - the class name is the published code
    """ParallelCluster refused to build the image before anything was changed, or refused to delete it."""


class ImageFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """There is no AMI; the root cause comes first."""


class EngineFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """The engine failed, or ended repeatedly without an effect."""


class DeadlineExceeded(ProviderError):  # noqa: N818 - the class name is the published code
    """CloudFormation's time for this request is almost over."""


class NotConfirmed(ProviderError):  # noqa: N818 - the class name is the published code
    """CloudFormation does not report the change that the event asks for, so nothing was done."""


class RecordTooLarge(ProviderError):  # noqa: N818 - the class name is the published code
    """The request's record is larger than the table allows."""


#: Every code that a FAILED response can begin with.
ERRORS: dict[str, type[ProviderError]] = {
    error.__name__: error
    for error in (
        MalformedRequest,
        NotConfirmed,
        RecordTooLarge,
        MissingProperty,
        InvalidProperty,
        NotOwner,
        NotFound,
        ClusterRejected,
        BudgetExceeded,
        VersionMismatch,
        ClusterFailed,
        ImageRejected,
        ImageFailed,
        EngineFailed,
        DeadlineExceeded,
    )
}


class Unavailable(Exception):  # noqa: N818 - a condition, not a failure of the request
    """A service could not answer for the moment (throttled, 5xx, connection), whatever the request was."""


class NotAccepted(Unavailable):
    """Lambda refused the call, so the engine was certainly not started.

    Args:
        message: Lambda's message.
        passing: Whether a later call may be accepted.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class DeliveryFailed(Exception):  # noqa: N818 - the published word for it
    """The response did not arrive; the next pass sends it again, byte for byte."""


class Undeliverable(Exception):  # noqa: N818 - the opposite of DeliveryFailed
    """The response can never arrive: its URL refuses it for good."""


class StillHeld(Exception):  # noqa: N818 - a condition, not a failure of the request
    """A cluster that is to be adopted still belongs to its previous owner."""


class Unanswerable(Exception):  # noqa: N818 - a condition, not a failure of the request
    """An event is refused for good and has no usable response URL, so it is not CloudFormation's."""


class Superseded(Exception):  # noqa: N818 - a condition, not a failure of the request
    """A newer request of the owner, or this very request, was accepted before."""
