"""Every recorded fact is proved here, or GAPS.md says that it is not taken up."""

import re
from pathlib import Path

HERE = Path(__file__).parent
GAPS = HERE.parents[1] / "GAPS.md"
#: The facts by their numbers. Those that are missing in between repeat another one.
FACTS = {
    *(
        1,
        2,
        4,
        5,
        7,
        8,
        10,
        11,
        13,
        14,
        16,
        17,
        19,
        20,
        22,
        23,
        25,
        26,
        28,
        29,
        31,
        32,
        34,
        35,
        37,
        38,
        40,
        41,
    ),
    *(43, 44, 46, 47, 49, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64, 65, 67, 68, 70),
}
#: Facts about change sets and updates, which tests/cloudformation proves.
CHANGE_SETS = {1, 11, 31, 32, 35, 37, 38, 40, 41, 43, 65}


def numbers(pattern, *files):
    return {int(found) for file in files for found in re.findall(pattern, file.read_text(), re.MULTILINE)}


def test_every_fact_is_proved_or_in_the_gaps():
    proved = numbers(r"recording\((\d+)\)", *HERE.glob("test_*.py"))
    left = numbers(r"^\| (\d+) \|", GAPS)
    assert proved | left | CHANGE_SETS == FACTS
    assert proved & left == set()
