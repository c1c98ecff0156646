import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutants.accepted import AcceptedError, read

ROOT = Path(__file__).parents[3]

PRICE = """
LIMIT = 10


def total(price, count):
    return price * count


def is_many(count) -> bool:
    return count > LIMIT


def unseen(count):
    return count + 1


def wait(count):
    while count < 3:
        count += 1
    return count


class Basket(dict):
    def __init__(self):
        super().__init__(size=1)

    @property
    def is_empty(self) -> bool:
        return True
"""
STRONG = """
import toy.price
from toy.price import Basket, total, wait

def test_a_total_is_price_times_count():
    assert total(3, 5) == 15

def test_waiting_ends_with_three():
    assert wait(0) == 3

def test_a_basket_is_empty():
    assert Basket().is_empty
    assert Basket() == {"size": 1}
"""
WEAK = """
from toy.price import is_many

def test_eleven_are_many():
    assert is_many(11)
"""
SURVIVORS = """\
price.py:2
  - LIMIT = 10
  + LIMIT = 9
price.py:10 is_many
  - return count > LIMIT
  + return True
price.py:10 is_many
  - return count > LIMIT
  + return count >= LIMIT
price.py:14 unseen
  - return count + 1
  + return None
price.py:14 unseen
  - return count + 1
  + return count - 1
price.py:14 unseen
  - return count + 1
  + return count + 2
price.py:14 unseen
  - return count + 1
  + return count + 0
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package with a well and a poorly tested function, in a project of its own."""
    for directory in ("toy", "tests"):
        (tmp_path / directory).mkdir()
    (tmp_path / "toy" / "__init__.py").touch()
    (tmp_path / "toy" / "price.py").write_text(PRICE)
    (tmp_path / "tests" / "test_strong.py").write_text(STRONG)
    (tmp_path / "tests" / "test_weak.py").write_text(WEAK)
    return tmp_path


def mutate(toy: Path, *more: str) -> tuple[int, list[str]]:
    """Runs the tool on the toy; its exit code and what it prints."""
    places = {"root": "", "package": "toy", "changed": "toy/price.py", "tests": "tests", "into": "kept"}
    places |= {"accepted": "accepted.yaml"}
    options = [f"--{name}={toy / place}" for name, place in places.items()]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.mutants",
            *options,
            "--shared",
            "--left-out",
            "--preloaded",
            "--jobs=2",
            *more,
        ],
        cwd=toy,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{toy}", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.returncode, [line.rstrip() for line in done.stdout.splitlines()]


def test_what_no_test_notices_is_reported_and_the_score_is_below_the_minimum(toy: Path) -> None:
    code, lines = mutate(toy)
    assert code == 1
    assert "\n".join(SURVIVORS.splitlines()) in "\n".join(lines)
    assert "price.py       24      17         0         7  70.8 %" in lines
    assert lines[-1].startswith("The score is below 95 %")


def test_an_accepted_survivor_does_not_count_and_one_that_is_no_more_is_an_error(toy: Path) -> None:
    entry = "- {{function: unseen, line: return count + 1, becomes: {}, reason: it is dead}}\n"
    known = ["return None", "return count - 1", "return count + 2", "return count + 0"]
    entries = [entry.format(becomes) for becomes in known]
    (toy / "accepted.yaml").write_text("price.py:\n" + "".join(entries))
    code, lines = mutate(toy, "--minimum=80")
    assert (code, "price.py       24      17         4         3  85.0 %" in lines) == (0, True)
    (toy / "accepted.yaml").write_text("price.py:\n" + "".join([*entries, entry.format("return count + 3")]))
    code, lines = mutate(toy, "--minimum=80")
    assert code == 1
    assert lines[-3] == "accepted, but there is no such mutant: price.py, unseen"


def test_a_second_run_judges_only_what_changed_since(toy: Path) -> None:
    mutate(toy)
    with (toy / "tests" / "test_weak.py").open("a") as tests:
        tests.write("    assert not is_many(10)\n")
    _, lines = mutate(toy)
    assert "price.py       24      20         0         4  83.3 %" in lines


def test_tests_that_fail_on_unchanged_code_are_an_error(toy: Path) -> None:
    (toy / "tests" / "test_weak.py").write_text("def test_wrong():\n    assert False\n")
    code, lines = mutate(toy)
    assert code == 2
    assert "tests/test_weak.py::test_wrong" in lines[-1]


@pytest.mark.parametrize("entry", ["- {function: f, line: a, becomes: b}", "- {function: f}", "- f"])
def test_an_accepted_survivor_without_a_reason_is_an_error(tmp_path: Path, entry: str) -> None:
    (tmp_path / "accepted.yaml").write_text(f"price:\n{entry}\n")
    with pytest.raises(AcceptedError, match="entry 1 of price must have"):
        read(tmp_path / "accepted.yaml")


def test_a_list_of_accepted_survivors_that_is_no_yaml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "accepted.yaml").write_text("price.py:\n- line: if a: b: c\n")
    with pytest.raises(AcceptedError, match="is not YAML"):
        read(tmp_path / "accepted.yaml")
