"""The long fuzz run: thousands of mutated events, each lived through to its end, with its figures."""

import argparse
import gc
import logging
import resource
import sys
import time
from collections import Counter

from tests.fuzz.run import PROCESSOR_MAX_S, live

#: What the process may grow by after its first thousand events, in MiB.
GROWTH_MAX_MIB = 64


def main() -> int:
    """Runs events; those that went wrong decide the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    ends, failures, slowest, first_mib = Counter[str](), 0, 0.0, 0
    began = time.monotonic()
    for number in range(options.events):
        try:
            life = live(options.seed, number)
        except Exception as error:
            failures += 1
            print(f"FAILED --seed {options.seed}, event {number}: {type(error).__name__}: {str(error)[:200]}")  # noqa: T201
            continue
        ends[life.ended] += 1
        slowest = max(slowest, life.processor_s)
        if number == min(999, options.events // 2):
            first_mib = _memory_mib()
        if number % 2000 == 1999:
            print(f"{number + 1} events, {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
    growth_mib = _memory_mib() - first_mib
    slow = slowest > PROCESSOR_MAX_S
    counts = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    print(  # noqa: T201
        f"seed {options.seed}: {options.events} events: {counts}; {failures} failures; "
        f"slowest {slowest:.2f} s of a processor (at most {PROCESSOR_MAX_S:.0f}); "
        f"memory grew by {growth_mib} MiB (at most {GROWTH_MAX_MIB}); {time.monotonic() - began:.0f} s"
    )
    return 1 if failures or slow or growth_mib > GROWTH_MAX_MIB else 0


def _memory_mib() -> int:
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main())
