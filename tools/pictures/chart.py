"""The provider's dashboard as an SVG, drawn from its definition and from the data that CloudWatch has.

The real dashboard is drawn by the CloudWatch console. This picture has the same widgets, places and series.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

#: Pixels of one unit of the dashboard's grid, which has 24 columns. Source: Amazon CloudWatch API reference,
#: "Dashboard body structure and syntax".
_COLUMN, _ROW = 42, 44
_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")
_STATES = {"OK": "#2ca02c", "ALARM": "#d62728", "INSUFFICIENT_DATA": "#8a8f98"}
_GREY = "#545b64"
_FONT = 'font-family="Arial, sans-serif" font-size="11"'
_LEGEND_MAX = 8
_CHARACTER = 5.7
#: From here on, an axis shows whole numbers.
_WHOLE = 100


@dataclass(frozen=True)
class Series:
    """One line of a chart: its label and its values by the seconds since the begin."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch with the statistic that a widget shows."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    period_s: int


class Account:
    """What the dashboard's widgets read from CloudWatch and CloudWatch Logs.

    Args:
        client: Returns a boto3 client for a service's name.
        start: Begin of what is shown.
        end: Its end.
    """

    def __init__(self, client: Callable[[str], Any], start: datetime, end: datetime) -> None:
        self._cloudwatch, self._logs = client("cloudwatch"), client("logs")
        self.start, self.end = start, end

    def dashboard(self, name: str) -> dict[str, Any]:
        """Returns the definition of a dashboard."""
        body = self._cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
        definition: dict[str, Any] = json.loads(body)
        return definition

    def alarm_states(self, arns: Iterable[str]) -> list[tuple[str, str]]:
        """Returns the name and the state of each alarm."""
        states = {
            each["AlarmArn"]: each["StateValue"]
            for each in self._cloudwatch.describe_alarms()["MetricAlarms"]
        }
        return [(arn.rpartition(":")[2], states[arn]) for arn in arns]

    def metrics(self, widget: Mapping[str, Any]) -> Iterable[Metric]:
        """Yields the metrics that a widget names or searches for."""
        period = int(widget["period"])
        for first, *rest in widget["metrics"]:
            options = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            if isinstance(first, str):
                name, *pairs = rest
                dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
                yield Metric(first, name, dimensions, options.get("stat", widget["stat"]), period)
            else:
                yield from self._search(first["expression"], widget["stat"], period)

    def _search(self, expression: str, statistic: str, period: int) -> Iterable[Metric]:
        namespace, *names = re.findall(r"\{([^}]*)\}", expression)[0].split(",")
        metric_names = re.findall(
            r'"(\w+)"', expression.partition("MetricName=")[2].partition("Provider=")[0]
        )
        provider = re.findall(r'Provider="([^"]*)"', expression)[0]
        listed = self._cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
        # The embedded cloud lists a metric once for each value that was sent.
        distinct = {json.dumps(found, sort_keys=True): found for found in listed}
        for _, found in sorted(distinct.items()):
            dimensions = {each["Name"]: each["Value"] for each in found["Dimensions"]}
            if (
                found["MetricName"] in metric_names
                and set(dimensions) == set(names)
                and provider in dimensions.values()
            ):
                yield Metric(namespace, found["MetricName"], dimensions, statistic, period)

    def series(self, metric: Metric) -> Series:
        """Returns a metric's values."""
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=metric.namespace,
            MetricName=metric.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
            StartTime=self.start,
            EndTime=self.end,
            Period=metric.period_s,
            Statistics=[metric.statistic],
        )
        points = [
            ((each["Timestamp"] - self.start).total_seconds(), each[metric.statistic])
            for each in answer["Datapoints"]
        ]
        told_apart = [
            value for name, value in metric.dimensions.items() if name not in {"Provider", "QueueName"}
        ]
        return Series(" ".join([metric.name, *map(_short, told_apart)]), sorted(points))

    def lines(self, query: str) -> tuple[list[str], list[list[str]]]:
        """Returns the columns of a log widget and its newest rows."""
        group = re.findall(r"SOURCE '([^']*)'", query)[0]
        columns = [name.strip() for name in re.findall(r"fields ([^|]*)\|", query)[0].split(",")]
        message = re.findall(r"message = '([^']*)'", query)[0]
        events = self._logs.filter_log_events(logGroupName=group, filterPattern=f'"{message}"')["events"]
        read = [json.loads(event["message"]) for event in events]
        found = sorted(
            (each for each in read if each["message"] == message), key=lambda each: each["timestamp"]
        )
        rows = [each | {"@timestamp": each["timestamp"][11:19]} for each in reversed(found)]
        return columns, [[str(row.get(column, "")) for column in columns] for row in rows]


def svg(account: Account, dashboard_name: str) -> str:
    """Returns a dashboard of the account as a picture."""
    widgets = account.dashboard(dashboard_name)["widgets"]
    height = max(each["y"] + each["height"] for each in widgets) * _ROW
    width = 24 * _COLUMN
    parts = [_widget(account, each) for each in widgets]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f"{_FONT}>"
        f'<rect width="{width}" height="{height}" fill="#f2f3f3"/>{"".join(parts)}</svg>\n'
    )


