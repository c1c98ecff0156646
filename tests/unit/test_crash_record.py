"""When the long crash run last passed: a record never claims more than was run."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.scenario.last_run import SUBJECT, StoryRun, code, digest, load, report, save, standing

RUN = StoryRun("2026-11-02", "0123456789ab", "cafe", single=180, pairs=3672, failures=0, seconds=54)


def test_a_run_is_read_as_it_was_recorded_and_replaces_the_last_one_of_its_story_only(tmp_path: Path) -> None:
    path = tmp_path / "last-run.json"
    assert load(path) == {}
    save("an update", RUN, path)
    save("a create", RUN, path)
    later = replace(RUN, date="2026-11-03", failures=2)
    save("a create", later, path)
    assert load(path) == {"a create": later, "an update": RUN}
    assert path.read_text().endswith("}\n")


@pytest.mark.parametrize(
    ("run", "present", "expected"),
    [
        (RUN, "cafe", "passed"),
        (RUN, "beef", "older than the code"),
        (replace(RUN, failures=3), "cafe", "3 FAILURES"),
        (replace(RUN, failures=3), "beef", "older than the code"),
        (None, "cafe", "never run"),
    ],
)
def test_a_record_counts_only_for_the_code_that_was_run(
    run: StoryRun | None, present: str, expected: str
) -> None:
    assert standing(run, present) == expected


def test_the_report_names_every_story_with_its_last_run_and_passes_only_if_all_did() -> None:
    runs = {"a create": RUN, "a story that was removed": RUN}
    lines, passed = report(["a create", "a delete"], runs, "cafe")
    assert not passed
    assert lines == [
        "passed               a create: 3852 runs, 0 failures, 2026-11-02, 0123456789ab",
        "never run            a delete",
        "1 of 2 stories passed with the present code",
    ]
    assert report(["a create"], runs, "cafe")[1]
    assert not report(["a create"], runs, "beef")[1]


def test_the_digest_follows_every_file_that_a_story_is_told_with(tmp_path: Path) -> None:
    core = tmp_path / "provider/front/cluster_provider/core/deadline.py"
    world = tmp_path / "tests/support/world.py"
    for path in (core, world):
        path.parent.mkdir(parents=True)
        path.write_text("MARGIN_S = 210\n")
    seen = [digest(tmp_path)]
    core.write_text("MARGIN_S = 211\n")
    seen.append(digest(tmp_path))
    world.rename(world.with_name("faults.py"))
    seen.append(digest(tmp_path))
    (tmp_path / "tests/support/other.py").write_text("")  # no story is told with it
    assert digest(tmp_path) == seen[-1]
    assert len(set(seen)) == len(seen)


BODY = """def late(at):
    if at > 1:
        return f"{at} s"
    return "never"
"""


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        ('"""What it is."""\n\n' + BODY, True),
        ("# Why.\n" + BODY.replace("at > 1:", "at > 1:  # soon"), True),
        (BODY.replace("(at):", '(at):\n    """Whether."""'), True),
        (BODY.replace('    return "never"', '\n    return "never"'), True),
        (BODY.replace("never", "soon"), False),
        (BODY.replace("> 1", ">= 1"), False),
        (BODY.replace('    return "never"', '        return "never"'), False),
    ],
)
def test_what_is_said_about_code_is_no_code(text: str, is_same: bool) -> None:
    assert (code(text) == code(BODY)) is is_same


def test_every_part_of_the_subject_is_there() -> None:
    assert [pattern for pattern in SUBJECT if not list(Path().glob(pattern))] == []
