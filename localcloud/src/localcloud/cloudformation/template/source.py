"""A template's text, read and checked as CloudFormation does before it makes anything."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfn_template.limits import AliasError, TemplateError
from cfn_template.loops import LANGUAGE_EXTENSIONS, PREFIX, transforms_of
from cfn_template.reading import read_plain
from localcloud.cloudformation.errors import InsufficientCapabilitiesError, ValidationError

#: Source: CloudFormation user guide, "Template formats": YAML 1.1 without aliases; its words for it are in
#: seeebiii/aws-cloudformation-templates issue 1.
_NO_ALIASES = "Template error: YAML aliases are not allowed in CloudFormation templates"
#: Source: CloudFormation user guide, "Template anatomy".
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Transform",
    "Globals",
    "Resources",
    "Outputs",
    "Hooks",
}
#: Source: CloudFormation user guide, "Resources syntax" and "Resource attributes".
_RESOURCE_KEYS = {
    "Type",
    "Properties",
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}
#: The prefix of the types that the transform SAM replaces, which have further keys.
_SERVERLESS = "AWS::Serverless::"
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+")
#: Inline templates and those in S3. Source: CreateStack, TemplateBody and TemplateURL.
MAX_INLINE_BYTES = 51_200
MAX_S3_BYTES = 1_048_576

#: Types that need CAPABILITY_IAM, and the property that makes it CAPABILITY_NAMED_IAM.
#: Source: CreateStack, Capabilities.
_IAM_NAME_PROPERTY = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}


def parse(text: str) -> dict[str, Any]:
    """Reads a template as CloudFormation does.

    Args:
        text: JSON or YAML.

    Raises:
        ValidationError: The text is neither, not a mapping, or has YAML aliases.
    """
    try:
        document = read_plain(text, aliases=False)
    except AliasError as error:
        raise ValidationError(_NO_ALIASES) from error
    except TemplateError as error:
        raise ValidationError(f"Template format error: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return document


def _one_line(error: TemplateError) -> str:
    if error.place is None:
        return error.problem
    if error.language == "JSON":
        # CloudFormation names the column after the fault.
        return f"JSON not well-formed. (line {error.place.line}, column {error.place.column + 1})"
    return "YAML not well-formed."


def check_structure(template: Mapping[str, Any]) -> None:
    """Checks the sections and resources of a template.

    Raises:
        ValidationError: A section or a resource is malformed.
    """
    if unknown := set(template) - _SECTIONS:
        raise ValidationError(f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    for path in _nulls(template, ""):
        raise ValidationError(f"[{path}] 'null' values are not allowed in templates")
    # What a loop makes is checked once it is written out; without the transform it is only an odd name.
    loops = PREFIX if LANGUAGE_EXTENSIONS in transforms_of(template) else None
    for logical_id, definition in _without(loops, resources).items():
        _check_resource(str(logical_id), definition)
    _check_mappings(template.get("Mappings", {}))
    _check_members(template.get("Parameters", {}), "Parameters", "Type")
    _check_members(_without(loops, template.get("Outputs", {})), "Outputs", "Value")


def _without(prefix: str | None, section: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: value for name, value in section.items() if prefix is None or not str(name).startswith(prefix)
    }


def _check_resource(logical_id: str, definition: Any) -> None:
    if not _LOGICAL_ID.fullmatch(logical_id):
        raise ValidationError(f"Template format error: Resource name {logical_id} is non alphanumeric.")
    if not isinstance(definition, dict) or not isinstance(definition.get("Type"), str):
        raise ValidationError(
            f"Template format error: [/Resources/{logical_id}] "
            "Every Resources object must contain a Type member."
        )
    unknown = [key for key in definition if key not in _RESOURCE_KEYS]
    if unknown and not definition["Type"].startswith(_SERVERLESS):
        raise ValidationError(f"Invalid template resource property '{unknown[0]}'")


def _check_mappings(mappings: Mapping[str, Any]) -> None:
    for name, mapping in mappings.items():
        for key, attributes in mapping.items() if isinstance(mapping, dict) else [(name, mapping)]:
            if not isinstance(attributes, dict):
                raise ValidationError(f"Template format error: Every Mappings member {key} must be a map")
            items = [item for value in attributes.values() for item in _items(value)]
            if any(isinstance(item, dict) for item in items):
                raise ValidationError(
                    "Template format error: Every Mappings attribute must be a String or a List."
                )


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_members(members: Mapping[str, Any], section: str, member: str) -> None:
    for name, value in members.items():
        if not isinstance(value, dict) or member not in value:
            raise ValidationError(
                f"Template format error: [/{section}/{name}] "
                f"Every {section} member must contain a {member} member."
            )


def _nulls(node: Any, path: str) -> Iterator[str]:
    if node is None:
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _nulls(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _nulls(value, f"{path}/{index}")


def required_capabilities(template: Mapping[str, Any]) -> list[str]:
    """Returns the IAM capability a processed template needs, if any."""
    needed: list[str] = []
    for definition in template.get("Resources", {}).values():
        if definition.get("Type") in _IAM_NAME_PROPERTY:
            name_property = _IAM_NAME_PROPERTY[definition["Type"]]
            if name_property is not None and name_property in (definition.get("Properties") or {}):
                return ["CAPABILITY_NAMED_IAM"]
            needed = ["CAPABILITY_IAM"]
    return needed


def check_capabilities(template: Mapping[str, Any], acknowledged: set[str], *, transforms: list[str]) -> None:
    """Checks that the caller has acknowledged the capabilities that a template needs.

    Args:
        template: After its transforms.
        acknowledged: The caller's capabilities.
        transforms: Those that were applied and need CAPABILITY_AUTO_EXPAND.

    Raises:
        InsufficientCapabilitiesError: Some are missing.
    """
    needed = required_capabilities(template)
    if "CAPABILITY_NAMED_IAM" in acknowledged:
        needed = []
    missing = [name for name in needed if name not in acknowledged]
    if transforms and "CAPABILITY_AUTO_EXPAND" not in acknowledged:
        missing.append("CAPABILITY_AUTO_EXPAND")
    if missing:
        raise InsufficientCapabilitiesError(missing)
