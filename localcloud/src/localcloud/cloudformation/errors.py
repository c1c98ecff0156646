"""CloudFormation's errors, with the code and the message that clients get."""

import warnings

from moto.core.exceptions import ServiceException

# CloudFormation's model has no such error, and moto warns of that each time.
warnings.filterwarnings("ignore", message=r"Exception\(OperationMissingError\)")
#: What is missing, by a word in the names of its operations; the first that fits counts.
_GAPS = {
    "StackSet": "stack sets",
    "StackInstance": "stack sets",
    "Organizations": "stack sets",
    "Drift": "drift detection",
    "Refactor": "stack refactoring",
    "GeneratedTemplate": "IaC generator",
    "ResourceScan": "IaC generator",
    "Hook": "hooks",
    "Type": "type registry",
    "Publisher": "type registry",
    "HandlerProgress": "type registry",
    "Alias": "type registry",
    "SignalResource": "signals to creation policies",
}


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
    """The change set cannot be executed as it is."""

    code = "InvalidChangeSetStatus"

    def __init__(self, change_set_id: str, status: str, execution_status: str) -> None:
        # Source: test_empty_changeset of localstack/localstack; aws/amazon-chime-sdk-js issue 1089.
        complete = status == "CREATE_COMPLETE"
        shown = f"execution status of [{execution_status}]" if complete else f"status of [{status}]"
        super().__init__(f"ChangeSet [{change_set_id}] cannot be executed in its current {shown}")


class TokenAlreadyExistsError(RequestRefused):
    """A client request token was used for another operation before."""

    code = "TokenAlreadyExistsException"

    def __init__(self, token: str) -> None:
        super().__init__(f"Token already exists: {token}")


class OperationMissingError(RequestRefused):
    """An operation of CloudFormation that this cloud does not have."""

    code = "NotImplemented"

    def __init__(self, operation: str) -> None:
        gap = next((gap for word, gap in _GAPS.items() if word in operation), "such operation")
        super().__init__(
            f"localcloud does not know {operation} of cloudformation: it has no {gap} "
            "(localcloud/GAPS.md, section CloudFormation)"
        )


class ResourceFailedError(Exception):
    """A resource cannot be made, changed or deleted; the text is the reason shown."""


class UnresolvedValueError(ResourceFailedError):
    """A function in a template has no value; its resource or output fails with this reason."""
