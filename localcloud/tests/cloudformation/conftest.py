"""A server in this process with our stacks in it, functions that tests answer for, and a bus that listens."""

import json
import queue
import threading
import time

import boto3
import pytest
import urllib3
from moto.awslambda.exceptions import UnknownFunctionException
from moto.server import ThreadedMotoServer

from localcloud import cloudformation, resources
from localcloud.behaviour import behaviours
from localcloud.clock import clock
from tests.support import responses

#: Real seconds a condition may take; a healthy machine needs a small part of one.
PATIENCE_S = 20
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"
ENDED = ("_COMPLETE", "_FAILED")


class Functions:
    """Stands for Lambda: keeps what functions are invoked with, for the test to answer."""

    def __init__(self):
        self.invocations = queue.Queue()
        self.calls = queue.Queue()

    def invoke_async(self, function_arn, payload):
        if not function_arn.startswith(FUNCTION):
            raise LookupError(f"Function not found: {function_arn}")
        self.invocations.put(json.loads(payload))
        return "request-id"

    def begin(self, function_arn, payload, ended):
        if not function_arn.startswith(FUNCTION):
            raise UnknownFunctionException(function_arn)
        self.calls.put((json.loads(payload), ended))

    def next_call(self):
        """The next call of a hook, and what to answer it with."""
        event, ended = self.calls.get(timeout=PATIENCE_S)
        return event, lambda answer: ended(json.dumps(answer).encode())

    def next(self, request_type=None):
        """The next request, in the order in which they were sent."""
        request = self.invocations.get(timeout=PATIENCE_S)
        assert request_type in {None, request["RequestType"]}, request
        return request

    def none_waiting(self):
        return self.invocations.empty()


class Bus:
    """Stands for EventBridge: keeps the events."""

    def __init__(self):
        self.events = []

    def put_service_event(self, source, detail_type, resources, detail):
        self.events.append((source, detail_type, resources, detail))

    def statuses(self, stack_id):
        return [e[3]["status-details"]["status"] for e in self.events if e[2] == [stack_id]]


def _put(url, body, content_type=""):
    """PUTs like S3 clients do, and returns the HTTP status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    address, ca_file = cloudformation.responses_address(), cloudformation.names().ca_file
    return responses.put(url, data, address=address, ca_file=ca_file, content_type=content_type)


def _answer(request, status="SUCCESS", **fields):
    """Answers a custom resource request; a field given as None is left out."""
    response = {
        "Status": status,
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "PhysicalResourceId": request.get("PhysicalResourceId", "physical-1"),
    } | fields
    return _put(request["ResponseURL"], {k: v for k, v in response.items() if v is not None})


def _until(condition, what="the condition"):
    """Waits for a condition to hold, and returns what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} was not met: {clock.errors}"
        threading.Event().wait(0.005)
    return value


class Cloud:
    """What tests do with stacks, through boto3."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.cfn = self.client("cloudformation")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1")

    def create(self, name, template, parameters=None, **options):
        return self.cfn.create_stack(**_request_parameters(name, template, parameters), **options)["StackId"]

    def update(self, name, template, parameters=None, **options):
        return self.cfn.update_stack(**_request_parameters(name, template, parameters), **options)["StackId"]

    def stack(self, name):
        return self.cfn.describe_stacks(StackName=name)["Stacks"][0]

    def advance(self, seconds):
        clock.advance(seconds)

    def status(self, name):
        return self.stack(name)["StackStatus"]

    def settled(self, name, expected=None):
        """Waits until nothing goes on in a stack, and returns it."""
        _until(
            lambda: self.status(name).endswith(ENDED) and not self.status(name).endswith("_IN_PROGRESS"), name
        )
        stack = self.stack(name)
        assert expected in {None, stack["StackStatus"]}, self.history(name)
        return stack

    def created(self, name, template, parameters=None, **options):
        stack_id = self.create(name, template, parameters, **options)
        self.settled(stack_id, "CREATE_COMPLETE")
        return stack_id

    def deleted(self, name, expected="DELETE_COMPLETE"):
        stack_id = self.stack(name)["StackId"]
        self.cfn.delete_stack(StackName=name)
        return self.settled(stack_id, expected)

    def outputs(self, name):
        return {o["OutputKey"]: o["OutputValue"] for o in self.stack(name).get("Outputs", [])}

    def events(self, name):
        """All events, oldest first."""
        pages = self.cfn.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def history(self, name, logical_id=None):
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason"))
            for e in self.events(name)
            if logical_id in {None, e["LogicalResourceId"]}
        ]

    def statuses(self, name, logical_id=None):
        return [status for _, status, _ in self.history(name, logical_id or self.stack(name)["StackName"])]

    def reason(self, name, logical_id):
        """The reason of a resource's latest failure."""
        return [r for _, status, r in self.history(name, logical_id) if status.endswith("_FAILED")][-1]


def _request_parameters(name, template, parameters):
    body = template if isinstance(template, str) else json.dumps(template)
    given = [{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()]
    return {"StackName": name, "TemplateBody": body, "Parameters": given}


_current = {}


@pytest.fixture(scope="session")
def server():
    def invoke_async(function_arn, payload):
        return _current["functions"].invoke_async(function_arn, payload)

    def begin(function_arn, payload, ended):
        _current["functions"].begin(function_arn, payload, ended)

    def put_service_event(source, detail_type, resources, detail):
        _current["bus"].put_service_event(source, detail_type, resources, detail)

    resources.register()
    cloudformation.install(
        invoke_async=invoke_async, begin_invocation=begin, put_service_event=put_service_event
    )
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def until():
    return _until


@pytest.fixture
def put():
    return _put


@pytest.fixture
def answer():
    return _answer


@pytest.fixture
def functions():
    return Functions()


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def cloud(server, functions, bus):
    _current.update(functions=functions, bus=bus)
    urllib3.request("POST", f"{server}/moto-api/reset")
    behaviours.replace([])
    errors_before = len(clock.errors)
    yield Cloud(server)
    behaviours.replace([])
    assert clock.errors[errors_before:] == []
