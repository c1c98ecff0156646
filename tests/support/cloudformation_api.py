"""A CloudFormation endpoint for tests: stacks are stated, requests are recorded, answers can be arranged.

It speaks the Query protocol over HTTP, so real botocore clients, retries included, talk to it. It builds
nothing: a stack is in the state a test says it is in.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

ACCOUNT = "123456789012"
NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


#: How many stacks CloudFormation describes at once.
PAGE = 100


@dataclass
class FakeStack:
    name: str
    stack_id: str
    status: str
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(frozen=True)
class Request:
    action: str
    parameters: dict[str, str]

    @property
    def tags(self) -> dict[str, str]:
        return dict(_members(self.parameters, "Tags", "Key", "Value"))


@dataclass(frozen=True)
class Refusal:
    """An error answer. With ``lost`` the request takes effect, but the connection ends without an answer."""

    code: str = ""
    message: str = ""
    status: int = 400
    lost: bool = False


class CloudFormationApi:
    """The state behind the endpoint."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        self.stacks: list[FakeStack] = []
        self.requests: list[Request] = []
        self.on_request: Callable[[], object] = lambda: None
        #: The status of every custom resource; None if there is none.
        self.resource_status: str | None = "CREATE_IN_PROGRESS"
        self._arranged: dict[str, list[Refusal]] = {}

    def add(self, name: str, *, status: str = "CREATE_COMPLETE", **facts: dict[str, str]) -> FakeStack:
        """States that a stack exists."""
        arn = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/{uuid.uuid4()}"
        stack = FakeStack(name, arn, status, **facts)
        self.stacks.append(stack)
        return stack

    def arrange(self, action: str, *refusals: Refusal) -> None:
        """The next requests of this action get these answers, one each; the last one stays."""
        self._arranged[action] = list(refusals)

    def sent(self, action: str) -> list[Request]:
        return [request for request in self.requests if request.action == action]

    def answer(self, action: str, parameters: dict[str, str]) -> tuple[int, str] | None:
        """Returns status and body; None ends the connection without an answer."""
        self.requests.append(Request(action, parameters))
        self.on_request()
        refusal = self._next_refusal(action)
        if refusal and not refusal.lost:
            return _error(refusal)
        answer = self._carry_out(action, parameters)
        return None if refusal else answer

    def _next_refusal(self, action: str) -> Refusal | None:
        arranged = self._arranged.get(action, [])
        if not arranged:
            return None
        refusal = arranged.pop(0)
        if not arranged and not refusal.lost:
            arranged.append(refusal)
        return refusal

    def _carry_out(self, action: str, parameters: dict[str, str]) -> tuple[int, str]:
        if action == "DescribeInstances":
            return 200, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"
        if action == "DescribeStackResource":
            return self._resource(parameters)
        if action == "DescribeStacks" and "StackName" not in parameters:
            return self._list(int(parameters.get("NextToken", 0)))
        return self._carry_out_on(self._find(parameters["StackName"]), action, parameters)

    def _carry_out_on(
        self, stack: FakeStack | None, action: str, parameters: dict[str, str]
    ) -> tuple[int, str]:
        if action == "CreateStack":
            return self._create(stack, parameters)
        if stack is None:
            if action == "DeleteStack":
                return _ok(action, "")
            return _error(
                Refusal("ValidationError", f"Stack with id {parameters['StackName']} does not exist")
            )
        match action:
            case "UpdateStack":
                stack.status, stack.token = "UPDATE_IN_PROGRESS", parameters.get("ClientRequestToken", "")
                stack.tags = Request(action, parameters).tags
                return _ok(action, f"<StackId>{stack.stack_id}</StackId>")
            case "DeleteStack":
                stack.status = "DELETE_COMPLETE"
                return _ok(action, "")
            case "DescribeStacks":
                return _ok(action, f"<Stacks>{_described(stack)}</Stacks>")
            case "DescribeStackResources":
                return _ok(action, f"<StackResources>{_resources()}</StackResources>")
        raise NotImplementedError(action)

    def _resource(self, parameters: dict[str, str]) -> tuple[int, str]:
        """The custom resource that a call is made for; its stack is not among those that are stated."""
        name = parameters["LogicalResourceId"]
        if self.resource_status is None or self._find(parameters["StackName"]) is not None:
            return _error(Refusal("ValidationError", f"Resource {name} does not exist for stack"))
        status = f"<ResourceStatus>{self.resource_status}</ResourceStatus>"
        detail = f"<LogicalResourceId>{name}</LogicalResourceId>{status}"
        return _ok("DescribeStackResource", f"<StackResourceDetail>{detail}</StackResourceDetail>")

    def _list(self, first: int) -> tuple[int, str]:
        """Every stack that is not deleted, page by page; a page's token is the number of its first stack."""
        living = [stack for stack in self.stacks if stack.status != "DELETE_COMPLETE"]
        page, more = living[first : first + PAGE], first + PAGE < len(living)
        token = f"<NextToken>{first + PAGE}</NextToken>" if more else ""
        stacks = "".join(_described(stack) for stack in page)
        return _ok("DescribeStacks", f"<Stacks>{stacks}</Stacks>{token}")

    def _create(self, existing: FakeStack | None, parameters: dict[str, str]) -> tuple[int, str]:
        token = parameters.get("ClientRequestToken", "")
        if existing and existing.token != token:
            return _error(Refusal("AlreadyExistsException", f"Stack [{existing.name}] already exists"))
        tags = Request("CreateStack", parameters).tags
        stack = existing or self.add(parameters["StackName"], status="CREATE_IN_PROGRESS", tags=tags)
        stack.token = token
        return _ok("CreateStack", f"<StackId>{stack.stack_id}</StackId>")

    def _find(self, name_or_arn: str) -> FakeStack | None:
        for stack in self.stacks:
            # A deleted stack is found by its ARN only.
            if name_or_arn == stack.stack_id or (
                name_or_arn == stack.name and stack.status != "DELETE_COMPLETE"
            ):
                return stack
        return None


