"""A scenario that shows a row of the decision table passes through the function that the row names."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from tests.support.decision_table import Row, rows

_BY_TEST: dict[str, list[Row]] = {}
for _row in rows():
    _BY_TEST.setdefault(_row.test, []).append(_row)


@pytest.fixture(autouse=True)
def _decided_as_the_table_says(request: pytest.FixtureRequest) -> Iterator[None]:
    shown = _BY_TEST.get(request.node.originalname, [])
    missing = {row.code: row.function for row in shown}
    if not missing:
        yield
        return

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            missing.pop(frame.f_code, None)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert not missing, f"the decision table says that this is decided by {', '.join(missing.values())}"
