"""Custom resources: what a function is asked, and what its answers lead to."""

import json
import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from localcloud.behaviour import behaviours
from localcloud.cloudformation.response_endpoint import response_endpoint

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"


def template(properties=None, resource_type="Custom::Thing", **more):
    thing = {"Type": resource_type, "Properties": {"ServiceToken": FUNCTION, **(properties or {})}}
    resources = {"Thing": thing, **more.pop("resources", {})}
    return {"Resources": resources, **more}


@pytest.fixture
def created(cloud, functions, answer):
    """A stack whose custom resource answered with an id and data."""

    def create(given, *, physical_id="thing-1", data=None):
        stack_id = cloud.create("one", given)
        answer(functions.next("Create"), PhysicalResourceId=physical_id, Data=data)
        cloud.settled("one", "CREATE_COMPLETE")
        return stack_id

    return create


def test_a_create_request_says_all_that_a_function_needs(cloud, functions):
    stack_id = cloud.create("one", template({"Name": "x", "ServiceTimeout": 600}))

    request = functions.next()

    assert request.pop("RequestId")
    assert request.pop("ResponseURL").startswith("https://")
    assert request == {
        "RequestType": "Create",
        "ServiceToken": FUNCTION,
        "StackId": stack_id,
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {"ServiceToken": FUNCTION, "Name": "x", "ServiceTimeout": "600"},
    }


def test_the_response_url_is_the_one_of_an_object_in_cloudformation_s_bucket(cloud, functions):
    stack_id = cloud.create("one", template())

    request = functions.next()
    url = urlsplit(request["ResponseURL"])

    query = parse_qs(url.query)
    assert url.netloc == "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
    assert url.path.startswith("/arn%3Aaws%3Acloudformation%3Aus-east-1%3A123456789012%3Astack/one/")
    assert unquote(url.path) == f"/{stack_id}|Thing|{request['RequestId']}"
    assert re.fullmatch(r"\d{8}T\d{6}Z", query["X-Amz-Date"][0])
    assert query["X-Amz-Expires"] == ["7200"]
    assert re.fullmatch(r"[0-9a-f]{64}", query["X-Amz-Signature"][0])


def test_every_scalar_arrives_as_text_at_any_depth(cloud, functions):
    given = {
        "Flag": True,
        "Off": False,
        "Count": 5,
        "Share": 1.5,
        "Text": "t",
        "Deep": [{"N": [1, {"B": True}]}],
        "Empty": {},
    }

    cloud.create("one", template(given))

    arrived = functions.next()["ResourceProperties"]
    del arrived["ServiceToken"]
    assert arrived == {
        "Flag": "true",
        "Off": "false",
        "Count": "5",
        "Share": "1.5",
        "Text": "t",
        "Deep": [{"N": ["1", {"B": "true"}]}],
        "Empty": {},
    }


def test_the_answer_gives_id_and_attributes_with_dots_in_every_form(cloud, created):
    outputs = {
        "Ref": {"Value": {"Ref": "Thing"}},
        "List": {"Value": {"Fn::GetAtt": ["Thing", "headNode.publicIpAddress"]}},
        "Text": {"Value": {"Fn::GetAtt": "Thing.headNode.publicIpAddress"}},
        "Sub": {"Value": {"Fn::Sub": "ip ${Thing.headNode.publicIpAddress}"}},
    }

    created(template(Outputs=outputs), physical_id="my-thing", data={"headNode.publicIpAddress": "1.2.3.4"})

    assert cloud.outputs("one") == {
        "Ref": "my-thing",
        "List": "1.2.3.4",
        "Text": "1.2.3.4",
        "Sub": "ip 1.2.3.4",
    }


def test_an_attribute_missing_from_the_answer_fails_its_consumer(cloud, functions, answer):
    tube = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["Thing", "name"]}}}
    cloud.create("one", template(resources={"Tube": tube}))
    answer(functions.next("Create"), Data={"other": "x"})

    answer(functions.next("Delete"))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.statuses("one", "Thing")[1] == "CREATE_COMPLETE"
    reason = cloud.reason("one", "Tube")
    assert reason.startswith(
        "CustomResource attribute error: Vendor response doesn't contain name key in object"
    )
    assert reason.endswith("in S3 bucket cloudformation-custom-resource-storage-useast1")


