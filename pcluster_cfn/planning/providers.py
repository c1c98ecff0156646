"""Reads what the operators of providers permit."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pcluster_cfn.planning.guardrails import ENGINES, UNREAD, Guardrails, Provider

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class Providers:
    """Reads each provider once.

    Args:
        functions: A client of Lambda.
    """

    def __init__(self, functions: "LambdaClient") -> None:
        self._functions = functions
        self._known: dict[str, Provider] = {}

    def of(self, service_token: str) -> Provider:
        """Returns the provider that a service token names; empty if it is not known."""
        if service_token not in self._known:
            self._known[service_token] = self._read(service_token) if service_token else UNREAD
        return self._known[service_token]

    def read(self) -> list[Provider]:
        """Returns the providers that were asked for, in that order."""
        return list(self._known.values())

    def _read(self, service_token: str) -> Provider:
        try:
            function = self._functions.get_function_configuration(FunctionName=service_token)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                return _missing(service_token)
            return Provider(service_token, unread=f"lambda:GetFunctionConfiguration: {code}")
        name, environment = function["FunctionName"], function.get("Environment", {})
        if failure := environment.get("Error"):  # an operator may have encrypted the variables with a key
            why = failure.get("ErrorCode")
            return Provider(service_token, unread=f"the variables of function {name}: {why}")
        variables = environment.get("Variables", {})
        if ENGINES not in variables:
            return Provider(service_token, unread=f"function {name} is not this project's provider")
        return Provider(service_token, Guardrails.parse(variables))


def _missing(service_token: str) -> Provider:
    name = service_token.rpartition(":")[2]
    why = f"there is no function {name}: is the ServiceToken that of this account and Region?"
    return Provider(service_token, unread=why, is_missing=True)
