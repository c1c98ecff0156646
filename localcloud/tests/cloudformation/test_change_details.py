"""What a change set says about each resource."""

import json
from pathlib import Path

import cfnlint
import pytest

from localcloud.cloudformation.replacements import listed_types, requires_recreation

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


def topic(name, display_name="news", **attributes):
    properties = {"TopicName": name, "DisplayName": display_name}
    return {"Type": "AWS::SNS::Topic", "Properties": properties, **attributes}


def of(*, parameters=(), **resources):
    template = {"Resources": resources}
    if parameters:
        template["Parameters"] = {name: {"Type": "String", "Default": "a"} for name in parameters}
    return template


def described(cloud, template, parameters=None, *, with_values=False):
    """The changes of an update by logical id, and the whole description."""
    given = [{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()]
    body = json.dumps(template)
    cloud.cfn.create_change_set(StackName="one", ChangeSetName="c", TemplateBody=body, Parameters=given)
    shown = cloud.cfn.describe_change_set(
        StackName="one", ChangeSetName="c", IncludePropertyValues=with_values
    )
    changes = [change["ResourceChange"] for change in shown["Changes"]]
    return {change["LogicalResourceId"]: change for change in changes}, shown


def reasons(change):
    """The details of a change in short."""
    return {
        (
            detail["Target"].get("Name", detail["Target"]["Attribute"]),
            detail["Target"]["RequiresRecreation"],
            detail["ChangeSource"],
            detail.get("CausingEntity"),
            detail["Evaluation"],
        )
        for detail in change["Details"]
    }


def test_a_property_that_is_written_anew_is_a_direct_modification(cloud):
    cloud.created("one", of(A=topic("a")))

    changes, _ = described(cloud, of(A=topic("a", "weather")))

    assert changes["A"]["Action"] == "Modify"
    assert (changes["A"]["Replacement"], changes["A"]["Scope"]) == ("False", ["Properties"])
    assert "PolicyAction" not in changes["A"]
    assert reasons(changes["A"]) == {("DisplayName", "Never", "DirectModification", None, "Static")}
    assert set(changes["A"]["Details"][0]["Target"]) == {"Attribute", "Name", "RequiresRecreation"}


def test_what_refers_to_a_replaced_resource_is_modified(cloud):
    def template(name):
        return of(
            Named=topic(name),
            Refers=topic("b", {"Ref": "Named"}),
            Reads=topic("c", {"Fn::Sub": "of ${Named.TopicName}"}),
            Apart=topic("d"),
        )

    cloud.created("one", template("a"))

    changes, _ = described(cloud, template("z"))

    assert set(changes) == {"Named", "Refers", "Reads"}
    assert (changes["Named"]["Replacement"], changes["Named"]["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert reasons(changes["Refers"]) == {("DisplayName", "Never", "ResourceReference", "Named", "Static")}
    assert reasons(changes["Reads"]) == {
        ("DisplayName", "Never", "ResourceAttribute", "Named.TopicName", "Static")
    }
    assert changes["Refers"]["Replacement"] == "False"


def test_a_resource_that_stays_changes_its_attributes_perhaps_and_its_reference_never(cloud):
    def template(text):
        return of(
            Changed=topic("a", text),
            Refers=topic("b", {"Ref": "Changed"}),
            Named=topic({"Fn::GetAtt": ["Changed", "TopicName"]}),
        )

    first = template("news")
    first["Resources"]["Named"]["Properties"]["TopicName"] = {
        "Fn::Sub": "x-${Changed.TopicName}",
    }
    second = json.loads(json.dumps(first))
    second["Resources"]["Changed"]["Properties"]["DisplayName"] = "weather"
    cloud.created("one", first)

    changes, _ = described(cloud, second)

    assert set(changes) == {"Changed", "Named"}
    assert changes["Named"]["Replacement"] == "Conditional"
    assert reasons(changes["Named"]) == {
        ("TopicName", "Always", "ResourceAttribute", "Changed.TopicName", "Dynamic")
    }


def test_a_changed_parameter_is_the_cause_of_what_refers_to_it(cloud):
    template = of(parameters=["Name", "Other"], A=topic({"Ref": "Name"}), B=topic("b", {"Ref": "Other"}))
    cloud.created("one", template, {"Name": "a"})

    changes, shown = described(cloud, template, {"Name": "z"})

    assert set(changes) == {"A"}
    assert changes["A"]["Replacement"] == "True"
    assert reasons(changes["A"]) == {
        ("TopicName", "Always", "ParameterReference", "Name", "Static"),
        ("TopicName", "Always", "DirectModification", None, "Dynamic"),
    }
    assert {"ParameterKey": "Name", "ParameterValue": "z"} in shown["Parameters"]


def test_values_are_shown_on_request_as_far_as_they_are_known(cloud):
    cloud.created("one", of(A=topic("a"), B=topic("b", {"Ref": "A"})))

    changes, shown = described(cloud, of(A=topic("z"), B=topic("b", {"Ref": "A"})), with_values=True)

    arn = "arn:aws:sns:us-east-1:123456789012:a"
    assert changes["A"]["Details"][0]["Target"] == {
        "Attribute": "Properties",
        "Name": "TopicName",
        "Path": "/Properties/TopicName",
        "RequiresRecreation": "Always",
        "BeforeValue": "a",
        "AfterValue": "z",
        "AttributeChangeType": "Modify",
    }
    assert reasons(changes["B"]) == {
        ("DisplayName", "Never", "ResourceReference", "A", "Static"),
        ("DisplayName", "Never", "DirectModification", None, "Dynamic"),
    }
    values = {(d["Target"]["BeforeValue"], d["Target"]["AfterValue"]) for d in changes["B"]["Details"]}
    assert values == {(arn, UNKNOWN)}
    before, after = (json.loads(changes["B"][key]) for key in ("BeforeContext", "AfterContext"))
    assert before == {"Properties": {"TopicName": "b", "DisplayName": arn}}
    assert after == {"Properties": {"TopicName": "b", "DisplayName": UNKNOWN}}
    assert "StatusReason" not in shown


def test_properties_that_come_and_go_say_so(cloud):
    cloud.created("one", of(A={"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1}}))
    new = {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "team", "Value": "hpc"}]}}

    changes, _ = described(cloud, of(A=new), with_values=True)

    targets = {d["Target"]["Name"]: d["Target"] for d in changes["A"]["Details"]}
    gone, come = targets["DelaySeconds"], targets["Tags"]
    assert (gone["AttributeChangeType"], gone["BeforeValue"], "AfterValue" in gone) == ("Remove", "1", False)
    assert (come["AttributeChangeType"], "BeforeValue" in come) == ("Add", False)
    assert json.loads(come["AfterValue"]) == [{"Key": "team", "Value": "hpc"}]


def test_secret_parameters_are_not_shown(cloud):
    template = of(parameters=["Password"], A=topic("a", {"Fn::Sub": "the ${Password}"}))
    template["Parameters"]["Password"]["NoEcho"] = True
    cloud.created("one", template, {"Password": "first-secret"})

    changes, shown = described(cloud, template, {"Password": "second-secret"}, with_values=True)

    assert changes["A"]["Details"][0]["Target"]["AfterValue"] == "****"
    assert "secret" not in json.dumps(shown, default=str)


def test_values_that_cannot_be_told_yet_are_a_warning(cloud):
    template = of(A=topic("a", {"Fn::ImportValue": "of-nobody"}))
    body = json.dumps(template)
    cloud.cfn.create_change_set(StackName="one", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body)

    def describe(**options):
        return cloud.cfn.describe_change_set(StackName="one", ChangeSetName="c", **options)

    assert "StatusReason" not in describe()
    shown = describe(IncludePropertyValues=True)
    assert shown["Status"] == "CREATE_COMPLETE"
    assert shown["StatusReason"] == (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet "
        "creation failed for resource [A] because: No export named of-nobody"
    )
    assert json.loads(shown["Changes"][0]["ResourceChange"]["AfterContext"]) == {
        "Properties": {"TopicName": "a", "DisplayName": UNKNOWN}
    }


def test_a_change_set_that_is_only_looked_at_imports_nothing(cloud):
    exporter = of(A=topic("a")) | {"Outputs": {"Name": {"Value": "v", "Export": {"Name": "shared"}}}}
    exporter_id = cloud.created("exporter", exporter)
    cloud.created("one", of(A=topic("b")))

    changes, _ = described(cloud, of(A=topic("b", {"Fn::ImportValue": "shared"})), with_values=True)

    assert changes["A"]["Details"][0]["Target"]["AfterValue"] == "v"
    cloud.deleted(exporter_id)


@pytest.mark.parametrize(
    ("policies", "removed", "replaced"),
    [
        ({}, "Delete", "ReplaceAndDelete"),
        ({"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}, "Retain", "ReplaceAndRetain"),
        ({"DeletionPolicy": "RetainExceptOnCreate"}, "Retain", "ReplaceAndDelete"),
    ],
    ids=["none", "retained", "retained but on create"],
)
def test_policies_say_what_happens_to_what_is_removed_or_replaced(cloud, policies, removed, replaced):
    template = of(Removed=topic("a", **policies), Replaced=topic("b", **policies))
    cloud.created("one", template)

    changes, _ = described(cloud, of(Replaced=topic("c", **policies)))

    actions = {name: change["PolicyAction"] for name, change in changes.items()}
    assert actions == {"Removed": removed, "Replaced": replaced}
    assert (changes["Removed"]["Details"], changes["Removed"]["Scope"]) == ([], [])


def test_attributes_beside_the_properties_have_a_scope_of_their_own(cloud):
    cloud.created("one", of(A=topic("a")))
    changed = topic("a", "weather", Metadata={"Owner": "hpc"}, UpdateReplacePolicy="Retain")

    changes, _ = described(cloud, of(A=changed))

    assert changes["A"]["Scope"] == ["Properties", "Metadata", "UpdateReplacePolicy"]
    assert changes["A"]["Replacement"] == "False"


def test_new_tags_of_the_stack_are_a_change_of_tags(cloud):
    template = of(A={"Type": "AWS::SQS::Queue"})
    cloud.created("one", template)
    tags = [{"Key": "team", "Value": "hpc"}]
    cloud.cfn.create_change_set(
        StackName="one", ChangeSetName="c", TemplateBody=json.dumps(template), Tags=tags
    )

    shown = cloud.cfn.describe_change_set(StackName="one", ChangeSetName="c")

    (change,) = [c["ResourceChange"] for c in shown["Changes"]]
    assert (change["Scope"], shown["Tags"]) == (["Tags"], tags)


def test_whether_a_custom_resource_is_replaced_only_its_function_knows(cloud, functions, answer):
    def template(size):
        thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": FUNCTION, "Size": size}}
        return of(Thing=thing, Refers=topic({"Ref": "Thing"}))

    cloud.create("one", template(1))
    answer(functions.next("Create"))
    cloud.settled("one", "CREATE_COMPLETE")

    changes, _ = described(cloud, template(2))

    assert changes["Thing"]["Replacement"] == "Conditional"
    assert reasons(changes["Thing"]) == {("Size", "Conditionally", "DirectModification", None, "Static")}
    assert changes["Refers"]["Replacement"] == "Conditional"
    assert reasons(changes["Refers"]) == {("TopicName", "Always", "ResourceReference", "Thing", "Dynamic")}


def test_of_a_type_that_is_not_listed_nothing_is_known():
    assert requires_recreation("AWS::Glue::Job", "Name") == "Conditionally"
    assert requires_recreation("AWS::DynamoDB::Table", "KeySchema") == "Conditionally"
    assert requires_recreation("AWS::DynamoDB::Table", "TableName") == "Always"
    assert requires_recreation("AWS::DynamoDB::Table", "BillingMode") == "Never"


def test_the_properties_that_need_a_replacement_are_those_of_cloudformations_schemas():
    schemas = Path(cfnlint.__file__).parent / "data" / "schemas"
    files = json.loads((schemas / "providers" / "us-east-1.json").read_text())
    differing = {}
    for resource_type, listed in listed_types().items():
        schema = json.loads((schemas / "resources" / f"{files[resource_type]}.json").read_text())
        paths = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", [])]
        sometimes = [
            path.removeprefix("/properties/") for path in schema.get("conditionalCreateOnlyProperties", [])
        ]
        always = {path for path in paths if "/" not in path}
        # Where a part of a property decides, a change of the property may be one of that part.
        parts = {path.split("/")[0] for path in paths + sometimes} - always
        if listed != always | {f"{name}?" for name in parts}:
            differing[resource_type] = sorted(listed)
    assert differing == {}