def test_a_failed_create_is_deleted_by_the_id_it_answered(cloud, functions, answer):
    cloud.create("one", template())
    create = functions.next("Create")
    answer(create, "FAILED", Reason="no room", PhysicalResourceId="half-made")

    delete = functions.next("Delete")
    assert delete["PhysicalResourceId"] == "half-made"
    answer(delete)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == (
        "Received response status [FAILED] from custom resource. "
        f"Message returned: no room (RequestId: {create['RequestId']})"
    )


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"PhysicalResourceId": None}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": "x" * 1025}, "Invalid PhysicalResourceId"),
        ({"RequestId": "another"}, "Invalid response: RequestId is not the request's"),
        ({"Status": "DONE"}, "Invalid response: Status must be SUCCESS or FAILED"),
        ({"Data": ["list"]}, "Invalid response: Data must be a map"),
    ],
)
def test_an_unusable_answer_fails_the_resource(cloud, functions, answer, response, reason):
    cloud.create("one", template())
    answer(functions.next("Create"), **response)

    delete = functions.next("Delete")
    assert re.fullmatch(r"one-Thing-[A-Z0-9]{12}", delete["PhysicalResourceId"])
    answer(delete)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == reason


def test_an_answer_that_is_not_json_fails_the_resource(cloud, functions, answer, put):
    cloud.create("one", template())
    put(functions.next("Create")["ResponseURL"], b"SUCCESS")

    answer(functions.next("Delete"))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == "Invalid response: the body is not JSON"


@pytest.fixture
def send_answer_of(cloud, functions, put):
    """Answers a Create with success in exactly so many bytes."""

    def send(size_bytes):
        cloud.create("one", template())
        request = functions.next("Create")
        copied = {key: request[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
        body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "x", **copied}).encode()
        assert put(request["ResponseURL"], body.ljust(size_bytes)) == 200

    return send


def test_an_answer_of_4096_bytes_is_read(cloud, send_answer_of):
    send_answer_of(4096)

    cloud.settled("one", "CREATE_COMPLETE")


def test_an_answer_of_more_bytes_fails_the_resource(cloud, functions, answer, send_answer_of):
    send_answer_of(4097)

    answer(functions.next("Delete"))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == "Response is too long: 4097 bytes, at most 4096 are read"


def test_without_an_answer_the_request_times_out_by_the_clock(cloud, functions, answer):
    cloud.create("one", template({"ServiceTimeout": 120}))
    create = functions.next("Create")
    cloud.advance(119)
    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    cloud.advance(2)

    delete = functions.next("Delete")
    assert answer(create) == 200  # S3 takes it; nobody looks
    answer(delete)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == (
        "CloudFormation did not receive a response from your Custom Resource. "
        f"Please check your logs for requestId [{create['RequestId']}]."
    )


def test_the_time_out_is_an_hour_by_default(cloud, functions):
    cloud.create("one", template())
    functions.next("Create")
    cloud.advance(3590)
    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    cloud.advance(20)
    functions.next("Delete")


@pytest.mark.parametrize("timeout_s", [0, 3601])
def test_a_time_out_outside_its_range_fails_before_anything_is_asked(cloud, functions, timeout_s):
    cloud.create("one", template({"ServiceTimeout": timeout_s}))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Thing") == f"ServiceTimeout must be between 1 and 3600, not {timeout_s}"
    assert functions.none_waiting()


def test_a_function_that_does_not_exist_fails_the_resource(cloud):
    given = template()
    given["Resources"]["Thing"]["Properties"]["ServiceToken"] = FUNCTION.replace("provider", "nobody")
    cloud.create("one", given)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert "Function not found" in cloud.reason("one", "Thing")


def test_a_create_cancelled_by_a_sibling_is_deleted_by_a_made_up_id(cloud, functions, answer):
    bad = {"Type": "AWS::SQS::Queue"}
    behaviours.replace([{"logical_id": "Bad", "action": "CREATE", "duration_s": 0.2, "fail": "bad"}])
    cloud.create("one", template(resources={"Bad": bad}))
    create = functions.next("Create")

    delete = functions.next("Delete")

    assert re.fullmatch(r"one-Thing-[A-Z0-9]{12}", delete["PhysicalResourceId"])
    assert cloud.reason("one", "Thing") == "Resource creation cancelled"
    answer(create, PhysicalResourceId="late")
    assert cloud.status("one") == "ROLLBACK_IN_PROGRESS"
    answer(delete)
    cloud.settled("one", "ROLLBACK_COMPLETE")


