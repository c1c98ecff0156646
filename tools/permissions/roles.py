"""Deployed roles: their policies and the sizes of these."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localcloud.iam.policy import Decision, Policies, Policy, Request, parse
from tools.permissions.reference import matching

#: Source: IAM user guide, "IAM and AWS STS quotas": characters without white space.
MANAGED_POLICY_LIMIT = 6_144
INLINE_POLICIES_LIMIT = 10_240


@dataclass(frozen=True)
class Role:
    """A role's permissions.

    Attributes:
        documents: Its inline policies by name, its attached ones by ARN.
        boundary: The permissions boundary, if there is one.
    """

    name: str
    documents: Mapping[str, Mapping[str, Any]]
    boundary: Policy | None = None

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The statements of each policy."""
        return tuple(parse(document) for document in self.documents.values())

    def allows(self, request: Request) -> bool:
        """Returns whether the role allows a request."""
        return Policies(self.policies, self.boundary).decide(request) is Decision.ALLOWED

    def actions(self) -> frozenset[str]:
        """Returns every action that a policy allows on any resource, in lower case."""
        patterns = {
            pattern
            for policy in self.policies
            for statement in policy
            if statement.effect == "Allow"
            for pattern in statement.actions
        }
        return frozenset[str]().union(*map(matching, patterns))

    def sizes(self) -> dict[str, int]:
        """Returns how many characters each policy has, as IAM counts them."""
        return {name: size(document) for name, document in self.documents.items()}


def size(document: Mapping[str, Any]) -> int:
    """Returns the characters of a policy, without white space between its elements."""
    return len(json.dumps(document, separators=(",", ":")))


def deployed(iam: Any, name: str) -> Role:
    """Returns a role of an account.

    Args:
        iam: A boto3 client.
        name: The role's name.
    """
    documents: dict[str, Any] = {}
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        documents[policy] = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        documents[policy["PolicyArn"]] = _managed(iam, policy["PolicyArn"])
    bounded = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return Role(name, documents, parse(_managed(iam, bounded)) if bounded else None)


def refused(role: Role, requests: Iterable[Request]) -> list[Request]:
    """Returns the requests that the role does not allow."""
    return [request for request in requests if not role.allows(request)]


def _managed(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
