"""CloudFormation's errors, with the code and the message that clients get."""

from moto.core.exceptions import ServiceException


class RequestRefused(ServiceException):
    """A request that is answered with an error and changes nothing."""

    code = "ValidationError"


class ValidationError(RequestRefused):
    """A request or a template that cannot be carried out as it stands."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class StackNotFoundError(ValidationError):
    """No stack of this name, or no stack with this id."""

    def __init__(self, name_or_id: str) -> None:
        super().__init__(f"Stack with id {name_or_id} does not exist")


class AlreadyExistsError(RequestRefused):
    """A stack of this name exists."""

    code = "AlreadyExistsException"

    def __init__(self, stack_name: str) -> None:
        super().__init__(f"Stack [{stack_name}] already exists")


class ChangeSetExistsError(RequestRefused):
    """The stack has a change set of this name."""

    code = "AlreadyExistsException"

    def __init__(self, name: str) -> None:
        super().__init__(f"ChangeSet {name} already exists")


class InsufficientCapabilitiesError(RequestRefused):
    """The template does something that the caller has not acknowledged."""

    code = "InsufficientCapabilitiesException"

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"Requires capabilities : [{', '.join(missing)}]")


class ChangeSetNotFoundError(RequestRefused):
    """No change set of this name on this stack."""

    code = "ChangeSetNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"ChangeSet [{name}] does not exist")


class InvalidChangeSetStatusError(RequestRefused):
    """The change set cannot be executed, or deleted, as it is."""

    code = "InvalidChangeSetStatus"

    def __init__(
        self, change_set_id: str, status: str, execution_status: str, verb: str = "executed"
    ) -> None:
        # Source: test_empty_changeset of localstack/localstack; aws/amazon-chime-sdk-js issue 1089.
        complete = status == "CREATE_COMPLETE"
        shown = f"execution status of [{execution_status}]" if complete else f"status of [{status}]"
        super().__init__(f"ChangeSet [{change_set_id}] cannot be {verb} in its current {shown}")


class HookResultNotFoundError(RequestRefused):
    """No invocation of a hook has this id."""

    code = "HookResultNotFound"

    def __init__(self, result_id: str) -> None:
        super().__init__(f"Hook result {result_id} does not exist")


class TokenAlreadyExistsError(RequestRefused):
    """A client request token was used for another operation before."""

    code = "TokenAlreadyExistsException"

    def __init__(self, token: str) -> None:
        super().__init__(f"Token already exists: {token}")


class ResourceFailedError(Exception):
    """A resource cannot be made, changed or deleted; the text is the reason shown."""


class UnresolvedValueError(ResourceFailedError):
    """A function in a template has no value; its resource or output fails with this reason."""
