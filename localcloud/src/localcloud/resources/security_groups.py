"""EC2 security groups and their rules."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import security_groups as moto_groups

from localcloud.resources.model import Identified, Place, Resource, Wanted, in_place_of, tags_by_key

_SOURCES = ("CidrIp", "CidrIpv6")


@in_place_of(moto_groups.SecurityGroup)
class SecurityGroup(Resource, moto_groups.SecurityGroup, CloudFormationModel):
    """`AWS::EC2::SecurityGroup`; moto replaces the group when a rule changes, and knows only CIDR rules."""

    cfn_attributes: ClassVar = {"GroupId": "id", "Id": "id", "VpcId": "vpc_id"}

    #: Whether everything may leave, as in a group without an egress rule.
    default_egress = True
    #: Ids of the rules embedded in the template; rules of other resources are not ours to remove.
    rules_of_template: tuple[str, ...] = ()

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "SecurityGroup":
        """Creates the group with its embedded rules."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        group: SecurityGroup = backend.create_security_group(
            name=properties.get("GroupName", wanted.name),
            description=properties["GroupDescription"],
            vpc_id=properties.get("VpcId"),
            tags=tags_by_key(properties.get("Tags")),
        )
        group.put_rules(backend, properties)
        return group

    def put_rules(self, backend: EC2Backend, properties: dict[str, Any]) -> None:
        """Replaces the embedded rules."""
        self.ingress_rules = [rule for rule in self.ingress_rules if rule.id not in self.rules_of_template]
        self.egress_rules = [rule for rule in self.egress_rules if rule.id not in self.rules_of_template]
        rules = [authorize(backend, self, rule, False) for rule in properties.get("SecurityGroupIngress", [])]
        rules += [authorize(backend, self, rule, True) for rule in properties.get("SecurityGroupEgress", [])]
        self.rules_of_template = tuple(rules)

    def update_resource(self, wanted: Wanted) -> "SecurityGroup":
        """Changes rules and tags in place."""
        properties = wanted.properties
        self.put_rules(wanted.place.regional(ec2_backends), properties)
        self.add_tags(tags_by_key(properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the group with every rule in it."""
        backend = place.regional(ec2_backends)
        if backend.get_security_group_from_id(physical_id):
            backend.delete_security_group(group_id=physical_id)


class _Rule(Identified):
    """A rule that is a resource of its own; its physical id is the rule's."""

    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}
    is_egress: bool

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "_Rule":
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        group = backend.describe_security_groups(
            group_ids=[properties["GroupId"]] if "GroupId" in properties else None,
            groupnames=[properties["GroupName"]] if "GroupName" in properties else None,
        )[0]
        return cls(authorize(backend, group, properties, cls.is_egress))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        for group in place.regional(ec2_backends).describe_security_groups():
            group.ingress_rules = [rule for rule in group.ingress_rules if rule.id != physical_id]
            group.egress_rules = [rule for rule in group.egress_rules if rule.id != physical_id]


class SecurityGroupIngress(_Rule, CloudFormationModel):
    """`AWS::EC2::SecurityGroupIngress`."""

    cfn_type = "AWS::EC2::SecurityGroupIngress"

    is_egress = False


class SecurityGroupEgress(_Rule, CloudFormationModel):
    """`AWS::EC2::SecurityGroupEgress`."""

    cfn_type = "AWS::EC2::SecurityGroupEgress"

    is_egress = True


def authorize(backend: EC2Backend, group: SecurityGroup, rule: dict[str, Any], is_egress: bool) -> str:
    """Adds one rule of a template to a group.

    The first egress rule takes the place of the one that lets everything out.
    Source: CloudFormation user guide, AWS::EC2::SecurityGroupEgress.

    Returns:
        The rule's id.
    """
    if is_egress and group.default_egress:
        group.default_egress = False
        group.egress_rules = []
    direction = "Destination" if is_egress else "Source"
    peer = {
        "GroupId": rule.get(f"{direction}SecurityGroupId"),
        "GroupName": rule.get("SourceSecurityGroupName"),
    }
    prefix_list = rule.get(f"{direction}PrefixListId")
    authorize_rule: Any = (
        backend.authorize_security_group_egress if is_egress else backend.authorize_security_group_ingress
    )
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    rules, _ = authorize_rule(
        group_name_or_id=group.id,
        ip_protocol=str(rule["IpProtocol"]),
        from_port=rule.get("FromPort"),
        to_port=rule.get("ToPort"),
        ip_ranges=[{key: rule[key], **described} for key in _SOURCES if key in rule],
        source_groups=[{key: value for key, value in peer.items() if value}] if any(peer.values()) else [],
        prefix_list_ids=[{"PrefixListId": prefix_list}] if prefix_list else [],
        vpc_id=group.vpc_id,
    )
    return str(rules[0].id)
