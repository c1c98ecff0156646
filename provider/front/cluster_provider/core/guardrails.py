"""What the operator of the provider permits, whatever a template asks for."""

from dataclasses import dataclass

from cluster_provider.core.budget import UNBOUNDED, Budget
from cluster_provider.core.consent import DEFAULT, Consent


@dataclass(frozen=True)
class Guardrails:
    """The operator's choices, as parameters of the provider stack.

    Args:
        consent: The clusters that may be adopted.
        budget: The bounds for clusters.
        refused_severity: The least severity of advisories with which no cluster may be made; empty for none.
    """

    consent: Consent = DEFAULT
    budget: Budget = UNBOUNDED
    refused_severity: str = ""


#: The choices without the parameters.
UNGUARDED = Guardrails()
