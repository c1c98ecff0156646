"""The long property run: ``python -m tests.property [EXAMPLES [SEED]]``; prints its figures and its seed."""

import logging
import random
import sys
import time

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.lifecycle import Lifecycle

#: With at most this many steps each, 2,600 examples make more than 100,000 steps.
EXAMPLES = 2600
STEPS = 50


def main(arguments: list[str]) -> int:
    """Runs the machine; what it finds is printed, shrunk, and ends the run with an error."""
    logging.disable(logging.CRITICAL)
    examples = int(arguments[0]) if arguments else EXAMPLES
    number = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(2**32)
    print(f"seed {number}", flush=True)  # noqa: T201
    long = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    began = time.monotonic()
    try:
        run_state_machine_as_test(seed(number)(Lifecycle), settings=long)
    finally:
        took_s = time.monotonic() - began
        print(  # noqa: T201
            f"{Lifecycle.examples} examples, {Lifecycle.steps} steps, seed {number}, {took_s:.0f} s",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
