"""What IAM and the services know that decides about requests: roles, policies of resources, tags."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.utilities.utils import get_partition

from localcloud.iam.policy import Place, Policies, Policy, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: The elements of a statement about a function; moto keeps those of AddPermission beside them.
_ELEMENTS = {"Effect", "Action", "Principal", "Condition"}


class Known(Protocol):
    """What the requests of a call or a change depend on besides its parameters."""

    place: Place

    def role_arn(self, name: str) -> str:
        """Returns a role's ARN by its name; that of one without a path if there is none."""
        ...

    def boundary(self, name: str) -> str | None:
        """Returns the ARN of a role's permissions boundary, if there is one."""
        ...

    def profile_roles(self, name: str) -> list[str]:
        """Returns the names of an instance profile's roles."""
        ...

    def launched_profile(self, launch_template: Mapping[str, str]) -> str:
        """Returns the name or ARN of the instance profile that a launch template names; empty for none.

        Args:
            launch_template: ``LaunchTemplateId`` or ``LaunchTemplateName``, and ``Version``.
        """
        ...

    def instance_tags(self, instance_id: str) -> Mapping[str, str]:
        """Returns an instance's tags; none if there is no such instance."""
        ...


class Account:
    """An account as moto keeps it."""

    def __init__(self, account_id: str, region: str) -> None:
        self.place = Place(region, account_id, get_partition(region))

    def role(self, arn: str) -> Any:
        """Returns moto's role; None if there is none, or its deletion has begun."""
        found = next((role for role in self.roles() if role.arn == arn), None)
        return None if getattr(found, "is_deleted", False) else found

    def roles(self) -> list[Any]:
        """Returns moto's roles."""
        return list(self._iam.roles.values())

    def has_function(self, name: str) -> bool:
        """Returns whether there is a function of this name."""
        try:
            self._functions.get_function(name)
        except UnknownFunctionException:
            return False
        return True

    def role_arn(self, name: str) -> str:
        """See ``Known``."""
        return next(
            (str(role.arn) for role in self.roles() if role.name == name),
            self.place.arn("iam", f"role/{name}"),
        )

    def boundary(self, name: str) -> str | None:
        """See ``Known``."""
        found = next((role for role in self.roles() if role.name == name), None)
        return (found.permissions_boundary_arn or None) if found else None

    def profile_roles(self, name: str) -> list[str]:
        """See ``Known``."""
        profile = self._iam.instance_profiles.get(name)
        return [role.name for role in profile.roles] if profile else []

    def launched_profile(self, launch_template: Mapping[str, str]) -> str:
        """See ``Known``."""
        backend = self._backend(ec2_backends)
        of_name = backend.launch_template_name_to_ids.get(launch_template.get("LaunchTemplateName"))
        found = backend.launch_templates.get(launch_template.get("LaunchTemplateId") or of_name)
        if found is None:
            return ""
        profile = found.get_version(launch_template.get("Version", "$Default")).data.get(
            "IamInstanceProfile", {}
        )
        return str(profile.get("Arn") or profile.get("Name") or "")

    def instance_tags(self, instance_id: str) -> Mapping[str, str]:
        """See ``Known``."""
        tags: Mapping[str, str] = self._backend(ec2_backends).tags.get(instance_id, {})
        return tags

    def policies(self, role: Any, resource: str) -> Policies:
        """Returns what decides about a role's requests about a resource.

        Args:
            role: moto's.
            resource: An ARN, or ``*``.

        Raises:
            UnsupportedPolicyError: A policy has an element that is not supported.
        """
        boundary = role.permissions_boundary_arn
        return Policies(
            identity=identity_of(statements_of(role)),
            boundary=self._managed_policy(boundary) if boundary else None,
            resource=self.resource_policy(resource),
            principals=(role.arn,),
        )

    def _managed_policy(self, arn: str) -> Policy:
        """Returns the default version of a managed policy; nothing, which allows nothing, without one."""
        policy = self._iam.managed_policies.get(arn)
        return _parsed(tuple(_managed(policy))) if policy else ()

    def resource_policy(self, arn: str) -> Policy:
        """Returns a resource's own policy, of the services whose policies are known here."""
        service, name = arn.split(":")[2:6:3] if arn.count(":") >= 5 else ("", "")  # noqa: PLR2004 - an ARN
        if service == "lambda":
            return self._function_policy(arn)
        if service == "s3":
            bucket = s3_backends[self.place.account][self.place.partition].buckets.get(name.partition("/")[0])
            document = bucket.policy.decode() if bucket and bucket.policy else None
        elif service == "sqs":
            queue = self._backend(sqs_backends).queues.get(name)
            document = queue.policy if queue else None
        elif service == "sns":
            topic = self._backend(sns_backends).topics.get(arn)
            document = topic.policy if topic else None
        else:
            document = None
        return parse(document, of_resource=True) if document else ()

    def _function_policy(self, arn: str) -> Policy:
        try:
            statements = self._functions.get_function(arn).policy.statements
        except UnknownFunctionException:
            return ()
        return function_policy(statements)

    @property
    def _functions(self) -> Any:
        return self._backend(lambda_backends)

    @property
    def _iam(self) -> Any:
        return iam_backends[self.place.account][self.place.partition]

    def _backend(self, backends: Any) -> Any:
        return backends[self.place.account][self.place.region]


def function_policy(statements: list[dict[str, Any]]) -> Policy:
    """Returns a function's policy from moto's statements, which belong to all versions of the function alike.

    Raises:
        UnsupportedPolicyError: It has an element that is not supported.
    """
    known = [{name: one[name] for name in _ELEMENTS & one.keys()} for one in statements]
    return parse({"Statement": known}, of_resource=True)


def statements_of(role: Any, *, original: bool = False) -> Iterator[str]:
    """Yields the statements of a role's policies as JSON, all or those of its own template only."""
    for name, document in list(role.policies.items()):
        if not original or name in getattr(role, "embedded_policies", ()):
            yield from _split(document)
    for arn, policy in list(role.managed_policies.items()):
        if not original or arn in getattr(role, "embedded_policy_arns", ()):
            yield from _managed(policy)


def _managed(policy: Any) -> tuple[str, ...]:
    default = next((version for version in policy.versions if version.is_default), None)
    return _split(default.document) if default else ()


def identity_of(statements: Iterable[str]) -> tuple[Policy, ...]:
    """Returns a role's policies, made of statements as JSON."""
    return (_parsed(tuple(statements)),)


@cache
def _parsed(statements: tuple[str, ...]) -> Policy:
    return parse({"Statement": [json.loads(statement) for statement in statements]})


@cache
def _split(document: str) -> tuple[str, ...]:
    statements = json.loads(document)["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return tuple(json.dumps(statement, sort_keys=True) for statement in listed)
