"""What templates say: functions, parameters, conditions, and what is refused."""

import json

import pytest
from botocore.exceptions import ClientError

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "the-queue"}}


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Message"]


@pytest.fixture
def value(cloud):
    """Deploys a template whose output is an expression, and returns what it comes out as."""

    def evaluate(expression, parameters=None, **sections):
        resources = {"Queue": QUEUE, **sections.pop("Resources", {})}
        outputs = {"Out": {"Value": expression}}
        cloud.created("one", {"Resources": resources, "Outputs": outputs, **sections}, parameters)
        return cloud.outputs("one")["Out"]

    return evaluate


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Fn::GetAtt": ["Queue", "QueueName"]}, "the-queue"),
        ({"Fn::GetAtt": "Queue.QueueName"}, "the-queue"),
        (
            {"Fn::Sub": "${Queue.QueueName} in ${AWS::Region} ${!literal}"},
            "the-queue in us-east-1 ${literal}",
        ),
        (
            {"Fn::Sub": ["${a}-${AWS::Partition}", {"a": {"Fn::GetAtt": ["Queue", "QueueName"]}}]},
            "the-queue-aws",
        ),
        ({"Fn::Join": ["-", ["a", 1, True, {"Ref": "AWS::AccountId"}]]}, "a-1-true-123456789012"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "us-east-1a"),
        ({"Fn::Base64": {"Fn::Sub": "x"}}, "eA=="),
        ({"Fn::Select": [1, {"Fn::Cidr": ["10.0.0.0/16", 2, 8]}]}, "10.0.1.0/24"),
        ({"Fn::ToJsonString": {"a": [1, {"Ref": "AWS::Region"}]}}, '{"a":[1,"us-east-1"]}'),
        ({"Fn::Join": ["", ["a", {"Ref": "AWS::NoValue"}, "b"]]}, "ab"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "AWS::StackName"}, "one"),
    ],
)
def test_functions_have_values(value, expression, expected):
    assert value(expression) == expected


def test_mappings_are_looked_up(value):
    mappings = {"Sizes": {"us-east-1": {"small": "t3"}}}

    assert value({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, Mappings=mappings) == "t3"


@pytest.mark.parametrize(("given", "expected"), [("prod", "big"), ("test", "small"), ("dev", "small")])
def test_conditions_choose(value, given, expected):
    conditions = {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "Big": {"Fn::And": [{"Condition": "IsProd"}, {"Fn::Not": [{"Condition": "IsTest"}]}]},
        "Any": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
    }

    found = value(
        {"Fn::If": ["Big", "big", "small"]},
        {"Stage": given},
        Parameters={"Stage": {"Type": "String"}},
        Conditions=conditions,
    )

    assert found == expected


def test_what_a_false_condition_hides_does_not_exist(cloud):
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Queue": {
                **QUEUE,
                "DependsOn": ["Hidden"],
                "Properties": {"QueueName": {"Fn::If": ["Never", {"Ref": "Hidden"}, "x"]}},
            },
            "Hidden": {"Type": "AWS::SNS::Topic", "Condition": "Never"},
        },
        "Outputs": {"Hidden": {"Condition": "Never", "Value": {"Ref": "Hidden"}}},
    }

    cloud.created("one", template)

    assert [
        r["LogicalResourceId"]
        for r in cloud.cfn.list_stack_resources(StackName="one")["StackResourceSummaries"]
    ] == ["Queue"]
    assert cloud.outputs("one") == {}