@contextmanager
def serving() -> Iterator[CloudFormationApi]:
    """Serves a CloudFormation endpoint on 127.0.0.1 while the block runs."""
    api = CloudFormationApi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            parameters = dict(parse_qsl(body, keep_blank_values=True))
            action = parameters.pop("Action", "")
            answered = api.answer(action, parameters) if action else (501, "")
            if answered is None:
                self.close_connection = True
                return
            status, text = answered
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _members(parameters: dict[str, str], name: str, key: str, value: str) -> Iterator[tuple[str, str]]:
    for number in range(1, len(parameters) + 1):
        prefix = f"{name}.member.{number}."
        if prefix + key not in parameters:
            return
        yield parameters[prefix + key], parameters[prefix + value]


def _ok(action: str, result: str) -> tuple[int, str]:
    body = f"<{action}Result>{result}</{action}Result>"
    return 200, f'<{action}Response xmlns="{NAMESPACE}">{body}</{action}Response>'


def _error(refusal: Refusal) -> tuple[int, str]:
    error = f"<Type>Sender</Type><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    return refusal.status, f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error></ErrorResponse>'


def _described(stack: FakeStack) -> str:
    tags = "".join(
        f"<member><Key>{escape(key)}</Key><Value>{escape(value)}</Value></member>"
        for key, value in stack.tags.items()
    )
    parameters = "".join(
        f"<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
        for key, value in stack.parameters.items()
    )
    return (
        f"<member><StackName>{stack.name}</StackName><StackId>{stack.stack_id}</StackId>"
        f"<StackStatus>{stack.status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
        f"<Tags>{tags}</Tags><Parameters>{parameters}</Parameters></member>"
    )


def _resources() -> str:
    """The two security groups an update looks up."""
    return "".join(
        f"<member><LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>sg-0123456789abcdef{number}"
        "</PhysicalResourceId><ResourceType>AWS::EC2::SecurityGroup</ResourceType>"
        "<ResourceStatus>CREATE_COMPLETE</ResourceStatus><Timestamp>2026-01-01T00:00:00Z</Timestamp></member>"
        for number, name in enumerate(["HeadNodeSecurityGroup", "ComputeSecurityGroup"])
    )
