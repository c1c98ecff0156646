"""Concurrent executions: how many invocations of a function, and of all functions, run at once.

Source: AWS Lambda developer guide, "Understanding Lambda function scaling" and "Configuring reserved
concurrency".
"""

import collections
import threading
from collections.abc import Iterable
from typing import Literal

from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud.functions.models import Function

#: Why Lambda does not run a function: it throttles, or stops a loop.
#: Source: AWS Lambda API reference, Invoke, TooManyRequestsException and RecursiveInvocationException.
Reason = Literal[
    "ConcurrentInvocationLimitExceeded", "ReservedFunctionConcurrentInvocationLimitExceeded", "Loop"
]
#: Concurrent executions of an account and Region by default; a new account often has 10.
#: Source: AWS Lambda quotas.
ACCOUNT_LIMIT = 1000
#: What Lambda leaves to functions without a reservation; an account with less can reserve nothing.
_UNRESERVED_MINIMUM = 100


class Concurrency:
    """The executions that count at the moment.

    Args:
        limit: Concurrent executions of the account.
    """

    def __init__(self, limit: int = ACCOUNT_LIMIT) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._running: collections.Counter[str] = collections.Counter()

    def acquire(self, function: Function, functions: Iterable[Function]) -> Reason | None:
        """Counts an execution of a function, or returns why Lambda throttles it.

        Args:
            function: The function.
            functions: All functions of the account.
        """
        reserved = {each.function_name: each.reserved for each in functions if each.reserved is not None}
        name = function.function_name
        with self._lock:
            if name in reserved:
                if self._running[name] >= reserved[name]:
                    return "ReservedFunctionConcurrentInvocationLimitExceeded"
            else:
                running = sum(count for each, count in self._running.items() if each not in reserved)
                if running >= self.limit - sum(reserved.values()):
                    return "ConcurrentInvocationLimitExceeded"
            self._running[name] += 1
        return None

    def release(self, function: Function) -> None:
        """Ends the count of an execution."""
        with self._lock:
            self._running[function.function_name] -= 1

    def check_reservation(self, name: str, wanted: int, functions: Iterable[Function]) -> None:
        """Checks that a function may have a reservation.

        Raises:
            InvalidParameterValueException: It would leave too little to the functions without one.
        """
        others = sum(each.reserved or 0 for each in functions if each.function_name != name)
        minimum = min(_UNRESERVED_MINIMUM, self.limit)
        if self.limit - others - wanted < minimum:
            raise InvalidParameterValueException(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{minimum}]."
            )