def test_short_forms_of_yaml_are_functions(cloud):
    cloud.created(
        "one",
        """
Parameters: {Names: {Type: CommaDelimitedList, Default: "a, b"}}
Conditions:
  Yes: !Not [!Equals [2012-10-17, "x"]]
  Also: !Condition Yes
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", !Ref Names]
Outputs:
  Sub: {Value: !Sub "${Queue.QueueName}!"}
  GetAtt: {Value: !GetAtt Queue.QueueName}
  If: {Value: !If [Yes, !Select [1, !Ref Names], "no"]}
  Date: {Value: 2012-10-17}
""",
    )

    assert cloud.outputs("one") == {"Sub": "a-b!", "GetAtt": "a-b", "If": "b", "Date": "2012-10-17"}


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("023456789012", "2.3456789012E10"),
        ("088888888888", "8.8888888888E10"),
        ("'023456789012'", "023456789012"),
        ("!!str 023456789012", "023456789012"),
        ("065115117704", "7133765572"),
        ("009", "9.0"),
        ("123456789012", "123456789012"),
        ("12e3", "12000.0"),
        ("7E8", "7.0E8"),
        ("0.00025", "2.5E-4"),
        ("9999999.5", "9999999.5"),
        ("10000000.5", "1.00000005E7"),
        ("0.5", "0.5"),
        ("-0900", "-900.0"),
        ("1e", "1e"),
        ("v08", "v08"),
    ],
)
def test_unquoted_digits_arrive_as_java_reads_and_writes_them(cloud, functions, answer, written, arrives):
    cloud.create(
        "one",
        f"""
Parameters:
  Given: {{Type: String, Default: {written}}}
Resources:
  Custom:
    Type: Custom::Numbers
    Properties:
      ServiceToken: {FUNCTION}
      Plain: {written}
      Given: !Ref Given
      Within: !Sub ["<${{Digits}}>", {{Digits: {written}}}]
""",
    )

    request = functions.next("Create")
    answer(request)
    cloud.settled("one", "CREATE_COMPLETE")
    sent = request["ResourceProperties"]
    assert (sent["Plain"], sent["Given"], sent["Within"]) == (arrives, arrives, f"<{arrives}>")


@pytest.mark.parametrize("given", ["1.50", "007", "12345678.5", "3"])
def test_a_number_is_used_as_it_was_given(value, given):
    found = value({"Fn::Sub": "${Size}"}, {"Size": given}, Parameters={"Size": {"Type": "Number"}})

    assert found == given


def test_account_numbers_with_a_leading_zero_are_found_in_mappings(value):
    mappings = {"Accounts": {"098765432109": {"Stage": "prod"}}}

    assert value({"Fn::FindInMap": ["Accounts", "098765432109", "Stage"]}, Mappings=mappings) == "prod"


def test_numbers_as_keys_are_text(cloud):
    cloud.created(
        "one",
        """
Mappings: {Accounts: {123456789012: {1.5: here}}}
Resources: {Queue: {Type: AWS::SQS::Queue}}
Outputs: {Out: {Value: !FindInMap [Accounts, !Ref "AWS::AccountId", "1.5"]}}
""",
    )

    assert cloud.outputs("one") == {"Out": "here"}


PARAMETERS = {
    "Size": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 5},
    "Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
    "Name": {"Type": "String", "Default": "abc", "AllowedPattern": "[a-z]+", "MinLength": 2, "MaxLength": 4},
    "Secret": {"Type": "String", "Default": "x", "NoEcho": True},
    "Explained": {
        "Type": "String",
        "Default": "a",
        "AllowedPattern": "a",
        "ConstraintDescription": "must be a",
    },
    "Slow": {"Type": "String", "Default": "b", "AllowedPattern": "(a|aa)+b|[a-z&&[^c]]+"},
}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Size": "6"}, "Parameter 'Size' must be a number not greater than 5"),
        ({"Size": "0"}, "Parameter 'Size' must be a number not less than 1"),
        ({"Size": "x"}, "Parameter 'Size' must be a number."),
        ({"Stage": "test"}, "Parameter 'Stage' must be one of AllowedValues"),
        ({"Name": "ABC"}, "Parameter 'Name' must match pattern [a-z]+"),
        ({"Name": "abcde"}, "Parameter 'Name' must contain at most 4 characters"),
        ({"Name": "a"}, "Parameter 'Name' must contain at least 2 characters"),
        ({"Explained": "b"}, "Parameter 'Explained' failed to satisfy constraint: must be a"),
        ({"Slow": "c"}, "Parameter 'Slow' must match pattern (a|aa)+b|[a-z&&[^c]]+"),
        ({"Other": "b"}, "Parameters: [Other] do not exist in the template"),
    ],
)
def test_parameters_outside_their_constraints_are_refused(cloud, given, message):
    with pytest.raises(ClientError) as refused:
        cloud.create("one", {"Parameters": PARAMETERS, "Resources": {"Queue": QUEUE}}, given)

    assert refused.value.response["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": message,
    }


