"""Bounds for what a cluster may be at full scale, of the provider's operator and of the resource.

The provider never reads a configuration. It passes the bounds to the engine, which judges.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

#: The properties of a cluster, and the provider stack's parameters of the same names.
MAX_NODES, MAX_COST = "MaxNodes", "MaxHourlyCostAtScale"

#: The forms of the bounds, here and in template.yaml. Zero means that there is no bound.
NODES_PATTERN, COST_PATTERN = "^[0-9]{1,9}$", "^[0-9]{1,9}([.][0-9]{1,6})?$"
_NONE = "0"


@dataclass(frozen=True)
class Budget:
    """The bounds that one party sets.

    Args:
        max_nodes: The most nodes, as a whole number; ``0`` for no bound.
        max_hourly_cost: The most US dollars an hour, as a decimal number; ``0`` for no bound.
    """

    max_nodes: str = _NONE
    max_hourly_cost: str = _NONE

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Returns the bounds among properties or parameters.

        Args:
            given: Values by the names of the properties; a missing one means that there is no bound.

        Raises:
            ValueError: A value has another form. The template and the properties' schema exclude such values.
        """
        values = []
        for name, pattern in ((MAX_NODES, NODES_PATTERN), (MAX_COST, COST_PATTERN)):
            value = str(given.get(name, _NONE))
            if re.fullmatch(pattern, value) is None:
                raise ValueError(f"{name} is {value!r}; expected a number, and 0 for no bound")
            values.append(value)
        return cls(*values)

    def arguments(self, own: "Budget") -> dict[str, Any]:
        """Returns the argument for an engine; empty if nothing is bounded.

        Of two bounds the stricter one counts. A resource may be stricter than its provider, never looser.

        Args:
            own: The bounds of the resource; these are the operator's.
        """
        pairs = {
            "max_nodes": (self.max_nodes, own.max_nodes),
            "max_hourly_cost_at_scale": (self.max_hourly_cost, own.max_hourly_cost),
        }
        bounds = {name: _stricter(*pair) for name, pair in pairs.items() if any(map(Decimal, pair))}
        return {"budget": bounds} if bounds else {}


def _stricter(operators: str, resources: str) -> dict[str, str]:
    given = [(Decimal(operators), operators, "provider"), (Decimal(resources), resources, "property")]
    _, limit, set_by = min((each for each in given if each[0]), key=lambda each: each[0])
    return {"limit": limit, "set_by": set_by}


#: Bounds that bound nothing.
UNBOUNDED = Budget()
