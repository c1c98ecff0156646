"""The policies of the template, as a deployment would have them: small, narrow, and the published ones."""

import json
import re

import pytest

from cluster_provider.core.notifications import SOURCE
from localcloud.calls import Call
from localcloud.iam.account import Account
from localcloud.iam.calls import requests_of
from localcloud.iam.policy import Place, Request
from localcloud.iam.reference import has_resources
from tools.permissions.__main__ import FOLDER, documents
from tools.permissions.reference import matching
from tools.permissions.roles import INLINE_POLICIES_LIMIT, MANAGED_POLICY_LIMIT, Role, size
from tools.permissions.template import TEMPLATE, Names, Template

#: The longest names of all: what fits here fits anywhere.
NAMES = Names(Place("ap-southeast-7", partition="aws-us-gov"), "s" * 60)
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
EVERYTHING = {
    "PermissionsBoundary": BOUNDARY,
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
    "VpcSubnetIds": ["subnet-1"],
    "VpcSecurityGroupIds": ["sg-1"],
    "AdditionalIamPolicies": ["arn:aws:iam::123456789012:policy/more"],
    "NotificationTopic": "arn:aws:sns:us-east-1:123456789012:ends",
    "NotificationBus": "ends",
}
ROLES = ("ProviderRole", "EngineRole")


def template(**parameters):
    return Template(TEMPLATE.read_text(), NAMES, parameters)


def statements(role, **parameters):
    policies = template(**parameters).roles()[role].values()
    return [statement for policy in policies for statement in policy["Statement"]]


def texts(value):
    return value if isinstance(value, list) else [value]


def engine(**parameters):
    return Role(
        "EngineRole",
        Template(TEMPLATE.read_text(), Names(Place("us-east-1"), "p"), parameters).roles()["EngineRole"],
    )


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["defaults", "everything"])
@pytest.mark.parametrize("role", ROLES)
def test_every_policy_fits_into_iams_limits(role, parameters):
    policies = template(**parameters).roles()[role]
    managed = {name: size(policy) for name, policy in policies.items() if name.endswith("Policy")}
    inline = sum(size(policy) for name, policy in policies.items() if name not in managed)
    assert max(managed.values(), default=0) <= MANAGED_POLICY_LIMIT
    assert 0 < inline <= INLINE_POLICIES_LIMIT


@pytest.mark.parametrize("role", ROLES)
def test_every_action_is_named_in_full_and_exists(role):
    actions = {action for item in statements(role) for action in texts(item["Action"])}
    unknown = [action for action in actions if matching(action) != {action.lower()}]
    assert actions
    assert unknown == []


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_limited_to_resources_that_it_cannot_be_limited_to(role):
    limited = [item for item in statements(role) if "*" not in texts(item["Resource"])]
    lost = [action for item in limited for action in texts(item["Action"]) if not has_resources(action)]
    assert limited
    assert lost == []


def test_what_is_allowed_everywhere_has_a_condition_or_makes_nothing_but_names_and_alarms():
    open_statements = [
        item["Sid"]
        for item in statements("EngineRole")
        if item["Resource"] == "*" and "Condition" not in item
    ]
    assert set(open_statements) == {"Anywhere", "Monitoring", "Names", "ReadLoginNodes"}


#: Statements about stacks of anybody, which are looked at only.
LOOKING = {"Stacks", "StacksInProgress"}


def test_the_provider_may_touch_nothing_but_its_own_and_look_at_stacks():
    for item in statements("ProviderRole"):
        for resource in texts(item["Resource"]):
            assert f":{NAMES.stack}-" in resource or f"/{NAMES.stack}-" in resource or item["Sid"] in LOOKING
    assert all(
        action.startswith(("cloudformation:Describe", "cloudformation:List"))
        for item in statements("ProviderRole")
        if item["Sid"] in LOOKING
        for action in texts(item["Action"])
    )


def test_the_provider_may_notify_the_topic_and_the_bus_that_it_was_given_and_no_other():
    def sent(**parameters):
        granted = ("sns:Publish", "events:PutEvents")
        return [item for item in statements("ProviderRole", **parameters) if item["Action"] in granted]

    given = {name: EVERYTHING[name] for name in ("NotificationTopic", "NotificationBus")}
    assert sent() == []
    topic, bus = sent(**given)
    assert (topic["Action"], topic["Resource"]) == ("sns:Publish", given["NotificationTopic"])
    assert (bus["Action"], bus["Resource"]) == (
        "events:PutEvents",
        NAMES.place.arn("events", "event-bus/ends"),
    )
    assert bus["Condition"] == {"StringEquals": {"events:source": SOURCE}}
    for name, value in given.items():
        assert len(sent(**{name: value})) == 1