def test_parameters_are_shown_with_secrets_masked(cloud):
    cloud.created("one", {"Parameters": PARAMETERS, "Resources": {"Queue": QUEUE}}, {"Stage": "prod"})

    shown = {p["ParameterKey"]: p["ParameterValue"] for p in cloud.stack("one")["Parameters"]}
    explained = {"Explained": "a", "Slow": "b"}
    assert shown == {"Size": "3", "Stage": "prod", "Name": "abc", "Secret": "****", **explained}


def test_an_empty_list_parameter_has_one_item_that_is_empty(cloud, functions, answer):
    template = {
        "Parameters": {
            "Groups": {"Type": "CommaDelimitedList", "Default": ""},
            "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
        },
        "Conditions": {
            "AnyGroup": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Groups"}]}, ""]}]}
        },
        "Resources": {
            "Custom": {
                "Type": "Custom::Lists",
                "Properties": {
                    "ServiceToken": FUNCTION,
                    "Groups": {"Ref": "Groups"},
                    "Subnets": {"Ref": "Subnets"},
                    "Any": {"Fn::If": ["AnyGroup", "yes", "no"]},
                },
            }
        },
    }
    cloud.create("one", template, {"Subnets": ""})

    request = functions.next("Create")
    answer(request)
    cloud.settled("one", "CREATE_COMPLETE")
    sent = request["ResourceProperties"]
    assert (sent["Groups"], sent["Subnets"], sent["Any"]) == ([""], [""], "no")


def test_an_empty_list_of_numbers_is_refused(cloud):
    template = {
        "Parameters": {"Ports": {"Type": "List<Number>", "Default": ""}},
        "Resources": {"Queue": QUEUE},
    }

    message = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(template))

    assert message == "Parameter 'Ports' must be a number."


def test_a_parameter_without_a_value_is_refused(cloud):
    template = {"Parameters": {"Needed": {"Type": "String"}}, "Resources": {"Queue": QUEUE}}

    message = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(template))

    assert message == "Parameters: [Needed] must have values"


def test_parameters_can_be_read_from_parameter_store(cloud, value):
    cloud.client("ssm").put_parameter(Name="/ami", Value="ami-1", Type="String")

    found = value(
        {"Ref": "Image"},
        Parameters={"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ami"}},
    )

    assert found == "ami-1"
    (shown,) = cloud.stack("one")["Parameters"]
    assert (shown["ParameterValue"], shown["ResolvedValue"]) == ("/ami", "ami-1")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{", "JSON not well-formed"),
        ("a: [", "YAML not well-formed"),
        ({}, "At least one Resources member must be defined"),
        ({"Resources": {"A": {}}}, "Every Resources object must contain a Type member"),
        ({"Resources": {"A-b": QUEUE}}, "Resource name A-b is non alphanumeric"),
        ({"Resources": {"A": QUEUE}, "Things": {}}, "Invalid template property or properties [Things]"),
        (
            {"Resources": {"A": {**QUEUE, "Properties": {"QueueName": None}}}},
            "[/Resources/A/Properties/QueueName] 'null' values are not allowed",
        ),
        (
            {"Resources": {"A": {**QUEUE, "Properties": {"QueueName": {"Ref": "B"}}}}},
            "Unresolved resource dependencies [B] in the Resources block",
        ),
        (
            {"Resources": {"A": {**QUEUE, "DependsOn": "B"}}},
            "Unresolved resource dependencies [B] in the Resources block",
        ),
        (
            {"Resources": {"A": QUEUE}, "Outputs": {"O": {"Value": {"Fn::Sub": "${B.c}"}}}},
            "Unresolved resource dependencies [B] in the Outputs block",
        ),
        (
            {"Resources": {"A": {**QUEUE, "DependsOn": "B"}, "B": {**QUEUE, "DependsOn": "A"}}},
            "Circular dependency between resources: [A, B]",
        ),
        ({"Resources": {"A": {**QUEUE, "Condition": "C"}}}, "Unresolved condition C"),
        (
            {
                "Conditions": {
                    "C": {"Fn::Not": [{"Condition": "D"}]},
                    "D": {"Fn::Not": [{"Condition": "C"}]},
                },
                "Resources": {"A": {**QUEUE, "Condition": "C"}},
            },
            "Circular dependency of condition C",
        ),
        ("Resources: {Queue: *a}", "YAML not well-formed."),
        ('{"Resources": ' * 101, "JSON not well-formed. (line 1, column 1402)"),
        ({"Resources": {"A": QUEUE}, "Transform": "My::Macro"}, "No transform named My::Macro found"),
    ],
)
def test_templates_that_make_no_sense_are_refused(cloud, template, message):
    body = template if isinstance(template, str) else json.dumps(template)

    assert message in refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=body)


