"""All stacks of one account and Region, with their names and exports."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from moto.cloudformation import urls
from moto.cloudformation.models import CloudFormationBackend
from moto.ec2.models import ec2_backends
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends
from moto.ssm.models import ssm_backends

from localcloud.clock import clock
from localcloud.cloudformation.errors import StackNotFoundError, UnresolvedValueError, ValidationError
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.steps import lock
from localcloud.cloudformation.template.compiled import CompiledTemplate, Place, compile_template
from localcloud.official import missing_template, official_template

if TYPE_CHECKING:
    from types import ModuleType

    from localcloud.cloudformation.request import ChangeSet
    from localcloud.cloudformation.resource import Made
    from localcloud.cloudformation.stack import HookResult

#: Source: the text of CloudFormation's refusal, as in aws-sam-cli issue 4979.
_NAME_OR_ID = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*")

#: Hosts of S3, and this machine, which answers for them.
_S3_HOST = re.compile(r"(^|\.)s3[.-]([a-z0-9.-]+\.)?amazonaws\.com(\.cn)?$|^localhost$|^127\.0\.0\.1$")
_VIRTUAL_HOST = re.compile(r"^(?P<bucket>.+)\.s3([.-]|$)")


class StackRegistry(CloudFormationBackend):
    """Replaces moto's store of stacks, so that moto's other services find ours.

    Attributes:
        stacks: Those that exist, by id.
        deleted_stacks: Those that were deleted, by id.
        tokens: The stack id for each client request token, by action and token.
        hook_results: Every invocation of a hook, by its id.
    """

    stacks: dict[str, Stack]  # type: ignore[assignment]
    deleted_stacks: dict[str, Stack]  # type: ignore[assignment]
    change_sets: dict[str, ChangeSet]  # type: ignore[assignment]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.tokens: dict[tuple[str, str], str] = {}
        self.hook_results: dict[str, HookResult] = {}
        self._ids: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}

    @property
    def _url_module(self) -> ModuleType:
        return urls

    def reset(self) -> None:
        """Removes all stacks and cancels their operations."""
        with lock:
            for stack in self.stacks.values():
                if stack.operation is not None:
                    stack.operation.abandon()
            super().reset()

    def find(self, name_or_id: str) -> Stack:
        """Returns a stack by name, or by id even after its deletion.

        Raises:
            StackNotFoundError: There is none.
            ValidationError: The name or id is not valid.
        """
        for stacks in (self.stacks, self.deleted_stacks):
            if name_or_id in stacks:
                return stacks[name_or_id]
        stack = self.find_living(name_or_id)
        if stack is None:
            raise StackNotFoundError(name_or_id)
        return stack

    def find_living(self, name_or_id: str) -> Stack | None:
        """Returns a stack that is not deleted, if there is one of this name or id.

        Raises:
            ValidationError: The name or id is not valid.
        """
        if not _NAME_OR_ID.fullmatch(name_or_id):
            raise ValidationError(
                f"1 validation error detected: Value '{name_or_id}' at 'stackName' failed to satisfy "
                f"constraint: Member must satisfy regular expression pattern: {_NAME_OR_ID.pattern}"
            )
        return self.stacks.get(name_or_id) or self.stacks.get(self._ids.get(name_or_id, ""))

    def new_stack(self, name: str, options: Options, parent: Stack | None = None) -> Stack:
        """Returns a new stack, which is not in the registry yet."""
        prefix = f"arn:{self.partition}:cloudformation:{self.region_name}:{self.account_id}"
        return Stack(self, name, f"{prefix}:stack/{name}/{uuid.uuid4()}", options, parent)

    def add(self, stack: Stack) -> None:
        """Adds a stack to the registry."""
        self.stacks[stack.id] = stack
        self._ids[stack.name] = stack.id

    def forget(self, stack: Stack) -> None:
        """Moves a stack to the deleted ones, which frees its name; nested stacks in review go along."""
        self.stacks.pop(stack.id, None)
        for child in [s for s in self.stacks.values() if s.parent is stack]:
            self.discard(child)
        self.deleted_stacks[stack.id] = stack
        self._imports.pop(stack.id, None)

    def outdate_change_sets(self, stack: Stack) -> None:
        """Makes change sets that wait obsolete: the stack that they were computed for has changed.

        Source: CloudFormation API reference, DescribeChangeSet, ExecutionStatus.
        """
        for change_set in self.change_sets.values():
            if change_set.stack is stack and change_set.execution_status == "AVAILABLE":
                change_set.execution_status = "OBSOLETE"

    def discard(self, stack: Stack) -> None:
        """Deletes a stack that is only in review; does nothing to another."""
        if stack.status == "REVIEW_IN_PROGRESS":
            stack.deleted_at = clock.now()
            stack.set_status("DELETE_COMPLETE")
            self.forget(stack)

    def compile(self, stack: Stack, text: str, parameters: dict[str, str]) -> CompiledTemplate:
        """Compiles a template for a stack.

        Raises:
            ValidationError: The template or a parameter is not acceptable.
        """
        place = Place(
            account_id=self.account_id,
            region=self.region_name,
            partition=self.partition,
            stack_name=stack.name,
            stack_id=stack.id,
            read_ssm=self._read_ssm,
            import_value=lambda name: self._import_value(name, stack),
            zones=self._zones,
        )
        return compile_template(text, parameters, place)

    def read_template(self, url: str) -> str:
        """Returns a template from S3, or one that ParallelCluster publishes.

        Args:
            url: In path or virtual-host style, with a host of Amazon or of this machine.

        Raises:
            ValidationError: There is no such object.
        """
        parts = urlsplit(url)
        if parts.scheme == "s3":
            raise ValidationError(
                f"S3 error: Domain name specified in {parts.netloc} is not a valid S3 domain"
            )
        if parts.scheme not in {"http", "https"} or not _S3_HOST.search(parts.hostname or ""):
            raise ValidationError("TemplateURL must be a supported URL.")
        path = unquote(parts.path).lstrip("/")
        virtual = _VIRTUAL_HOST.match(parts.hostname or "")
        bucket, _, key = (virtual["bucket"], "/", path) if virtual else path.partition("/")
        if (official := official_template(bucket, key)) is not None:
            return official
        try:
            found = s3_backends[self.account_id][self.partition].get_object(bucket, key)
        except S3ClientError as error:
            raise ValidationError(f"S3 error: {error.message} ({url}){missing_template(bucket)}") from error
        if found is None:
            raise ValidationError(
                f"S3 error: The specified key does not exist. ({url}){missing_template(bucket)}"
            )
        return str(found.value.decode())

    def all_exports(self) -> list[tuple[str, Stack, str]]:
        """Returns name, owner and value of every export."""
        return [
            (output.export_name, stack, output.value)
            for stack in self.stacks.values()
            for output in stack.outputs
            if output.export_name is not None
        ]

    def exporter(self, export_name: str) -> Stack | None:
        """Returns the stack that exports a name."""
        return next((owner for name, owner, _ in self.all_exports() if name == export_name), None)

    def hooks(self) -> list[Made]:
        """Returns the hooks that stacks have activated."""
        return [
            resource.made
            for stack in self.stacks.values()
            for resource in stack.resources.values()
            if resource.resource_type == "AWS::CloudFormation::LambdaHook"
            and resource.made is not None
            # A deleted resource stays in its stack.
            and resource.status != "DELETE_COMPLETE"
        ]

    def imports_of(self, stack: Stack) -> list[tuple[str, Stack]]:
        """Returns the exports of a stack that other stacks import, with those stacks."""
        names = {output.export_name for output in stack.outputs if output.export_name}
        return [
            (name, self.stacks[importer])
            for importer, imported in self._imports.items()
            for name in sorted(imported & names)
            if importer in self.stacks
        ]

    def export_value(self, name: str) -> str:
        """Returns the value of an export.

        Raises:
            UnresolvedValueError: There is no such export.
        """
        for export_name, _, value in self.all_exports():
            if export_name == name:
                return value
        raise UnresolvedValueError(f"No export named {name} found.")

    def _import_value(self, name: str, importer: Stack) -> str:
        value = self.export_value(name)
        self._imports.setdefault(importer.id, set()).add(name)
        return value

    def _read_ssm(self, name: str) -> str | None:
        found: Any = ssm_backends[self.account_id][self.region_name].get_parameter(name)
        return None if found is None else str(found.value)

    def _zones(self, region: str) -> list[str]:
        backend = ec2_backends[self.account_id][region]
        return sorted(zone.name for zone in backend.describe_availability_zones())
