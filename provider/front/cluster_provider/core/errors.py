"""What can go wrong, in the words of the template's author.

An error's class name is its code: the first word of ``Reason`` in a FAILED response.
"""

from collections.abc import Iterator, Sequence
from typing import Self


class ProviderError(Exception):
    """A request cannot be carried out; says where, what, and what to do next.

    Args:
        where: The place: a property, a path in the configuration, a cluster.
        what: What is wrong there, with the value where it helps.
        next_step: What the reader can do about it; empty if the message says it already.
        others: What else is wrong, in whole sentences, the most important first.
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
        """The text of ``Reason``: code, place, causes, way out."""
        return self._text(self.others)

    def texts(self, log_group: str) -> Iterator[str]:
        """The whole text, then shorter ones: whole sentences are left out, the least important first.

        Args:
            log_group: Where the whole text is logged.
        """
        yield str(self)
        for kept in range(len(self.others) - 1, -1, -1):
            left_out = f"{len(self.others) - kept} more left out; all are in log group {log_group}."
            yield self._text([*self.others[:kept], left_out])

    def but(self, next_step: str) -> Self:
        """The same error with another way out."""
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
    """A property that is needed is not there."""


class InvalidProperty(ProviderError):  # noqa: N818 - the class name is the published code
    """A property has a value that cannot be used, or is not known."""


class NotOwner(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster exists and belongs to somebody else, so it is not touched."""


class NotFound(ProviderError):  # noqa: N818 - the class name is the published code
    """What a read-only resource asks about does not exist."""


class ClusterRejected(ProviderError):  # noqa: N818 - the class name is the published code
    """ParallelCluster refused the configuration or the update before anything was changed."""


class VersionMismatch(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster's ParallelCluster version and the one asked for do not go together."""


class ClusterFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """The cluster's own stack failed; the root cause comes first."""


class ImageRejected(ProviderError):  # noqa: N818 - the class name is the published code
    """ParallelCluster refused the image before anything was changed, or to delete it."""


class ImageFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """There is no AMI; the root cause comes first."""


class EngineFailed(ProviderError):  # noqa: N818 - the class name is the published code
    """The engine ended again and again without having started anything."""


class DeadlineExceeded(ProviderError):  # noqa: N818 - the class name is the published code
    """CloudFormation's time for this request is nearly over."""


class NotConfirmed(ProviderError):  # noqa: N818 - the class name is the published code
    """CloudFormation does not report what the event says that it asks for, so nothing is done."""


class RecordTooLarge(ProviderError):  # noqa: N818 - the class name is the published code
    """What is to be kept of a request is larger than the table allows."""


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
        VersionMismatch,
        ClusterFailed,
        ImageRejected,
        ImageFailed,
        EngineFailed,
        DeadlineExceeded,
    )
}


class Unavailable(Exception):  # noqa: N818 - a condition, not a failure of the request
    """A service could not answer just now (throttled, 5xx, connection); says nothing about the request."""


class NotAccepted(Unavailable):
    """An engine was certainly not started.

    Args:
        message: Lambda's words.
        passing: Whether it may be accepted a little later.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class DeliveryFailed(Exception):  # noqa: N818 - the published word for it
    """The response did not arrive; it is sent again, byte for byte, at the next wake-up."""


class Undeliverable(Exception):  # noqa: N818 - the opposite of DeliveryFailed
    """The response can never arrive any more: CloudFormation's URL refuses it for good."""


class StillHeld(Exception):  # noqa: N818 - a condition, not a failure of the request
    """A cluster that is to be taken over is still its former owner's."""


class Unanswerable(Exception):  # noqa: N818 - a condition, not a failure of the request
    """An event fails for good and does not say where an answer goes, so it is not CloudFormation's."""


class Superseded(Exception):  # noqa: N818 - a condition, not a failure of the request
    """The record was changed by somebody else since it was read; read it again."""