ALIASED = """\
Resources:
  First: &queue {Type: AWS::SQS::Queue}
  Second: *queue
"""


def test_aliases_are_refused_wherever_a_template_is_given(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="aliased.yaml", Body=ALIASED)
    url = "https://templates.s3.amazonaws.com/aliased.yaml"
    said = "Template error: YAML aliases are not allowed in CloudFormation templates"

    for given in ({"TemplateBody": ALIASED}, {"TemplateURL": url}):
        assert refusal(cloud.cfn.create_stack, StackName="one", **given) == said
        assert refusal(cloud.cfn.validate_template, **given) == said
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    cloud.create("parent", {"Resources": {"Child": nested}})
    cloud.settled("parent", "ROLLBACK_COMPLETE")
    assert said in cloud.reason("parent", "Child")


def test_an_anchor_that_no_alias_names_and_a_star_in_text_are_no_aliases(cloud):
    resources = "Resources: {Queue: &queue {Type: AWS::SQS::Queue}}"
    cloud.created("one", f"{resources}\nOutputs: {{O: {{Value: '*queue'}}}}")

    assert cloud.outputs("one") == {"O": "*queue"}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Fn::Sub": 5}, "Fn::Sub intrinsic functions don't specify expected arguments"),
        ({"Fn::GetAtt": "Queue"}, "Fn::GetAtt object requires two non-empty parameters"),
    ],
)
def test_functions_with_impossible_arguments_are_refused(cloud, expression, message):
    template = {"Resources": {"Queue": QUEUE}, "Outputs": {"Out": {"Value": expression}}}

    assert message in refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(template))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Fn::Select": [9, {"Fn::GetAZs": ""}]}, "cannot select nonexistent value at index 9"),
        ({"Fn::Join": ["a"]}, "every Fn::Join object requires 2 arguments"),
        ({"Fn::Cidr": ["nonsense", 1, 8]}, "Fn::Cidr cannot take these arguments"),
        ({"Fn::Join": ["", {"Fn::Split": ["", "a"]}]}, "requires a delimiter that is not empty"),
        ({"Fn::FindInMap": ["None", "a", "b"]}, "Unable to get mapping for None::a::b"),
        ({"Fn::ForEach::X": ["a"]}, "localcloud does not know the function Fn::ForEach::X"),
    ],
)
def test_functions_without_a_value_are_refused_before_anything_is_made(cloud, expression, message):
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": expression}}
    body = json.dumps({"Resources": {"Topic": topic}})

    assert message in refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=body)


def test_a_function_whose_value_only_a_resource_tells_fails_what_it_is_for(cloud):
    zones = {"Fn::Split": [",", {"Fn::GetAtt": ["Queue", "Arn"]}]}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Select": [3, zones]}}}

    cloud.create("one", {"Resources": {"Queue": QUEUE, "Topic": topic}})

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert "cannot select nonexistent value at index 3" in cloud.reason("one", "Topic")


def test_an_inline_template_has_at_most_51200_bytes(cloud):
    body = json.dumps({"Resources": {"Queue": QUEUE}}).ljust(51_201)

    message = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=body)

    assert "length less than or equal to 51200" in message