def test_an_unchanged_resource_is_not_asked_again(cloud, functions, created):
    created(template({"Name": "x", "Count": 5}))

    cloud.update(
        "one", template({"Name": "x", "Count": "5"}, resources={"More": {"Type": "AWS::SQS::Queue"}})
    )

    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()


def test_an_update_shows_new_and_old_properties_and_keeps_the_id(cloud, functions, answer, created):
    created(
        template({"Name": "x"}, Outputs={"Size": {"Value": {"Fn::GetAtt": ["Thing", "size"]}}}),
        data={"size": "1"},
    )

    cloud.update(
        "one", template({"Name": "y"}, Outputs={"Size": {"Value": {"Fn::GetAtt": ["Thing", "size"]}}})
    )
    update = functions.next("Update")
    answer(update, Data={"size": "2"})

    cloud.settled("one", "UPDATE_COMPLETE")
    assert update["PhysicalResourceId"] == "thing-1"
    assert update["ResourceProperties"] == {"ServiceToken": FUNCTION, "Name": "y"}
    assert update["OldResourceProperties"] == {"ServiceToken": FUNCTION, "Name": "x"}
    assert cloud.outputs("one") == {"Size": "2"}
    assert functions.none_waiting()


def test_another_id_is_a_replacement_and_the_old_one_is_deleted_in_clean_up(
    cloud, functions, answer, created
):
    created(template({"Name": "x"}))
    cloud.update("one", template({"Name": "y"}))
    answer(functions.next("Update"), PhysicalResourceId="thing-2")

    delete = functions.next("Delete")

    assert cloud.status("one") == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert delete["PhysicalResourceId"] == "thing-1"
    assert delete["ResourceProperties"]["Name"] == "x"
    answer(delete)
    cloud.settled("one", "UPDATE_COMPLETE")
    shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Thing")
    assert shown["StackResourceDetail"]["PhysicalResourceId"] == "thing-2"


def test_a_clean_up_is_tried_three_times_and_then_left(cloud, functions, answer, created):
    created(template({"Name": "x"}))
    cloud.update("one", template({"Name": "y"}))
    answer(functions.next("Update"), PhysicalResourceId="thing-2")

    for _ in range(3):
        answer(functions.next("Delete"), "FAILED", Reason="no")

    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()


def test_a_failed_update_is_followed_by_one_with_swapped_properties(cloud, functions, answer, created):
    created(template({"Name": "x"}))
    cloud.update("one", template({"Name": "y"}))
    answer(functions.next("Update"), "FAILED", Reason="cannot")

    back = functions.next("Update")

    assert cloud.status("one") == "UPDATE_ROLLBACK_IN_PROGRESS"
    assert (back["ResourceProperties"]["Name"], back["OldResourceProperties"]["Name"]) == ("x", "y")
    assert back["PhysicalResourceId"] == "thing-1"
    answer(back)
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert functions.none_waiting()
    assert "cannot" in cloud.reason("one", "Thing")


def test_an_update_is_cancelled_by_a_sibling_and_taken_back_while_it_may_run(
    cloud, functions, answer, created
):
    created(template({"Name": "x"}))
    behaviours.replace([{"logical_id": "Bad", "action": "CREATE", "duration_s": 0.2, "fail": "bad"}])
    cloud.update("one", template({"Name": "y"}, resources={"Bad": {"Type": "AWS::SQS::Queue"}}))
    first = functions.next("Update")

    back = functions.next("Update")

    assert cloud.reason("one", "Thing") == "Resource update cancelled"
    assert back["ResourceProperties"]["Name"] == "x"
    answer(first)
    assert cloud.status("one") == "UPDATE_ROLLBACK_IN_PROGRESS"
    answer(back)
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")


