"""What a new cluster needs to know of an account, asked of the user or found in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws
from pcluster_cfn.errors import CommandError, message_of, suggest

NO_KEY = "none"
#: Choices that a message names.
_SHOWN_MAX = 4


@dataclass(frozen=True)
class Choice:
    """One possible answer, with what describes it to people."""

    value: str
    title: str = ""


@dataclass
class Answers:
    """Finds each answer: from an option, from the only choice that there is, or from the user.

    Args:
        given: Values of options by their long names; without those that were not given.
        ask: Asks the user to choose; None where nobody can be asked.
        missing: Options that have to be given, with their choices.
    """

    given: Mapping[str, str]
    ask: Callable[[str, list[Choice], str | None], str] | None
    missing: dict[str, list[Choice]] = field(default_factory=dict)

    def choose(self, option: str, what: str, choices: list[Choice], default: str | None = None) -> str | None:
        """Returns the answer; None if it is missing.

        Args:
            option: Long name of the option that answers the question.
            what: What is asked for.
            choices: All possible answers.
            default: What the user is offered.

        Raises:
            CommandError: A given answer is none of the choices, or there is no choice at all.
        """
        known = [choice.value for choice in choices]
        given = self.given.get(option)
        if given is not None:
            if given not in known:
                there = f"there are: {', '.join(known) or 'none'}"
                raise CommandError(
                    f"--{option} {given!r}: there is no such {what}", suggest(given, known, there)
                )
            return given
        if not choices:
            raise CommandError(f"this account has no {what} in this Region", f"make one, or give --{option}")
        if len(choices) == 1:
            return known[0]
        if self.ask:
            return self.ask(what, choices, default)
        self.missing[option] = choices
        return None

    def require_all(self) -> None:
        """Refuses to go on without the missing answers.

        Raises:
            CommandError: Names every option that has to be given.
        """
        if self.missing:
            lines = [f"  --{option}  {_some(choices)}" for option, choices in self.missing.items()]
            raise CommandError("there is no terminal to ask you; give these options:\n" + "\n".join(lines))


def _some(choices: list[Choice]) -> str:
    """Returns the first choices, and how many there are if these are not all."""
    named = ", ".join(choice.value for choice in choices[:_SHOWN_MAX])
    return f"one of {named}" if len(choices) <= _SHOWN_MAX else f"one of {len(choices)}: {named}, …"


def ask_in_terminal(what: str, choices: list[Choice], default: str | None) -> str:
    """Returns the user's choice, by its number or its value."""
    click.echo(f"\n{what[0].upper()}{what[1:]}:", err=True)
    for number, choice in enumerate(choices, 1):
        click.echo(f"  {number}. {choice.value}  {choice.title}".rstrip(), err=True)
    values = [choice.value for choice in choices]
    offered = default if default in values else values[0]
    numbers = {str(number): value for number, value in enumerate(values, 1)}
    accepted = click.Choice([*numbers, *values])
    answer = click.prompt("Number or name", default=offered, type=accepted, show_choices=False, err=True)
    return numbers.get(answer, str(answer))


def vpcs(aws: Aws) -> list[Choice]:
    """Returns the networks of the Region."""
    pages = aws.client("ec2").get_paginator("describe_vpcs").paginate()
    found = [vpc for page in pages for vpc in page["Vpcs"]]
    return [Choice(vpc["VpcId"], f"{vpc['CidrBlock']} {_name(vpc)}".strip()) for vpc in found]


@dataclass(frozen=True)
class Subnet:
    """A subnet; a public one gives its instances public addresses."""

    id: str
    vpc_id: str
    zone: str
    is_public: bool
    title: str

    @property
    def choice(self) -> Choice:
        """The subnet as a possible answer."""
        return Choice(
            self.id, f"{self.zone} {'public' if self.is_public else 'private'} {self.title}".strip()
        )


def subnets(aws: Aws) -> list[Subnet]:
    """Returns the subnets of the Region, public ones first."""
    pages = aws.client("ec2").get_paginator("describe_subnets").paginate()
    found = [
        Subnet(
            each["SubnetId"],
            each["VpcId"],
            each["AvailabilityZone"],
            each["MapPublicIpOnLaunch"],
            f"{each['CidrBlock']} {_name(each)}".strip(),
        )
        for page in pages
        for each in page["Subnets"]
    ]
    return sorted(found, key=lambda subnet: (not subnet.is_public, subnet.zone, subnet.id))


def key_pairs(aws: Aws) -> list[Choice]:
    """Returns the key pairs of the Region, and the choice to have none."""
    found = [Choice(pair["KeyName"]) for pair in aws.client("ec2").describe_key_pairs()["KeyPairs"]]
    return [*found, Choice(NO_KEY, "connect with Session Manager")]


def require_instance_types(aws: Aws, options: Mapping[str, str]) -> None:
    """Refuses an instance type that the Region does not have, and types of different architectures.

    Args:
        aws: The account.
        options: Instance types by the long name of their option.

    Raises:
        CommandError: Names the option and its value.
    """
    architectures: dict[str, set[str]] = {}
    for option, instance_type in options.items():
        try:
            answer = aws.client("ec2").describe_instance_types(InstanceTypes=[instance_type])
        except ClientError as error:
            raise CommandError(
                f"--{option} {instance_type}: {message_of(error)}", "give another type"
            ) from error
        for described in answer["InstanceTypes"]:
            architectures[option] = set(described["ProcessorInfo"]["SupportedArchitectures"])
    if not set.intersection(*architectures.values()):
        named = ", ".join(
            f"--{option} {options[option]} ({'/'.join(its)})" for option, its in architectures.items()
        )
        raise CommandError(f"the nodes of a cluster have one architecture, not {named}", "give another type")


def _name(resource: Mapping[str, Any]) -> str:
    return next((tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == "Name"), "")
