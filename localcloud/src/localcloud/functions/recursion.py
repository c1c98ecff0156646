"""Chains of invocations, in which a function that comes again and again is stopped.

Source: AWS Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops": the trace
header carries how often an event has invoked a function, and what follows about 16 invocations is stopped.
"""

import hashlib
import re

#: So often a function runs in one chain.
LOOPS = 16
_LINEAGE = re.compile(r"(?:^|;)Lineage=([0-9a-f:,]*)")


def lineage_of(trace_header: str | None) -> str:
    """Returns the chain that a request belongs to: empty outside of a function."""
    found = _LINEAGE.search(trace_header or "")
    return found[1] if found else ""


def extend(lineage: str, function_arn: str) -> str | None:
    """Returns a chain with one more invocation of a function; None if that is one too many.

    Args:
        lineage: How often which functions have run in the chain. The header's own form is not documented.
        function_arn: The function, without a version.
    """
    name = hashlib.sha256(function_arn.encode()).hexdigest()[:8]
    counts = dict(part.split(":") for part in lineage.split(",") if part)
    counts[name] = str(int(counts.get(name, 0)) + 1)
    return None if int(counts[name]) > LOOPS else ",".join(f"{key}:{count}" for key, count in counts.items())
