"""IAM roles, their policies and instance profiles."""

import json
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.iam import models as moto_iam

from localcloud.resources.model import Place, Resource, Stored, Wanted, in_place_of


def _as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


@in_place_of(moto_iam.Role)
class Role(Resource, moto_iam.Role, CloudFormationModel):
    """`AWS::IAM::Role`; moto attaches no managed policy and updates next to nothing."""

    cfn_attributes: ClassVar = {"Arn": "arn", "RoleId": "id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Role":
        """Creates the role with its inline and managed policies."""
        properties = wanted.properties
        role: Role = wanted.place.partition_wide(moto_iam.iam_backends).create_role(
            role_name=properties.get("RoleName", wanted.name),
            assume_role_policy_document=_as_text(properties["AssumeRolePolicyDocument"]),
            path=properties.get("Path", "/"),
            permissions_boundary=properties.get("PermissionsBoundary", ""),
            description=properties.get("Description", ""),
            tags=properties.get("Tags", []),
            max_session_duration=properties.get("MaxSessionDuration", 3600),
        )
        role._put_policies(wanted)
        return role

    def update_resource(self, wanted: Wanted) -> "Role":
        """Changes everything but name and path in place."""
        properties = wanted.properties
        self.assume_role_policy_document = _as_text(properties["AssumeRolePolicyDocument"])
        self.description = properties.get("Description", "")
        self.permissions_boundary_arn = properties.get("PermissionsBoundary", "")
        self.max_session_duration = properties.get("MaxSessionDuration", 3600)
        self._put_policies(wanted)
        return self

    #: Whether its deletion has begun; its policies go first.
    is_deleted: bool = False
    #: Names of the inline policies that the template embeds; others belong to `AWS::IAM::Policy`.
    embedded_policies: tuple[str, ...] = ()
    #: ARNs of the managed policies that the template attaches itself.
    embedded_policy_arns: tuple[str, ...] = ()

    def _put_policies(self, wanted: Wanted) -> None:
        properties = wanted.properties
        embedded = {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}
        for name in set(self.embedded_policies) - set(embedded):
            self.policies.pop(name, None)
        for name, document in embedded.items():
            self.put_policy(name, _as_text(document))
        self.embedded_policies = tuple(embedded)
        backend = wanted.place.partition_wide(moto_iam.iam_backends)
        managed = properties.get("ManagedPolicyArns", [])
        self.embedded_policy_arns = tuple(managed)
        for arn in set(self.managed_policies) - set(managed):
            backend.detach_role_policy(arn, self.name)
        for arn in managed:
            if arn not in self.managed_policies:
                backend.attach_role_policy(arn, self.name)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the role with its inline policies; managed ones are detached."""
        backend = place.partition_wide(moto_iam.iam_backends)
        role = next((role for role in backend.roles.values() if role.name == physical_id), None)
        if not role:
            return
        role.is_deleted = True
        for arn in list(role.managed_policies):
            backend.detach_role_policy(arn, physical_id)
        super(Resource, cls).delete_from_cloudformation_json(physical_id, {}, *place)


@in_place_of(moto_iam.InstanceProfile)
class InstanceProfile(Resource, moto_iam.InstanceProfile, CloudFormationModel):
    """`AWS::IAM::InstanceProfile`; moto's cannot be updated."""

    stored: ClassVar = Stored(
        moto_iam.iam_backends, "instance_profiles", "delete_instance_profile", {"ignore_attached_roles": True}
    )

    cfn_attributes: ClassVar = {"Arn": "arn"}

    def update_resource(self, wanted: Wanted) -> "InstanceProfile":
        """Changes the role in place."""
        backend = wanted.place.partition_wide(moto_iam.iam_backends)
        names = wanted.properties["Roles"]
        self.roles = [backend.get_role(name) for name in names]
        return self


@in_place_of(moto_iam.InlinePolicy)
class InlinePolicy(Resource, moto_iam.InlinePolicy, CloudFormationModel):
    """`AWS::IAM::Policy`; deleting it twice is no error here."""

    stored: ClassVar = Stored(moto_iam.iam_backends, "inline_policies", "delete_inline_policy")

    def update_resource(self, wanted: Wanted) -> "InlinePolicy":
        """Changes the document in place."""
        super(Resource, self).update_from_cloudformation_json(
            self, wanted.name, wanted.as_json, *wanted.place
        )
        return self


@in_place_of(moto_iam.ManagedPolicy)
class ManagedPolicy(Resource, moto_iam.ManagedPolicy, CloudFormationModel):
    """`AWS::IAM::ManagedPolicy`; moto's is neither updated nor deleted."""

    cfn_attributes: ClassVar = {"PolicyArn": "arn"}

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The policy's ARN."""
        return str(self.arn)

    def update_resource(self, wanted: Wanted) -> "ManagedPolicy":
        """Makes the new document the default version."""
        document = _as_text(wanted.properties["PolicyDocument"])
        wanted.place.partition_wide(moto_iam.iam_backends).create_policy_version(self.arn, document, True)
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Detaches the policy everywhere and deletes it."""
        backend = place.partition_wide(moto_iam.iam_backends)
        policy = backend.managed_policies.get(physical_id)
        if not policy:
            return
        for holder in (*backend.roles.values(), *backend.users.values(), *backend.groups.values()):
            if physical_id in holder.managed_policies:
                policy.detach_from(holder)
        backend.delete_policy(physical_id)
