"""Which advisories on a ParallelCluster release refuse a new cluster, as the provider's operator has chosen.

The engine knows the advisories. Source: provider/engine/cluster_schema/advisories.yaml.
"""

#: Name of the provider stack's parameter, and its value for no refusals.
PARAMETER, NONE = "RefuseAdvisories", "None"

#: The other values: the least severity that refuses a Create, the worst first.
SEVERITIES = ("critical", "high", "warning", "medium", "low")


def parse_refused(text: str) -> str:
    """Returns the least severity that refuses a Create; empty if none does.

    Raises:
        ValueError: It is no severity. The template's pattern excludes such values.
    """
    if text not in {NONE, *SEVERITIES}:
        raise ValueError(f"{PARAMETER} is {text!r}; expected {NONE} or one of {', '.join(SEVERITIES)}")
    return "" if text == NONE else text
