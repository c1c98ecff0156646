"""What a bench says of its figures."""

import io
import json

from rich.console import Console

from tools.artefacts.built import Size
from tools.bench.report import Report, figure, ratios
from tools.bench.runs import CREATE_WARM, LIBRARY, WAKE_UP, Sample

MIB = 2**20
SIZES = [Size(part, 2 * MIB, MIB) for part in ("provider", "engine", "layer")]


def report(wake_up_s, library_s):
    wake_ups = [Sample(time_s, 0.1, 40 * MIB, 1) for time_s in wake_up_s]
    looks = [Sample(time_s, 0.4, 100 * MIB, 1) for time_s in library_s]
    figures = [
        figure(WAKE_UP, wake_ups),
        figure(LIBRARY, looks),
        figure(CREATE_WARM, [Sample(1.5, None, None, None)]),
    ]
    return Report(len(wake_ups), "Python", figures, ratios(figures), SIZES)


def shown(shown_report, **options):
    output = io.StringIO()
    shown_report.show(Console(file=output, width=200, **options))
    return output.getvalue()


def test_a_figure_is_the_median_with_the_least_and_the_most():
    taken = figure("it", [Sample(time_s, time_s, MIB, 2) for time_s in (5.0, 1.0, 2.0)])
    assert (taken.time_s.median, taken.time_s.min, taken.time_s.max) == (2.0, 1.0, 5.0)
    assert (taken.peak_mib.median, taken.processes) == (1.0, 2)


def test_the_target_is_a_third_of_the_library_by_medians():
    met = {ratio.what: ratio.met for ratio in report([0.3, 0.31, 9.0], [1.0, 1.0, 1.0]).ratios}
    assert met == {"time": True, "processor time": True, "peak memory": False}
    assert not report([0.34], [1.0]).ratios[0].met


def test_plain_lines_say_every_figure_and_whether_the_target_is_met():
    text = shown(report([0.3], [1.0]))
    assert "0.300  0.300  0.300" in text
    assert "time: 0.30, at most 0.33: met" in text
    assert "peak memory: 0.40, at most 0.33: not met" in text
    assert "of 250" in text


def test_a_terminal_gets_a_table():
    assert "│" in shown(report([0.3], [1.0]), force_terminal=True)


def test_the_file_holds_what_is_shown(tmp_path):
    report([0.3], [1.0]).write(tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["figures"][0]["time_s"] == {"median": 0.3, "min": 0.3, "max": 0.3}
    assert written["figures"][2]["peak_mib"] is None
    assert [ratio["met"] for ratio in written["ratios"]] == [True, True, False]