def test_the_engine_may_list_the_clusters_of_its_region_and_of_no_other():
    for region, listed in (("us-east-1", True), ("eu-west-1", False)):
        call = Call("cloudformation", "DescribeStacks", "query", None, region)
        requests = list(requests_of(call, Account("123456789012", region)))
        assert requests
        assert {engine().allows(request) for request in requests} == {listed}


@pytest.mark.parametrize(
    "action", ["iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole", "iam:AttachRolePolicy"]
)
def test_roles_that_are_not_clusters_are_out_of_the_engines_reach(action):
    context = {"iam:policyarn": ("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",)}
    for path, reachable in (("parallelcluster/c/r", True), ("p-EngineRole-X", False), ("team/admin", False)):
        request = Request(action, f"arn:aws:iam::123456789012:role/{path}", context)
        assert engine().allows(request) is reachable


def test_a_policy_that_nobody_reviewed_cannot_be_attached():
    role = "arn:aws:iam::123456789012:role/parallelcluster/r"
    administrator = {"iam:policyarn": ("arn:aws:iam::aws:policy/AdministratorAccess",)}
    assert not engine().allows(Request("iam:AttachRolePolicy", role, administrator))


@pytest.mark.parametrize(
    "action",
    ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy"],
)
def test_with_a_boundary_only_roles_that_have_it_can_be_given_permissions(action):
    role = "arn:aws:iam::123456789012:role/parallelcluster/r"
    attached = {"iam:policyarn": ("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",)}
    bounded = {**attached, "iam:permissionsboundary": (BOUNDARY,)}
    other = {**attached, "iam:permissionsboundary": (f"{BOUNDARY}-of-others",)}
    free, strict = engine(), engine(PermissionsBoundary=BOUNDARY)
    assert free.allows(Request(action, role, attached))
    assert strict.allows(Request(action, role, bounded))
    assert not strict.allows(Request(action, role, attached))
    assert not strict.allows(Request(action, role, other))


@pytest.mark.parametrize("action", ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"])
def test_a_role_made_before_there_was_a_boundary_can_be_deleted(action):
    request = Request(action, "arn:aws:iam::123456789012:role/parallelcluster/old", {})
    assert engine(PermissionsBoundary=BOUNDARY).allows(request)


def test_nobody_may_take_a_boundary_away():
    assert "iam:deleterolepermissionsboundary" not in engine(PermissionsBoundary=BOUNDARY).actions()


def test_every_role_and_policy_has_the_path_and_every_role_the_boundary():
    bounded = template(PermissionsBoundary=BOUNDARY, RolePath="/teams/hpc/")
    for role in ROLES:
        properties = bounded.properties(role)
        assert (properties["Path"], properties["PermissionsBoundary"]) == ("/teams/hpc/", BOUNDARY)
        for name in bounded.roles()[role]:
            if name.startswith("Engine"):
                assert bounded.properties(name)["Path"] == "/teams/hpc/"
    assert "PermissionsBoundary" not in template().properties("EngineRole")


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("/", True),
        ("/teams/hpc/", True),
        ("/parallelcluster-tools/", True),
        ("/parallelcluster/", False),
        ("/parallelcluster/engine/", False),
        ("teams/", False),
        ("/teams", False),
        ("", False),
    ],
)
def test_the_engines_own_role_cannot_be_put_where_the_engine_may_change_roles(path, fits):
    pattern = re.search(r"AllowedPattern: (\^/.*)$", TEMPLATE.read_text(), re.MULTILINE)
    assert (re.search(pattern[1], path) is not None) is fits


def test_the_published_policies_of_a_role_of_the_users_are_those_of_the_template():
    published = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert published == {name: json.dumps(document, indent=2) + "\n" for name, document in documents()}


def test_the_published_policies_fit_into_managed_ones():
    assert all(size(document) <= MANAGED_POLICY_LIMIT for _, document in documents())


@pytest.mark.parametrize("kind", ["image", "component"])
def test_images_and_components_of_others_can_be_read_and_not_changed(kind):
    of_others = f"arn:aws:imagebuilder:us-east-1:aws:{kind}/amazon-linux-2023-x86/1.0.0"
    assert engine().allows(Request(f"imagebuilder:Get{kind.capitalize()}", of_others))
    assert not engine().allows(Request(f"imagebuilder:Delete{kind.capitalize()}", of_others))


def test_an_engine_that_may_not_build_images_has_no_policy_for_them():
    assert "EngineImagesPolicy" in template().roles()["EngineRole"]
    assert "EngineImagesPolicy" not in template(CustomImages="false").roles()["EngineRole"]
