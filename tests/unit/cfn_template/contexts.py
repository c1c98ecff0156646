"""What is outside of a template, stated by a test."""

from typing import Any

from cfn_template.evaluation import Evaluator
from cfn_template.reading import read
from cfn_template.values import Unknown


class Stated:
    """Knows what a test says; everything else is unknown, and failures are kept."""

    def __init__(self, **names: Any) -> None:
        self.names = {"AWS::Region": "eu-west-1", **names}
        self.failures: list[str] = []

    def name(self, name):
        return self.names.get(name, Unknown(f"{name} is not known"))

    def attribute(self, logical_id, name):
        return self.name(f"{logical_id}.{name}")

    def export(self, name):
        return self.name(f"export {name}")

    def zones(self, region):
        return [f"{region or self.names['AWS::Region']}{letter}" for letter in "ab"]

    def failed(self, error, node):  # noqa: ARG002 - as the protocol has it
        self.failures.append(str(error))
        return Unknown(str(error))


class Live(Stated):
    """As a stack: what has no value is an error."""

    def failed(self, error, node):  # noqa: ARG002 - as the protocol has it
        raise error


def evaluator(head="", context=None):
    """An evaluator of a template that begins with some sections."""
    template = read(head) or {}
    return Evaluator(context or Stated(), template.get("Mappings", {}), template.get("Conditions", {}))


def evaluated(expression, head="", context=None):
    """What an expression of YAML evaluates to."""
    return evaluator(head, context).evaluate(read(f"x: {expression}")).get("x")
