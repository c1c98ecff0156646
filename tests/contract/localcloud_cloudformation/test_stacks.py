"""Creating, describing and deleting stacks."""

from localcloud.behaviour import behaviours

QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


def test_a_stack_is_created_while_the_caller_goes_on(cloud, bus):
    behaviours.replace([{"logical_id": "Queue", "duration_s": 0.3}])

    stack_id = cloud.create("one", QUEUE)

    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    assert cloud.settled("one")["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.statuses("one", "Queue") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert bus.statuses(stack_id) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