def _widget(account: Account, widget: Mapping[str, Any]) -> str:
    x, y = widget["x"] * _COLUMN + 4, widget["y"] * _ROW + 4
    width, height = widget["width"] * _COLUMN - 8, widget["height"] * _ROW - 8
    properties = widget["properties"]
    match widget["type"]:
        case "alarm":
            inside = _alarms(account.alarm_states(properties["alarms"]), width)
        case "metric":
            series = [account.series(metric) for metric in account.metrics(properties)]
            inside = _chart([each for each in series if each.points], account, width, height)
        case "log":
            inside = _table(*account.lines(properties["query"]), width, height)
    return (
        f'<g transform="translate({x} {y})"><rect width="{width}" height="{height}" rx="4" fill="#fff" '
        f'stroke="#d5dbdb"/><text x="10" y="20" font-weight="bold">{escape(properties["title"])}</text>'
        f"{inside}</g>"
    )


def _alarms(states: Sequence[tuple[str, str]], width: float) -> str:
    each = (width - 20) / max(len(states), 1)
    return "".join(
        f'<rect x="{10 + index * each:.0f}" y="34" width="{each - 6:.0f}" height="74" rx="3" '
        f'fill="{_STATES[state]}"/>'
        + _text(16 + index * each, 58, _short(name), "#fff", each - 12)
        + _text(16 + index * each, 78, state.replace("_", " ").lower(), "#fff", each - 12)
        for index, (name, state) in enumerate(states)
    )


def _chart(series: Sequence[Series], account: Account, width: float, height: float) -> str:
    rows = -(-min(len(series), _LEGEND_MAX) // 2)
    left, top, right, bottom = 44.0, 34.0, width - 12, height - 26 - 15 * rows
    most = max((value for each in series for _, value in each.points), default=1) or 1
    seconds = (account.end - account.start).total_seconds()

    def place(point: tuple[float, float]) -> str:
        when, value = point
        return f"{left + when / seconds * (right - left):.1f},{bottom - value / most * (bottom - top):.1f}"

    grid = "".join(
        f'<path d="M{left} {level:.1f}H{right}" stroke="#e5e8e8"/>'
        f'<text x="{left - 6}" y="{level + 4:.1f}" text-anchor="end" fill="{_GREY}">'
        f"{_number(most * share)}</text>"
        for share in (0, 0.5, 1)
        for level in [bottom - share * (bottom - top)]
    )
    clock = "".join(
        f'<text x="{left + share * (right - left):.0f}" y="{bottom + 15:.0f}" text-anchor="{anchor}" '
        f'fill="{_GREY}">{account.start + timedelta(seconds=seconds * share):%H:%M}</text>'
        for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    )
    lines = "".join(
        f'<polyline points="{" ".join(map(place, each.points))}" fill="none" stroke="{colour}"/>'
        + "".join(
            f'<circle cx="{x}" cy="{y}" r="2.2" fill="{colour}"/>'
            for x, y in (place(point).split(",") for point in each.points)
        )
        for each, colour in _coloured(series)
    )
    return grid + clock + lines + _legend(series, width, bottom + 30)


def _legend(series: Sequence[Series], width: float, top: float) -> str:
    parts = []
    for index, (each, colour) in enumerate(_coloured(series)[:_LEGEND_MAX]):
        x, y = 12 + index % 2 * (width - 20) / 2, top + index // 2 * 15
        parts.append(f'<rect x="{x:.0f}" y="{y - 8:.0f}" width="9" height="9" fill="{colour}"/>')
        parts.append(_text(x + 13, y, each.label, "#16191f", (width - 20) / 2 - 20))
    return "".join(parts)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: float, height: float) -> str:
    shares = [0.15, 0.15, 0.16, 0.12, 0.42]
    starts = [sum(shares[:index]) for index in range(len(columns))]
    parts = []
    for number, row in enumerate([columns, *rows[: int((height - 44) / 20)]]):
        for cell, start, share in zip(row, starts, shares, strict=True):
            colour = "#16191f" if number else _GREY
            parts.append(
                _text(10 + start * (width - 20), 44 + 20 * number, cell, colour, share * (width - 20) - 8)
            )
    return "".join(parts)


def _text(x: float, y: float, text: str, colour: str, width: float) -> str:
    room = int(width / _CHARACTER)
    shown = text if len(text) <= room else f"{text[: room - 1]}…"
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(shown)}</text>'


def _coloured(series: Sequence[Series]) -> list[tuple[Series, str]]:
    return [(each, _COLOURS[index % len(_COLOURS)]) for index, each in enumerate(series)]


def _short(name: str) -> str:
    """Returns a physical name without what CloudFormation put around the logical one."""
    parts = re.match(r"^.+-(\w+)-[0-9A-Z]{12}$", name)
    return parts[1] if parts else name


def _number(value: float) -> str:
    return f"{value:.3g}" if value < _WHOLE else f"{value:,.0f}"