def test_a_replacement_taken_back_deletes_the_new_id_in_rollback_clean_up(cloud, functions, answer, created):
    created(template({"Name": "x"}))
    late = {"Type": "AWS::SQS::Queue", "DependsOn": "Thing"}
    behaviours.replace([{"logical_id": "Late", "fail": "bad"}])
    cloud.update("one", template({"Name": "y"}, resources={"Late": late}))
    answer(functions.next("Update"), PhysicalResourceId="thing-2")

    back = functions.next("Update")
    assert back["PhysicalResourceId"] == "thing-2"
    answer(back, PhysicalResourceId="thing-1")
    delete = functions.next("Delete")

    assert cloud.status("one") == "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    assert delete["PhysicalResourceId"] == "thing-2"
    answer(delete)
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert functions.none_waiting()
    shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Thing")
    assert shown["StackResourceDetail"]["PhysicalResourceId"] == "thing-1"


def chained(name, first, second):
    properties = {"ServiceToken": FUNCTION, "Name": name}
    chain = {each: {"Type": "Custom::Thing", "Properties": properties} for each in (first, second)}
    return {"Resources": {**chain, second: {**chain[second], "DependsOn": first}}}


def test_a_dependency_may_be_reversed_where_both_resources_are_replaced(cloud, functions, answer):
    cloud.create("one", chained("x", "A", "B"))
    for name in ("A", "B"):
        answer(functions.next("Create"), PhysicalResourceId=f"{name}-x")
    cloud.settled("one", "CREATE_COMPLETE")

    cloud.update("one", chained("y", "B", "A"))

    for name in ("B", "A"):
        answer(functions.next("Update"), PhysicalResourceId=f"{name}-y")
    # Each goes before what it depended on when it was made.
    for name in ("B", "A"):
        delete = functions.next("Delete")
        assert delete["PhysicalResourceId"] == f"{name}-x"
        answer(delete)
    cloud.settled("one", "UPDATE_COMPLETE")


def test_a_reversed_dependency_is_rolled_back(cloud, functions, answer):
    cloud.create("one", chained("x", "A", "B"))
    for name in ("A", "B"):
        answer(functions.next("Create"), PhysicalResourceId=f"{name}-x")
    cloud.settled("one", "CREATE_COMPLETE")

    cloud.update("one", chained("y", "B", "A"))
    answer(functions.next("Update"), PhysicalResourceId="B-y")
    answer(functions.next("Update"), "FAILED", Reason="cannot")

    for name in ("A", "B"):
        answer(functions.next("Update"), PhysicalResourceId=f"{name}-x")
    delete = functions.next("Delete")
    assert delete["PhysicalResourceId"] == "B-y"
    answer(delete)
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert functions.none_waiting()


def test_a_rollback_that_fails_can_be_continued_or_skip_what_resists(cloud, functions, answer, created):
    created(template({"Name": "x"}))
    cloud.update("one", template({"Name": "y"}))
    answer(functions.next("Update"), "FAILED", Reason="cannot")
    answer(functions.next("Update"), "FAILED", Reason="nor back")
    stack = cloud.settled("one", "UPDATE_ROLLBACK_FAILED")
    assert stack["StackStatusReason"] == "The following resource(s) failed to update: [Thing]. "

    cloud.cfn.continue_update_rollback(StackName="one")
    answer(functions.next("Update"), "FAILED", Reason="still not")
    cloud.settled("one", "UPDATE_ROLLBACK_FAILED")

    cloud.cfn.continue_update_rollback(StackName="one", ResourcesToSkip=["Thing"])
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert functions.none_waiting()


def test_the_service_token_cannot_change(cloud, functions, created):
    created(template())
    changed = template()
    changed["Resources"]["Thing"]["Properties"]["ServiceToken"] = f"{FUNCTION}:live"
    cloud.update("one", changed)

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert functions.none_waiting()
    assert "Modifying service token is not allowed." in cloud.reason("one", "Thing")


def test_deleting_the_stack_deletes_the_resource(cloud, functions, answer, created):
    stack_id = created(template({"Name": "x"}))

    cloud.cfn.delete_stack(StackName="one")
    delete = functions.next("Delete")
    assert delete["PhysicalResourceId"] == "thing-1"
    assert delete["ResourceProperties"] == {"ServiceToken": FUNCTION, "Name": "x"}
    assert "OldResourceProperties" not in delete
    answer(delete)

    cloud.settled(stack_id, "DELETE_COMPLETE")


