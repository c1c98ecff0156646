"""What CloudFormation does for a cluster asks IAM for what its handlers call."""

import pytest

from localcloud.iam.changes import Change, Changes, left_out, permissions_of
from localcloud.iam.policy import Place
from localcloud.iam.reference import handler_permissions
from tests.support.resource_types import IMAGE_RESOURCE_TYPES, RESOURCE_TYPES
from tools.permissions.roles import Role, refused
from tools.permissions.template import TEMPLATE, Names, Template

ACCOUNT = "123456789012"
PLACE = Place("us-east-1", ACCOUNT)


class Known:
    """An account with the role ``r``, its profile ``p`` and the launch template ``lt-1`` that names it."""

    place = PLACE

    def role_arn(self, name):
        return PLACE.arn("iam", f"role{'/parallelcluster/c/' if name == 'r' else '/'}{name}")

    def boundary(self, name):  # noqa: ARG002 - no role has one
        return None

    def profile_roles(self, name):
        return ["r"] if name == "p" else []

    def launched_profile(self, launch_template):
        return "p" if launch_template.get("LaunchTemplateId") == "lt-1" else ""


def change(resource_type, action="CREATE", physical_id="name", **properties):
    tags = {"parallelcluster:cluster-name": "c"}
    return Change(resource_type, action, physical_id, properties, "Logical", "c", tags)


def asked(made):
    return list(Changes(Known()).requests_of(made))


def test_a_table_is_asked_for_by_its_name():
    requests = asked(change("AWS::DynamoDB::Table", physical_id="parallelcluster-c"))
    assert {request.resource for request in requests} == {
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/parallelcluster-c"
    }
    assert {"dynamodb:CreateTable", "dynamodb:TagResource"} <= {request.action for request in requests}


def test_a_function_is_given_its_role_and_its_code():
    role = f"arn:aws:iam::{ACCOUNT}:role/parallelcluster/r"
    code = {"S3Bucket": "b", "S3Key": "k"}
    requests = {r.action: r for r in asked(change("AWS::Lambda::Function", Role=role, Code=code))}
    assert requests["iam:PassRole"].resource == role
    assert requests["iam:PassRole"].context["iam:passedtoservice"] == ("lambda.amazonaws.com",)
    assert requests["s3:GetObject"].resource == "arn:aws:s3:::b/k"


@pytest.mark.parametrize(
    "named",
    [
        {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "1"}},
        {"IamInstanceProfile": "p"},
        {"IamInstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/parallelcluster/c/p"},
    ],
    ids=["launch template", "name", "ARN"],
)
def test_a_node_is_given_the_role_of_the_profile_that_it_names(named):
    (passed,) = [
        each for each in asked(change("AWS::EC2::Instance", **named)) if each.action == "iam:PassRole"
    ]
    assert passed.resource == f"arn:aws:iam::{ACCOUNT}:role/parallelcluster/c/r"
    assert passed.context["iam:passedtoservice"] == ("ec2.amazonaws.com",)


def test_a_node_without_a_profile_is_given_no_role():
    made = change("AWS::EC2::Instance", LaunchTemplate={"LaunchTemplateId": "lt-2"})
    assert "iam:PassRole" not in {each.action for each in asked(made)}


def test_a_role_that_a_handler_reads_and_no_property_names_is_some_role():
    read = {each.action: each for each in asked(change("AWS::ImageBuilder::InfrastructureConfiguration"))}
    for action, form in (("iam:GetRole", "role"), ("iam:GetInstanceProfile", "instance-profile")):
        assert read[action].resource.startswith(f"arn:aws:iam::{ACCOUNT}:{form}/")
        assert not read[action].is_exact


def test_each_managed_policy_of_a_role_is_attached_and_its_boundary_is_seen():
    policies = ["arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"]
    role = change("AWS::IAM::Role", Path="/x/", ManagedPolicyArns=policies, PermissionsBoundary="arn:b")
    attached = [request for request in asked(role) if request.action == "iam:AttachRolePolicy"]
    assert [request.context["iam:policyarn"] for request in attached] == [(policy,) for policy in policies]
    assert {request.context["iam:permissionsboundary"] for request in attached} == {("arn:b",)}


def test_a_custom_resource_is_a_call_of_its_function():
    (request,) = asked(change("AWS::CloudFormation::CustomResource", ServiceToken="arn:f"))
    assert (request.action, request.resource) == ("lambda:InvokeFunction", "arn:f")


#: Image Builder's own, which a configuration may name.
PARENT = "arn:aws:imagebuilder:us-east-1:aws:image/amazon-linux-2023-x86/x.x.x"
COMPONENT = "arn:aws:imagebuilder:us-east-1:aws:component/update-linux/x.x.x"


