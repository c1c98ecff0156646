"""What an update would change, as far as the template and the stack show it."""

from __future__ import annotations

import json
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from cfn_template.references import references
from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers import handler_for
from localcloud.cloudformation.handlers.dynamic_references import with_parameters
from localcloud.cloudformation.replacements import requires_recreation
from localcloud.cloudformation.request import Change, Detail
from localcloud.cloudformation.resource import Target
from localcloud.cloudformation.stack import STACK_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.cloudformation.resource import Made
    from localcloud.cloudformation.stack import Stack
    from localcloud.cloudformation.template.compiled import CompiledTemplate

#: What a change set shows for a value that only its execution gives.
#: Source: localstack/localstack, tests/aws/services/cloudformation, recorded on AWS.
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
#: Attributes whose change is an update by itself; changes of the others are shown beside such a change only.
#: Source: recordings, as above (UpdateReplacePolicy); user guide, "DeletionPolicy attribute".
_ATTRIBUTES = ("Metadata", "UpdateReplacePolicy")
_ATTRIBUTES_BESIDE = ("CreationPolicy", "DeletionPolicy", "UpdatePolicy")


def differs(stack: Stack, template: CompiledTemplate, tags: dict[str, str]) -> bool:
    """Returns whether an update to a template changes anything."""
    old = stack.template
    return (
        old is None
        or tags != stack.tags
        or {n: (p.text, p.resolved) for n, p in old.parameters.items()}
        != {n: (p.text, p.resolved) for n, p in template.parameters.items()}
        or old.outputs != template.outputs
        or bool(changes(stack, template, tags))
    )


def changes(stack: Stack, template: CompiledTemplate, tags: dict[str, str]) -> list[Change]:
    """Returns the resources that an update would add, modify and remove.

    A resource that refers to a changed one is listed as modified if the value that it reads may change.
    """
    comparison = _Comparison(stack, template, tags)
    # What a resource refers to is compared before it.
    for logical_id in TopologicalSorter(template.dependencies).static_order():
        comparison.compare(logical_id)
    found = [comparison.found[name] for name in template.definitions if name in comparison.found]
    return found + list(comparison.removed())


