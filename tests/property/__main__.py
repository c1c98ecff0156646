"""The long property run: ``python -m tests.property``; prints its figures and its seed."""

import argparse
import logging
import random
import sys
import time

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.lives import Lives

#: An example has 36 steps on average, so these make more than 100,000.
EXAMPLES = 3000
STEPS = 50


def main(arguments: list[str]) -> int:
    """Runs the machine; what it finds is printed, shrunk, and ends the run with an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.property", description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    long = settings(
        max_examples=given.examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    began = time.monotonic()
    try:
        run_state_machine_as_test(seed(given.seed)(Lives), settings=long)
    finally:
        took_s = time.monotonic() - began
        for what, count in sorted(Lives.counts.items()):
            print(f"{count:9,} {what}", flush=True)  # noqa: T201
        print(f"seed {given.seed}, {took_s:.0f} s", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
