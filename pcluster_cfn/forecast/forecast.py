"""The forecast: what may run out when clusters are made, changed or grow to full scale."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from pcluster_cfn.aws import Aws
from pcluster_cfn.forecast.account import AccountReader
from pcluster_cfn.forecast.checks import applicable, run
from pcluster_cfn.forecast.clusters import Cluster
from pcluster_cfn.forecast.demand import Check, Demand, demand_of
from pcluster_cfn.forecast.facts import Facts, NotSeen
from pcluster_cfn.forecast.findings import ForecastWarning
from pcluster_cfn.validation.report import counted

ignore_option = click.option(
    "--ignore",
    "ignored",
    type=click.Choice([each.value for each in Check]),
    multiple=True,
    metavar="CODE",
    help="Leave out a check of the forecast by its code, such as VCpuQuota.",
)


@dataclass(frozen=True)
class Forecast:
    """What was looked at, what was found, and what could not be looked at.

    Attributes:
        checks: The checks that were made, in their order.
        warnings: What may run out, in the order of the checks.
        not_seen: What a check could not look at, each with its reason.
    """

    checks: tuple[Check, ...] = ()
    warnings: tuple[ForecastWarning, ...] = ()
    not_seen: tuple[tuple[Check, NotSeen], ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns the forecast as JSON values."""
        return {
            "checks": [check.value for check in self.checks],
            "warnings": [
                {
                    "code": each.check.value,
                    "file": each.site.source,
                    "line": each.site.place.line,
                    "column": each.site.place.column,
                    "path": each.site.path,
                    "message": each.message,
                    "numbers": dict(each.numbers),
                }
                for each in self.warnings
            ],
            "notLookedAt": [{"code": check.value, "reason": why.reason} for check, why in self.not_seen],
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yields lines for people, each with its style; none if there was nothing to check."""
        if not self.checks:
            return
        for each in self.warnings:
            where = f"{each.site.source}:{each.site.place.line}:{each.site.place.column}"
            yield f"! {where}: {each.site.path}: {each.check.value}: {each.message}", "yellow"
        for check in self.checks:
            reasons = [why.reason for which, why in self.not_seen if which is check]
            if reasons:
                more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
                yield f"  {check.value} could not look at everything: {reasons[0]}{more}", ""
        yield f"Forecast: {self._summary()}", "yellow" if self.warnings else "dim"

    def _summary(self) -> str:
        partly = len({check for check, _ in self.not_seen})
        parts = [
            counted(len(self.checks), "check"),
            counted(len(self.warnings), "warning"),
            *([f"{partly} not possible or only in part"] if partly else []),
        ]
        return ", ".join(parts)


NO_FORECAST = Forecast()


def forecast(aws: Aws, clusters: Iterable[Cluster], ignored: Collection[str] = ()) -> Forecast:
    """Returns what may run out when a deployment makes or changes clusters, and when they grow.

    Args:
        aws: Clients of the account.
        clusters: The clusters.
        ignored: Codes of checks to leave out.
    """
    demand = demand_of(clusters)
    checks = applicable(demand, {Check(code) for code in ignored})
    return compare(checks, demand, AccountReader(aws).read(demand, checks)) if checks else NO_FORECAST


def compare(checks: Sequence[Check], demand: Demand, facts: Facts) -> Forecast:
    """Returns the forecast of a demand, by what was read of the account."""
    found = [(check, each) for check in checks for each in run(check, demand, facts)]
    return Forecast(
        tuple(checks),
        tuple(each for _, each in found if isinstance(each, ForecastWarning)),
        tuple(dict.fromkeys((check, each) for check, each in found if isinstance(each, NotSeen))),
    )
