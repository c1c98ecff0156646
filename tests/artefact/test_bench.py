"""The bench measures what was built, and notices where a run does something else."""

import json

import pytest
from rich.console import Console

from tests.e2e.account import ARTEFACT
from tools.bench.__main__ import measure
from tools.bench.processes import BenchError, Program, Starter
from tools.bench.runs import (
    CREATE_COLD,
    CREATE_WARM,
    DESCRIBE,
    IMPORT_ENGINE,
    IMPORT_PROVIDER,
    LIBRARY,
    WAKE_UP,
)

PYTHON = ARTEFACT / "runtime" / "bin" / "python"


def test_everything_is_measured_in_processes_that_did_it(tmp_path):
    report = measure(ARTEFACT, 1, (), Console(quiet=True))
    report.write(tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    figures = {figure["what"]: figure for figure in written["figures"]}
    assert figures.keys() == {
        *(IMPORT_PROVIDER, WAKE_UP, LIBRARY),
        *(IMPORT_ENGINE, DESCRIBE, CREATE_COLD, CREATE_WARM),
    }
    assert figures[CREATE_COLD]["processes"] > 1, "Node.js is counted"
    assert figures[DESCRIBE]["processes"] == 1, "a description needs no Node.js"
    assert figures[WAKE_UP]["peak_mib"]["median"] < figures[LIBRARY]["peak_mib"]["median"]
    assert {ratio["what"] for ratio in written["ratios"]} == {"time", "processor time", "peak memory"}


def test_a_process_that_fails_is_no_figure():
    starter = Starter(PYTHON, {})
    with pytest.raises(BenchError, match="No module named 'cluster_engine'"):
        starter.run(Program((ARTEFACT / "provider",), "cluster_engine.handler:handler"))
