"""Creates, updates and deletes many clusters at once, and measures: ``python -m tools.scale``.

Everything is real but AWS: the provider, the engine with the ParallelCluster library. Two things are left
out: the clusters' validators, by ``SuppressValidators``, and all but the first two syntheses of each
configuration, which are replayed (``replay.py``) unless ``--synthesise`` says otherwise.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tools.scale import figures, report
from tools.scale.figures import Claim, Phase
from tools.scale.observed import Watch, Work, kept, work
from tools.scale.parents import Parents
from tools.scale.plan import ALONE, ALONE_CREATE_S, Action, Plan
from tools.scale.world import ScaleError, World, open_world

#: Real seconds within which pending work ends.
_PATIENCE_S = 60

#: Execution environments of a function: as many as there are processors. Engines whose calls are throttled
#: wait most of their time, so more of them are at work then.
_CONCURRENCY, _CONCURRENCY_THROTTLED = 2, 24


def main() -> int:
    """Runs and reports; returns 1 if an answer was lost, wrong or repeated, or if records are left."""
    arguments = _parse()
    plan = Plan(arguments.clusters, arguments.seed, arguments.faults, arguments.lost_events)
    console, notes = Console(), Console(stderr=True)
    console.print(f"{plan}\n", soft_wrap=True, highlight=False)
    try:
        concurrency = _CONCURRENCY_THROTTLED if plan.faults else _CONCURRENCY
        opened = open_world(arguments.log_dir, replays=not arguments.synthesise, concurrency=concurrency)
        with opened as world:
            claims = _run(world, plan, console, notes)
            errors = world.cloud.errors()
    except ScaleError as error:
        notes.print(str(error), markup=False, highlight=False)
        return 1
    for failed in errors:
        notes.print(failed["trace"], markup=False, highlight=False)
    broken = [claim for claim in claims if claim.is_correctness and not claim.holds]
    return 1 if broken or errors else 0


def _run(world: World, plan: Plan, console: Console, notes: Console) -> list[Claim]:
    alone = _one_alone(world)
    costs = figures.cost_claims(alone)
    report.show_alone(console, alone, costs)
    phases = _all(world, plan, notes)
    report.show_phases(console, phases)
    report.show_failures(console, phases)
    syntheses = world.syntheses()
    report.show_conditions(console, syntheses, world.cloud.pace())
    claims = figures.claims(phases, latency_p95_s=_latency_limit_s(plan))
    claims += [figures.replay_claim(syntheses)] if syntheses else []
    report.show_claims(console, claims)
    return [*costs, *claims]


def _one_alone(world: World) -> Work:
    """Creates and deletes a cluster that takes 15 minutes; returns the work of the create."""
    world.cloud.set_head_nodes(cluster=f"c-{ALONE}", create_s=ALONE_CREATE_S)
    parents = Parents(world, _CONCURRENCY)
    world.settle(lambda: world.cloud.in_flight() == 0, "the provider's stack", _PATIENCE_S)
    before = work(world)
    parents.carry_out(Action.CREATE, [ALONE])
    world.settle(lambda: world.cloud.in_flight() == 0, "the cluster's create", _PATIENCE_S)
    cost = work(world) - before
    parents.carry_out(Action.DELETE, [ALONE])
    return cost


def _all(world: World, plan: Plan, notes: Console) -> list[Phase]:
    for name, times in plan.boots().items():
        world.cloud.set_head_nodes(cluster=f"c-{name}", **times)
    world.cloud.set_behaviours(plan.deletions())
    world.cloud.set_faults(plan.wrong())
    parents = Parents(world, _CONCURRENCY_THROTTLED if plan.faults else _CONCURRENCY)
    watch = Watch(world)
    phases, names = [], plan.names
    for action in Action:
        notes.print(f"{action.value} of {plan.clusters}", highlight=False)
        before, since = work(world), datetime.fromisoformat(world.cloud.now())
        parents.carry_out(action, plan.names if action is Action.DELETE else names)
        world.settle(lambda: world.cloud.in_flight() == 0, f"what follows {action}", _PATIENCE_S)
        done = work(world) - before
        operations = watch.operations(action, parents.ids, since)
        phases.append(Phase(action, operations, done, kept(world)))
        names = [operation.name for operation in operations if operation.succeeded]
    return phases


def _latency_limit_s(plan: Plan) -> float | None:
    if plan.lost_events:
        return figures.LOST_LATENCY_P95_S
    return None if plan.faults else figures.LATENCY_P95_S


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.scale", description=__doc__)
    parser.add_argument("--clusters", type=_count, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of durations and faults")
    parser.add_argument(
        "--faults", action="store_true", help="drop and repeat events, throttle CloudFormation"
    )
    parser.add_argument("--lost-events", action="store_true", help="drop every event about a stack")
    parser.add_argument(
        "--synthesise",
        action="store_true",
        help="let the library synthesise every template; takes far longer",
    )
    parser.add_argument("--log-dir", type=Path, help="folder for the functions' logs")
    return parser.parse_args()


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


if __name__ == "__main__":
    sys.exit(main())
