"""CloudFormation's types around a function: permissions, asynchronous invocation, versions, aliases."""

import json
import uuid
from typing import Any, ClassVar

from moto.awslambda.exceptions import UnknownPolicyException
from moto.awslambda.models import LambdaBackend
from moto.awslambda.utils import get_backend
from moto.core.common_models import CloudFormationModel

from localcloud.functions.models import unless_gone
from localcloud.resources.model import Identified, Place, Resource, Wanted, number

_STATEMENT_FIELDS = ("Action", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID")


class Permission(Identified, CloudFormationModel):
    """A statement of a function's resource policy."""

    cfn_type: ClassVar = "AWS::Lambda::Permission"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Permission":
        """Adds the statement."""
        function = _backend(wanted.place).get_function(wanted.properties["FunctionName"])
        # A random end, since the statement of a replaced resource may still be there.
        statement_id = f"{wanted.name}-{uuid.uuid4().hex[:8]}"
        fields = {name: wanted.properties[name] for name in _STATEMENT_FIELDS if wanted.properties.get(name)}
        function.policy.add_statement(json.dumps({"StatementId": statement_id, **fields}))
        return cls(statement_id)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Removes the statement, unless it went with its function."""
        for function in _backend(place).list_functions():
            try:
                function.policy.del_statement(physical_id)
            except UnknownPolicyException:  # another function's
                continue


class AsynchronousInvocation(Identified, CloudFormationModel):
    """Retries, event age and destinations of a function."""

    cfn_type: ClassVar = "AWS::Lambda::EventInvokeConfig"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "AsynchronousInvocation":
        """Configures the function."""
        properties = wanted.properties
        config: dict[str, Any] = {
            name: number(properties[name])
            for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
            if properties.get(name) is not None
        }
        if properties.get("DestinationConfig"):
            config["DestinationConfig"] = properties["DestinationConfig"]
        _backend(wanted.place).put_function_event_invoke_config(properties["FunctionName"], config)
        return cls(properties["FunctionName"])

    def update_resource(self, wanted: Wanted) -> "AsynchronousInvocation":
        """Configures the function anew."""
        return self.create_resource(wanted)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Returns to the defaults, unless the function is gone."""
        unless_gone(lambda: _backend(place).delete_function_event_invoke_config(physical_id))


class Version(Resource, CloudFormationModel):
    """A published version of a function."""

    cfn_type: ClassVar = "AWS::Lambda::Version"
    cfn_attributes: ClassVar[dict[str, str]] = {"Version": "version", "FunctionArn": "physical_resource_id"}

    def __init__(self, arn: str, version: str) -> None:
        self.physical_resource_id = arn
        self.version = version

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Version":
        """Publishes the function as it is."""
        backend = _backend(wanted.place)
        name, description = wanted.properties["FunctionName"], wanted.properties.get("Description", "")
        function = backend.publish_version(name, description) or backend.get_function(name)
        return cls(function.function_arn, str(function.version))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the version, unless the function is gone."""
        function_arn, _, version = physical_id.rpartition(":")
        unless_gone(lambda: _backend(place).delete_function(function_arn, version))


class Alias(Identified, CloudFormationModel):
    """A name for a version of a function."""

    cfn_type: ClassVar = "AWS::Lambda::Alias"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Alias":
        """Creates the alias."""
        alias = _backend(wanted.place).create_alias(
            name=wanted.properties["Name"],
            function_name=wanted.properties["FunctionName"],
            function_version=wanted.properties["FunctionVersion"],
            description=wanted.properties.get("Description", ""),
            routing_config=wanted.properties.get("RoutingConfig", ""),
        )
        return cls(alias.arn)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the alias, unless the function is gone."""
        function_arn, _, name = physical_id.rpartition(":")
        unless_gone(lambda: _backend(place).delete_alias(name, function_arn))


def _backend(place: Place) -> LambdaBackend:
    return get_backend(place.account_id, place.region_name)
