"""Random changes of real configurations, planned and deployed: ``python -m tests.plan_property``.

Every change is planned by ``pcluster-cfn plan``, deployed on the embedded cloud with the real library, and
both are compared. Prints each disagreement, and figures. Ends with 1 if there is a disagreement.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from random import Random

from localcloud.cloud import Cloud
from tests.e2e.account import ROOT, Account, outputs
from tests.plan_property.configurations import paths
from tests.plan_property.lives import Course, Trial, live

#: Changes of one cluster, its creation included.
_LENGTH = 10


@dataclass(frozen=True)
class Run:
    """A run of many lives.

    Args:
        exports: Variables of the running cloud.
        service_token: The provider's.
        files: The configurations.
        changes: How many changes to try; a creation is one.
        seed: Seed of everything random.
        workers: How many lives at once.
    """

    exports: Mapping[str, str]
    service_token: str
    files: list[Path]
    changes: int
    seed: int
    workers: int

    def trials(self) -> Iterator[Trial]:
        """Yields trials as their lives end, until as many changes as asked for were tried."""
        random = Random(self.seed)  # noqa: S311 - no secret
        spawn = multiprocessing.get_context("spawn")
        done, begun = 0, 0
        asked_for: dict[Future[list[Trial]], Course] = {}
        with ProcessPoolExecutor(self.workers, mp_context=spawn) as pool:
            while done < self.changes or asked_for:
                while len(asked_for) < self.workers and (left := self._left(done, asked_for.values())):
                    name, file = f"p{self.seed}-{begun}", random.choice(self.files)
                    course = Course(file, name, name, min(_LENGTH, left) - 1)
                    asked_for[pool.submit(live, self.exports, self.service_token, course)] = course
                    begun += 1
                ended = next(as_completed(asked_for))
                del asked_for[ended]
                done += len(ended.result())
                yield from ended.result()

    def _left(self, done: int, asked_for: Iterable[Course]) -> int:
        return max(self.changes - done - sum(course.changes + 1 for course in asked_for), 0)


def tally(found: Iterator[Trial]) -> int:
    """Prints the figures of trials; returns the number of disagreements."""
    began_s, tried = time.monotonic(), list(found)
    took_s = time.monotonic() - began_s
    for (kind, happened), count in sorted(Counter((each.kind, each.happened) for each in tried).items()):
        _say(f"{count:6} {kind}: {happened}")
    counts = Counter(each.happened for each in tried).most_common()
    totals = ", ".join(f"{count} {happened}" for happened, count in counts)
    wrong = sum(not each.agrees for each in tried)
    _say(f"{len(tried)} changes in {took_s:.0f} s: {totals}; {wrong} disagreements")
    return wrong


def main(arguments: list[str]) -> int:
    """Runs the changes on a cloud of their own."""
    parser = argparse.ArgumentParser(prog="python -m tests.plan_property", description=__doc__)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--corpus", type=Path, help="A folder of further configurations, *.yaml.")
    given = parser.parse_args(arguments)
    files = paths(given.corpus)
    _say(f"{len(files)} configurations, seed {given.seed}, {given.workers} workers")
    with Cloud.start(skip_idle=True, log_dir=Path(tempfile.mkdtemp(prefix="plan-property-"))) as cloud:
        account = Account(cloud)
        made = account.create("provider", account.packaged(ROOT / "template.yaml"))
        assert made["StackStatus"] == "CREATE_COMPLETE", account.why(made)
        token = outputs(made)["ServiceToken"]
        exports = {**cloud.environment, **cloud.exports}
        run = Run(exports, token, files, given.changes, given.seed, given.workers)
        return 1 if tally(run.trials()) else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
