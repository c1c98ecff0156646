"""What the operator of a provider permits, whatever a template asks for; pure.

The provider's function has the parameters of its stack as environment variables. Source: template.yaml.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

#: Values of the parameter ``ClusterAdoption``. Every other value is a tag, as ``key=value``.
ALLOW, FORBID = "Allow", "Forbid"
#: The bounds by their parameters and properties, as arguments of a call. Source: docs/reference/engine.md.
_BOUNDS = {"MaxNodes": "max_nodes", "MaxHourlyCostAtScale": "max_hourly_cost_at_scale"}
_BOUND = re.compile("[0-9]+([.][0-9]+)?")
#: Value of a bound that bounds nothing, and of ``RefuseAdvisories`` if no advisory refuses.
_UNBOUNDED, _NO_SEVERITY = "0", "None"
#: The variables of the function by the parameters, with what counts without them: an earlier one has fewer.
#: Source: ``cluster_provider.handler``.
_VARIABLES = {
    "ClusterAdoption": ("CLUSTER_ADOPTION", FORBID),
    "MaxNodes": ("MAX_NODES", _UNBOUNDED),
    "MaxHourlyCostAtScale": ("MAX_HOURLY_COST_AT_SCALE", _UNBOUNDED),
    "RefuseAdvisories": ("REFUSE_ADVISORIES", _NO_SEVERITY),
}
ENGINES, _DEFAULT_VERSION = "ENGINES", "DEFAULT_ENGINE_VERSION"


@dataclass(frozen=True)
class Guardrails:
    """What the operator permits. Without arguments, everything.

    Args:
        adoption: Value of ``ClusterAdoption``.
        bounds: Bounds by their parameters; ``0`` bounds nothing.
        refused_severity: Least severity of the advisories that refuse a new cluster; empty for none.
        versions: The ParallelCluster versions of the provider's engines; empty if they are not known.
        default_version: The version of a cluster that names none; empty if it is not known.
    """

    adoption: str = ALLOW
    bounds: Mapping[str, str] = field(default_factory=dict)
    refused_severity: str = ""
    versions: Sequence[str] = ()
    default_version: str = ""

    @classmethod
    def parse(cls, variables: Mapping[str, str]) -> Self:
        """Returns the guardrails among the environment variables of a provider's function."""
        found = {name: variables.get(*variable) for name, variable in _VARIABLES.items()}
        severity = found["RefuseAdvisories"]
        versions = [entry.partition("=")[0].strip() for entry in variables[ENGINES].split(",")]
        return cls(
            adoption=found["ClusterAdoption"],
            bounds={name: found[name] for name in _BOUNDS},
            refused_severity="" if severity == _NO_SEVERITY else severity,
            versions=sorted(filter(None, versions), key=_by_number),
            default_version=variables.get(_DEFAULT_VERSION, ""),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the provider stack that say it."""
        severity = self.refused_severity or _NO_SEVERITY
        bounds = {name: self.bounds.get(name, _UNBOUNDED) for name in _BOUNDS}
        return {"ClusterAdoption": self.adoption, **bounds, "RefuseAdvisories": severity}

    def permits_adoption(self, tags: Mapping[str, str]) -> bool:
        """Returns whether a template may take over a cluster whose stack has these tags."""
        key, equals, value = self.adoption.partition("=")
        return self.adoption == ALLOW or (bool(equals) and tags.get(key) == value)

    def arguments(self, properties: Mapping[str, Any], *, makes: bool) -> dict[str, Any]:
        """Returns the arguments by which the engine judges a create or an update.

        Args:
            properties: Those of the cluster, which may set bounds, too: of two, the stricter one counts. Zero
                bounds nothing, and what is no number is refused elsewhere.
            makes: Whether it is a create.
        """
        budget = {
            argument: {"limit": limit, "set_by": set_by}
            for name, argument in _BOUNDS.items()
            for limit, set_by in _strictest(self.bounds.get(name, ""), str(properties.get(name, "")))
        }
        severity = self.refused_severity if makes else ""
        return ({"budget": budget} if budget else {}) | ({"refuse_advisories": severity} if severity else {})


def _by_number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _strictest(operators: str, own: str) -> Iterator[tuple[str, str]]:
    given = [(operators, "provider"), (own, "property")]
    bounds = [bound for bound in given if _BOUND.fullmatch(bound[0]) and Decimal(bound[0])]
    yield from sorted(bounds, key=lambda bound: Decimal(bound[0]))[:1]


@dataclass(frozen=True)
class Provider:
    """The provider that a cluster's service token names.

    Args:
        service_token: The token; empty if it is not known before the deployment.
        guardrails: What its operator permits; everything, if that was not read.
        unread: Why it was not read; empty if it was.
        is_missing: Whether there is no such function, so that every request fails.
    """

    service_token: str = ""
    guardrails: Guardrails = field(default_factory=Guardrails)
    unread: str = ""
    is_missing: bool = False

    @property
    def is_uncertain(self) -> bool:
        """Whether requests were planned without knowing what its operator permits."""
        return bool(self.unread) and not self.is_missing

    def sentence(self) -> str:
        """Returns what is known of the provider, or why it is not."""
        if self.unread:
            return f"Provider: its parameters and versions are not known ({self.unread})"
        unset = {_UNBOUNDED, _NO_SEVERITY}
        said = [f"{name} {value}" for name, value in self.guardrails.parameters.items() if value not in unset]
        versions = ", ".join(self.guardrails.versions)
        return f"Provider: {', '.join(said)}; ParallelCluster {versions}"

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        known = not self.unread
        return {
            "serviceToken": self.service_token,
            "known": known,
            "reason": self.unread,
            "parameters": self.guardrails.parameters if known else {},
            "versions": list(self.guardrails.versions),
            "defaultVersion": self.guardrails.default_version,
        }


#: A provider of which nothing is known before the deployment.
UNREAD = Provider(unread="its ServiceToken is not known before the deployment")