def test_exports_are_imported_unique_and_protected(cloud):
    exporter = {
        "Resources": {"Queue": QUEUE},
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}, "Export": {"Name": "shared"}}},
    }
    importer = {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::ImportValue": "shared"}}}
        }
    }
    exporter_id = cloud.created("exporter", exporter)
    cloud.created("importer", importer)

    (export,) = cloud.cfn.list_exports()["Exports"]
    assert export == {"ExportingStackId": exporter_id, "Name": "shared", "Value": "the-queue"}
    assert cloud.cfn.list_imports(ExportName="shared")["Imports"] == ["importer"]
    cloud.deleted("exporter", "DELETE_FAILED")
    assert (
        cloud.stack("exporter")["StackStatusReason"]
        == "Export shared cannot be deleted as it is in use by importer"
    )
    exporter["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    cloud.create("second", exporter)
    cloud.settled("second", "ROLLBACK_COMPLETE")
    cloud.deleted("importer")
    cloud.deleted("exporter")
    assert cloud.cfn.list_exports()["Exports"] == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "Cannot export output Out. Exported values must not be empty or whitespace-only."),
        (" \t", "Cannot export output Out. Exported values must not be empty or whitespace-only."),
        ("x" * 1025, "Cannot export output Out with length 1025. Max length of 1024 exceeded."),
    ],
)
def test_an_export_without_content_or_too_long_takes_the_stack_back(cloud, value, reason):
    exporting = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {"Queue": QUEUE},
        "Outputs": {"Out": {"Value": {"Ref": "Text"}, "Export": {"Name": "shared"}}},
    }

    cloud.create("made", exporting, {"Text": value})
    cloud.settled("made", "ROLLBACK_COMPLETE")
    assert any(r is not None and r.startswith(reason) for _, _, r in cloud.history("made", "made"))

    cloud.deleted("made")
    cloud.created("changed", exporting, {"Text": "x" * 1024})
    cloud.update("changed", exporting, {"Text": value})
    cloud.settled("changed", "UPDATE_ROLLBACK_COMPLETE")
    (export,) = cloud.cfn.list_exports()["Exports"]
    assert export["Value"] == "x" * 1024


def test_an_output_without_export_may_be_empty(value):
    assert value({"Fn::Join": ["", [""]]}) == ""


def test_an_import_of_nothing_fails_its_resource(cloud):
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::ImportValue": "none"}}}
    cloud.create("one", {"Resources": {"Topic": topic}})

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Topic") == "No export named none found."


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("Queue.Colour", "resource Queue does not support attribute type Colour in Fn::GetAtt"),
        ("Child.Arn", "resource Child does not support attribute type Arn in Fn::GetAtt"),
        ("Parameter.Arn", "instance of Fn::GetAtt references undefined resource Parameter"),
    ],
)
def test_an_attribute_that_its_type_does_not_have_is_refused(cloud, attribute, message):
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": attribute}}}
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/k"},
    }
    template = {
        "Parameters": {"Parameter": {"Type": "String", "Default": "x"}},
        "Resources": {"Queue": QUEUE, "Child": child, "Topic": topic},
    }

    assert message in refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(template))


def test_a_summary_lists_what_a_template_needs(cloud):
    template = {
        "Description": "Things",
        "Parameters": {"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]}},
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}, "Queue": QUEUE},
    }

    summary = cloud.cfn.get_template_summary(TemplateBody=json.dumps(template))
    validated = cloud.cfn.validate_template(TemplateBody=json.dumps(template))

    assert summary["ResourceTypes"] == ["AWS::IAM::Role", "AWS::SQS::Queue"]
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["dev", "prod"]}
    for answer in (summary, validated):
        assert answer["Description"] == "Things"
        assert answer["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
        assert answer["Parameters"][0]["DefaultValue"] == "dev"


SERVERLESS = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Table": {
            "Type": "AWS::Serverless::SimpleTable",
            "Properties": {"PrimaryKey": {"Name": "id", "Type": "String"}},
        }
    },
    "Outputs": {"Table": {"Value": {"Ref": "Table"}}},
}


class TestServerless:
    def test_templates_are_expanded_when_that_is_acknowledged(self, cloud):
        body = json.dumps(SERVERLESS)
        message = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=body)
        assert message == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"

        cloud.created("one", SERVERLESS, Capabilities=["CAPABILITY_AUTO_EXPAND"])

        (name,) = cloud.client("dynamodb").list_tables()["TableNames"]
        assert cloud.outputs("one") == {"Table": name}
        assert cloud.cfn.get_template(StackName="one")["TemplateBody"] == SERVERLESS
        processed = cloud.cfn.get_template(StackName="one", TemplateStage="Processed")["TemplateBody"]
        assert processed["Resources"]["Table"]["Type"] == "AWS::DynamoDB::Table"

    def test_what_the_transform_refuses_is_refused_with_its_reason(self, cloud):
        function = {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": "src", "Handler": "a.b", "Runtime": "python3.12"},
        }
        template = {**SERVERLESS, "Resources": {"Function": function}, "Outputs": {}}

        message = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(template))

        assert message.startswith(
            "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application"
        )
        assert "Function" in message