def test_a_delete_that_fails_fails_the_deletion(cloud, functions, answer, created):
    created(template())

    cloud.cfn.delete_stack(StackName="one")
    answer(functions.next("Delete"), "FAILED", Reason="busy")

    cloud.settled("one", "DELETE_FAILED")
    assert "Message returned: busy" in cloud.reason("one", "Thing")


def test_a_delete_that_fails_after_a_failed_create_fails_the_rollback(cloud, functions, answer):
    cloud.create("one", template())
    answer(functions.next("Create"), "FAILED", Reason="no")
    answer(functions.next("Delete"), "FAILED", Reason="no")

    cloud.settled("one", "ROLLBACK_FAILED")


def test_a_retained_resource_is_not_asked_to_go(cloud, functions, created):
    given = template()
    given["Resources"]["Thing"]["DeletionPolicy"] = "Retain"
    created(given)

    cloud.deleted("one")

    assert functions.none_waiting()


def test_echoless_data_is_masked_in_outputs_and_whole_elsewhere(cloud, functions, answer):
    tube = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["Thing", "secret"]}}}
    cloud.create(
        "one",
        template(
            resources={"Tube": tube}, Outputs={"Secret": {"Value": {"Fn::GetAtt": ["Thing", "secret"]}}}
        ),
    )
    answer(functions.next("Create"), Data={"secret": "hidden"}, NoEcho=True)

    cloud.settled("one", "CREATE_COMPLETE")
    assert cloud.outputs("one") == {"Secret": "****"}
    assert cloud.client("sqs").get_queue_url(QueueName="hidden")


def test_the_generic_type_is_shown_as_it_is(cloud, functions):
    cloud.create("one", template(resource_type="AWS::CloudFormation::CustomResource"))

    assert functions.next("Create")["ResourceType"] == "AWS::CloudFormation::CustomResource"


class TestSink:
    def test_refuses_a_wrong_signature(self, cloud, functions, put):
        cloud.create("one", template())
        url = functions.next()["ResponseURL"]

        assert put(url[:-1] + ("0" if url[-1] != "0" else "1"), b"{}") == 403
        assert put(url.replace("X-Amz-Expires=7200", "X-Amz-Expires=9999"), b"{}") == 403
        assert cloud.status("one") == "CREATE_IN_PROGRESS"

    def test_knows_a_key_however_it_is_quoted(self, cloud, functions, put):
        cloud.create("one", template())
        url = urlsplit(functions.next()["ResponseURL"])

        quoted = url._replace(path="/" + quote(unquote(url.path[1:]), safe=""))

        assert put(quoted.geturl(), b"{}") == 200

    def test_refuses_what_was_signed_for_another_bucket(self, cloud, functions, put):
        cloud.create("one", template())
        url = functions.next()["ResponseURL"]

        assert put(url.replace("useast1", "useast2"), b"{}") == 403
        assert put(url.replace(".s3.amazonaws.com", ".s3.us-east-1.amazonaws.com"), b"{}") == 403
        assert cloud.status("one") == "CREATE_IN_PROGRESS"

    def test_refuses_a_content_type(self, cloud, functions, put):
        cloud.create("one", template())

        assert put(functions.next()["ResponseURL"], b"{}", "application/json") == 403

    def test_refuses_a_url_older_than_two_hours(self, cloud, functions, answer):
        cloud.create("one", template())
        request = functions.next("Create")

        cloud.advance(7201)

        assert answer(request) == 403

    def test_takes_a_second_answer_and_ignores_it(self, cloud, functions, answer):
        cloud.create("one", template())
        request = functions.next("Create")
        answer(request, PhysicalResourceId="first")

        assert answer(request, "FAILED", PhysicalResourceId="second", Reason="no") == 200

        cloud.settled("one", "CREATE_COMPLETE")
        shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Thing")
        assert shown["StackResourceDetail"]["PhysicalResourceId"] == "first"
        assert [delivery.outcome for delivery in response_endpoint.deliveries[-2:]] == ["accepted", "ignored"]
