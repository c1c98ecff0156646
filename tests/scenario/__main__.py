"""The long crash run: every single death and every pair of deaths of every story, with its figures."""

import argparse
import logging
import sys
import time

from tests.scenario.crashes import STORIES, Death, Run, Story, deaths, pairs


def _tell(name: str, story: Story, expected: Run, killed: tuple[Death, ...], *, retries: bool) -> bool:
    try:
        Run(story, killed, retries=retries).check(expected)
    except Exception as error:
        print(f"FAILED {name}: {killed}, retries={retries}: {type(error).__name__}: {error}")  # noqa: T201
        return False
    return True


def main() -> int:
    """Tells stories with every death; the number of tellings that went wrong decides the exit code."""
    stories = _chosen()
    logging.disable(logging.CRITICAL)
    failures = tellings = 0
    for name, story in stories.items():
        began = time.monotonic()
        recorded = Run(story)
        told = {"single": 0, "pairs": 0}
        for retries in (True, False):
            for death in deaths(recorded):
                told["single"] += 1
                failures += not _tell(name, story, recorded, (death,), retries=retries)
            for pair in pairs(story, retries=retries):
                told["pairs"] += 1
                failures += not _tell(name, story, recorded, pair, retries=retries)
        effects = sum(seam.is_effect for seam in recorded.seams)
        tellings += sum(told.values())
        print(  # noqa: T201
            f"{name}: {len(recorded.seams)} seams ({effects} of effects), "
            f"{recorded.engine_calls} engine calls; "
            f"{told['single']} single deaths, {told['pairs']} pairs, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    print(f"{tellings} tellings, {failures} failures")  # noqa: T201
    return 1 if failures else 0


def _chosen() -> dict[str, Story]:
    parser = argparse.ArgumentParser(prog="python -m tests.scenario", description=__doc__)
    parser.add_argument("--story", choices=STORIES, help="tell this one only")
    story = parser.parse_args().story
    return {story: STORIES[story]} if story else STORIES


if __name__ == "__main__":
    sys.exit(main())
