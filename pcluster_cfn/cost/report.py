"""Costs as lines for people and as JSON values."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from pcluster_cfn.cost.estimate import BOUND, Estimate, Line
from pcluster_cfn.cost.meters import MONTH_H
from pcluster_cfn.cost.price_list import PRICE_LIST, SPOT_HISTORY
from pcluster_cfn.cost.quotes import Quotes

_TABLE = "dated table"


def summary(cost: Estimate) -> str:
    """Returns what something costs, in one line."""
    at_rest, at_scale = _amounts(cost.at_rest), _amounts(cost.at_scale)
    return f"{at_rest} at rest; at most {at_scale}{_gaps(cost)}"


def change(before: Estimate, after: Estimate) -> str:
    """Returns what something costs before and after a change, in one line."""
    return (
        f"{_amounts(before.at_rest, after.at_rest)} at rest; "
        f"at most {_amounts(before.at_scale, after.at_scale)}{_gaps(before + after)}"
    )


def parts(cost: Estimate) -> Iterator[str]:
    """Yields a line for each part, the dearest first."""
    for line in cost.largest(len(cost.lines)):
        text = f"{_usd(line.at_rest):>12} {_usd(line.at_scale):>12}  {line.part.name}: {_quantity(line)}"
        yield f"{text} ({BOUND})" if line.is_bound else text


def not_priced(cost: Estimate) -> Iterator[str]:
    """Yields a line for each part that is in no sum."""
    yield from (f"{each.name}: {each.reason}" for each in cost.not_priced)


def not_priced_names(cost: Estimate) -> str:
    """Returns the names of what is in no sum, in one line."""
    return f"Not priced: {'; '.join(dict.fromkeys(each.name for each in cost.not_priced))}"


def origin(cost: Estimate, quotes: Quotes) -> str:
    """Returns where the prices come from and of which days they are, in one line."""
    days: dict[str, list[date]] = {}
    for line in cost.lines:
        days.setdefault(_kind(line.price.source), []).append(line.price.as_of)
    said = [f"{kind} ({_span(found)})" for kind, found in sorted(days.items())]
    note = f"; {quotes.note}" if quotes.note else ""
    return f"Prices of {quotes.region} without tax and discounts: {', '.join(said) or 'none are known'}{note}"


def document(cost: Estimate) -> dict[str, Any]:
    """Returns a cost as JSON values."""
    return {
        "currency": "USD",
        "atRest": _sums(cost.at_rest),
        "atScale": _sums(cost.at_scale),
        "parts": [_part(line) for line in cost.largest(len(cost.lines))],
        "isComplete": not cost.gaps,
        "notPriced": [
            {"name": each.name, "reason": each.reason, "isGap": each.is_gap} for each in cost.not_priced
        ],
    }


def quotes_document(quotes: Quotes) -> dict[str, Any]:
    """Returns where prices come from as JSON values."""
    return {"region": quotes.region, "note": quotes.note}


def _part(line: Line) -> dict[str, Any]:
    return {
        "name": line.part.name,
        "unit": str(line.meter),
        "quantityAtRest": float(line.part.at_rest),
        "quantityAtScale": float(line.part.at_scale),
        "unitPrice": float(line.price.usd),
        "atRest": _sums(line.at_rest),
        "atScale": _sums(line.at_scale),
        "isBound": line.is_bound,
        "source": line.price.source,
        "asOf": line.price.as_of.isoformat(),
    }


def _sums(usd_h: Decimal) -> dict[str, float]:
    return {"hourly": float(round(usd_h, 6)), "monthly": float(round(usd_h * MONTH_H, 2))}


def _gaps(cost: Estimate) -> str:
    """Returns what the sums are too small without."""
    names = "; ".join(dict.fromkeys(each.name for each in cost.gaps))
    return f", without {names}" if names else ""


def _quantity(line: Line) -> str:
    rest, scale = line.part.at_rest, line.part.at_scale
    return line.meter.amount(scale) if rest == scale else f"{rest:f} to {line.meter.amount(scale)}"


def _amounts(*usd_h: Decimal) -> str:
    hours = " → ".join(dict.fromkeys(_usd(each) for each in usd_h))
    months = " → ".join(dict.fromkeys(f"{each * MONTH_H:,.0f}" for each in usd_h))
    return f"{hours} USD/h ({months} a month)"


def _usd(usd_h: Decimal) -> str:
    return f"{usd_h:,.3f}"


def _kind(source: str) -> str:
    return source if source in {PRICE_LIST, SPOT_HISTORY, "SpotPrice"} else _TABLE


def _span(days: Iterable[date]) -> str:
    return " to ".join(dict.fromkeys([min(days).isoformat(), max(days).isoformat()]))