def read_by_a_recipe(parent):
    made = f"arn:aws:imagebuilder:us-east-1:{ACCOUNT}:component/parallelclusterimage-x/3.16.1/1"
    components = [{"ComponentArn": arn} for arn in (made, COMPONENT)]
    recipe = change("AWS::ImageBuilder::ImageRecipe", ParentImage=parent, Components=components)
    reading = {"imagebuilder:GetImage", "imagebuilder:GetComponent"}
    return made, [request for request in asked(recipe) if request.action in reading]


def test_a_recipe_reads_its_parent_and_its_components():
    made, requests = read_by_a_recipe(PARENT)
    assert [(request.action, request.resource) for request in requests] == [
        ("imagebuilder:GetComponent", made),
        ("imagebuilder:GetComponent", COMPONENT),
        ("imagebuilder:GetImage", PARENT),
    ]


def test_an_image_is_named_after_its_recipe_and_reads_what_it_is_made_of():
    recipe = f"arn:aws:imagebuilder:us-east-1:{ACCOUNT}:image-recipe/parallelclusterimage-x/3.16.1"
    image = change("AWS::ImageBuilder::Image", physical_id=None, ImageRecipeArn=recipe)
    requests = {request.action: request.resource for request in asked(image)}
    assert requests["imagebuilder:CreateImage"] == recipe.replace("image-recipe", "image")
    assert requests["imagebuilder:GetImageRecipe"] == recipe


def test_a_recipe_whose_parent_is_an_ami_reads_no_image():
    _, requests = read_by_a_recipe("ami-12345678")
    assert {request.action for request in requests} == {"imagebuilder:GetComponent"}


def test_the_engine_may_read_parents_and_components_that_are_not_its_own():
    documents = Template(TEMPLATE.read_text(), Names(PLACE, "provider")).roles()["EngineRole"]
    _, requests = read_by_a_recipe(PARENT)
    assert refused(Role("EngineRole", documents), requests) == []


@pytest.mark.parametrize(
    ("made", "resource"),
    [
        (change("AWS::DynamoDB::Table", physical_id=None, TableName="t"), "table/t"),
        (change("AWS::DynamoDB::Table", physical_id=None), "table/c-Logical-XXXXXXXXXXXX"),
        (change("AWS::Logs::LogGroup", physical_id=None, LogGroupName="/g"), "log-group:/g"),
        (change("AWS::SNS::Topic", physical_id=None, TopicName="t"), "t"),
        (change("AWS::ImageBuilder::Component", physical_id=None, Name="C"), "component/c/1.0.0/1"),
        (change("AWS::IAM::Role", physical_id=None, Path="/p/"), "role/p/c-Logical-XXXXXXXXXXXX"),
    ],
    ids=lambda value: value.resource_type if isinstance(value, Change) else "",
)
def test_what_is_not_there_yet_is_asked_for_by_the_name_that_it_will_have(made, resource):
    assert resource in {
        request.resource.split(":", 5)[5]
        for request in asked(made)
        if request.is_exact and request.resource != "*"
    }


def test_what_waits_needs_no_permission():
    assert asked(change("AWS::CloudFormation::WaitCondition")) == []


@pytest.mark.parametrize("exception", left_out(), ids=lambda exception: exception.reason[:40])
def test_nothing_is_left_out_that_no_handler_calls(exception):
    types = exception.types or RESOURCE_TYPES
    called = {
        (kind, action)
        for kind in types
        for actions in (handler_permissions(kind) or {}).values()
        for action in actions
    }
    for pattern in exception.actions:
        alone = type(exception)((pattern,), exception.types, exception.reason)
        assert any(alone.covers(action, kind) for kind, action in called), pattern


def not_allowed(resource_type, *actions):
    """What a type's handlers need for these actions and the engine's policies do not allow."""
    documents = Template(TEMPLATE.read_text(), Names(PLACE, "provider")).roles()["EngineRole"]
    allowed = Role("EngineRole", documents).actions()
    needed = {
        name.lower() for action in actions for name in permissions_of(resource_type, action, left_out())
    }
    return needed - allowed


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_the_engines_policies_allow_what_every_kind_of_resource_needs(resource_type):
    assert not_allowed(resource_type, "CREATE", "UPDATE", "DELETE") == set()


@pytest.mark.parametrize("resource_type", IMAGE_RESOURCE_TYPES)
def test_the_engines_policies_allow_what_images_need_whose_stacks_are_never_updated(resource_type):
    assert not_allowed(resource_type, "CREATE", "DELETE") == set()