class _Planned:
    """The values of a stack's resources after an update, as far as they are known before it."""

    def __init__(self, stack: Stack, found: Mapping[str, Change]) -> None:
        self._stack = stack
        self._found = found

    def ref(self, logical_id: str) -> Any:
        """Returns what ``Ref`` gives."""
        change = self._found.get(logical_id)
        if change is not None and (change.action == "Add" or change.replacement != "False"):
            return KNOWN_AFTER_APPLY
        return self._stack.ref(logical_id)

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives."""
        return KNOWN_AFTER_APPLY if logical_id in self._found else self._stack.attribute(logical_id, name)


class _Comparison:
    """Compares resources one after the other; what it finds decides about those that refer to them."""

    def __init__(self, stack: Stack, template: CompiledTemplate, tags: dict[str, str]) -> None:
        self.found: dict[str, Change] = {}
        self._stack, self._template, self._tags = stack, template, tags
        old = stack.template
        self._old = old.definitions if old else {}
        self._changed_parameters = {
            name
            for name, parameter in template.parameters.items()
            if old is None or old.parameters.get(name) != parameter
        }
        parameters = (old.parameters if old else {}, template.parameters)
        self._secrets = {name for section in parameters for name, p in section.items() if p.no_echo}
        # Looking at an export is not yet an import.
        place = replace(template.place, import_value=stack.registry.export_value)
        self._scope = replace(template, place=place).scope(_Planned(stack, self.found))

    def compare(self, logical_id: str) -> None:
        """Adds what an update changes in one resource to what was found."""
        definition, resource = self._template.definitions[logical_id], self._stack.resources.get(logical_id)
        resource_type = definition["Type"]
        after, unresolved = self._evaluate(definition)
        made = resource.made if resource else None
        target = None
        if made is not None or resource_type == STACK_TYPE:
            handler, tags = handler_for(resource_type), dict(self._tags)
            target = Target(self._stack, handler, logical_id, resource_type, after, tags)
        change = Change(
            "Add",
            logical_id,
            resource_type,
            None,
            after=self._masked(definition, after),
            unresolved=unresolved,
            target=target,
        )
        if logical_id not in self._old or made is None or target is None:
            self.found[logical_id] = change
        elif details := tuple(self._details(target, made)):
            replacement = _replacement(details)
            self.found[logical_id] = replace(
                change,
                action="Modify",
                physical_id=made.physical_id,
                details=details,
                replacement=replacement,
                policy_action=_policy(definition, "UpdateReplacePolicy", "ReplaceAnd")
                if replacement == "True"
                else None,
                before=self._masked(self._old[logical_id], made.target.properties),
            )

    def removed(self) -> Iterator[Change]:
        """Yields the resources that the template no longer has."""
        for logical_id, resource in self._stack.resources.items():
            if logical_id not in self._template.definitions and resource.made is not None:
                yield Change(
                    "Remove",
                    logical_id,
                    resource.resource_type,
                    resource.physical_id,
                    policy_action=_policy(resource.definition, "DeletionPolicy"),
                    before=self._masked(resource.definition, resource.made.target.properties),
                )

    def _evaluate(self, definition: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """Returns the properties after the update, and why one of them has no value yet."""
        values: dict[str, Any] = {}
        unresolved = None
        stack = self._stack
        for name, node in definition.get("Properties", {}).items():
            try:
                evaluated = self._scope.evaluate({name: node})
                values |= with_parameters(evaluated, definition["Type"], stack.account_id, stack.region_name)
            except UnresolvedValueError as error:
                values[name], unresolved = KNOWN_AFTER_APPLY, str(error)
        return {name: _without_parts(value) for name, value in values.items()}, unresolved

    def _masked(self, definition: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        nodes = definition.get("Properties", {})
        return {
            name: "****" if any(r.name in self._secrets for r in references(nodes.get(name))) else value
            for name, value in values.items()
        }

    def _details(self, target: Target, made: Made) -> Iterator[Detail]:
        old, new = self._old[target.logical_id], self._template.definitions[target.logical_id]
        before, after = made.target.properties, target.properties
        changed = not is_known(after) or target.handler.differs(target, made)
        names = [n for n in {**before, **after} if before.get(n) != after.get(n)] if changed else []
        for name in names:
            yield from self._property_details(name, old, new, before, after)
        if changed and not names and new["Type"] == STACK_TYPE:
            yield Detail("Properties", None, "Automatic", "Dynamic", "Never")
        elif target.handler.differs(replace(made.target, stack_tags=target.stack_tags), made):
            yield Detail("Tags", None, "DirectModification", "Static", "Never")
        attributes = [name for name in _ATTRIBUTES if old.get(name) != new.get(name)]
        if attributes or changed:
            attributes += [name for name in _ATTRIBUTES_BESIDE if old.get(name) != new.get(name)]
        for name in attributes:
            yield Detail(name, None, "DirectModification", "Static", "Never")

    def _property_details(
        self,
        name: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> Iterator[Detail]:
        old_node, node = (definition.get("Properties", {}).get(name) for definition in (old, new))
        masked_before, masked_after = self._masked(old, before), self._masked(new, after)
        detail = Detail(
            "Properties",
            name,
            "DirectModification",
            "Static",
            requires_recreation(new["Type"], name),
            before=masked_before.get(name),
            after=masked_after.get(name),
        )
        causes = list(self._causes(node))
        for source, cause, evaluation in causes:
            yield replace(detail, source=source, cause=cause, evaluation=evaluation)
        if old_node != node:
            yield replace(detail, evaluation="Static" if is_known(after.get(name)) else "Dynamic")
        elif not causes:
            yield detail
        else:
            # Recorded with values only, where no parameter is the cause.
            parameter = any(source == "ParameterReference" for source, _, _ in causes)
            yield replace(detail, evaluation="Dynamic", with_values_only=not parameter)

    def _causes(self, node: Any) -> Iterator[tuple[str, str, str]]:
        """Yields source, entity and evaluation for every reference whose value changes or may change."""
        seen = set()
        for reference in references(node):
            change = self.found.get(reference.name)
            if reference.name in self._changed_parameters:
                cause = ("ParameterReference", reference.name, "Static")
            elif change is None or change.action == "Add":
                continue
            elif reference.attribute is not None:
                evaluation = "Static" if change.replacement == "True" else "Dynamic"
                names = (reference.name, reference.attribute)
                # The name of an attribute may itself be a function.
                entity = ".".join(name for name in names if isinstance(name, str))
                cause = ("ResourceAttribute", entity, evaluation)
            elif change.replacement != "False":
                evaluation = "Static" if change.replacement == "True" else "Dynamic"
                cause = ("ResourceReference", reference.name, evaluation)
            else:
                continue
            if cause not in seen:
                seen.add(cause)
                yield cause


def is_known(value: Any) -> bool:
    """Returns whether a value needs nothing that only the execution of a change set gives."""
    return KNOWN_AFTER_APPLY not in json.dumps(value, default=str)


def _replacement(details: tuple[Detail, ...]) -> str:
    """Returns whether the resource is replaced. Source: CloudFormation API reference, ResourceChange."""
    if any(d.recreation == "Always" and d.evaluation == "Static" for d in details):
        return "True"
    return "False" if all(d.recreation == "Never" for d in details) else "Conditional"


def _policy(definition: Mapping[str, Any], attribute: str, prefix: str = "") -> str:
    policy = definition.get(attribute, "Delete")
    return prefix + ("Retain" if policy == "RetainExceptOnCreate" else str(policy))


def _without_parts(value: Any) -> Any:
    """Returns a copy in which a text that is known only in part is not known."""
    if isinstance(value, dict):
        return {key: _without_parts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_parts(item) for item in value]
    return KNOWN_AFTER_APPLY if isinstance(value, str) and KNOWN_AFTER_APPLY in value else value
