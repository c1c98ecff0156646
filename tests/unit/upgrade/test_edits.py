"""Changes in a template's text leave everything else as it was."""

import re

import pytest

from cfn_template.limits import Place
from pcluster_cfn.upgrade.edits import NotEditableError, TemplateEdits

SUFFIX = re.compile(r"-\d+-\d+-\d+$")


def place(text, needle, *, after=""):
    """The place of a piece of a text, behind another piece."""
    index = text.index(needle, text.index(after))
    line = text.count("\n", 0, index)
    return Place(line + 1, index - (text.rfind("\n", 0, index) + 1) + 1)


def replaced(text, old, new="new"):
    edits = TemplateEdits(text)
    assert edits.replace(place(text, old), old.strip("'\""), new) is None
    return edits.apply()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A: old # why\nB:   x\n", "A: new # why\nB:   x\n"),
        ("A: 'old'\n", "A: 'new'\n"),
        ('A: {B: "old", C: [1,  2]}\n', 'A: {B: "new", C: [1,  2]}\n'),
        ("A: |\n  # keep\n  B: old\n", "A: |\n  # keep\n  B: new\n"),
        ("A: |\n  B: {C: 'old', D: x}\n", "A: |\n  B: {C: 'new', D: x}\n"),
    ],
)
def test_a_value_is_replaced_where_it_is_written_with_its_quotes(before, after):
    old = next(each for each in ('"old"', "'old'", "old") if each in before)
    assert replaced(before, old) == after


def test_a_value_of_json_keeps_its_quotes():
    assert replaced('{"A": "old",\n "B": 1}', '"old"') == '{"A": "new",\n "B": 1}'


def test_a_variable_in_a_text_is_named_and_left():
    text = "A: !Sub |\n  B: ${Os}\n"
    edits = TemplateEdits(text)
    assert edits.replace(place(text, "${Os}"), "old", "new") == "Os"
    assert edits.apply() == text


@pytest.mark.parametrize("text", ["A: !Ref old\n", "A: |\n  B: older\n", "A: other # old\n"])
def test_what_is_not_written_as_it_is_is_left(text):
    edits = TemplateEdits(text)
    with pytest.raises(NotEditableError, match="not written there as it is"):
        edits.replace(place(text, text.split()[-1] if "|" in text else text.split()[1]), "old", "new")


def test_two_different_values_for_one_place_are_refused():
    text = "A: old\n"
    edits = TemplateEdits(text)
    edits.replace(place(text, "old"), "old", "new")
    edits.replace(place(text, "old"), "old", "new")
    with pytest.raises(NotEditableError, match="two clusters need different values"):
        edits.replace(place(text, "old"), "old", "other")


PARAMETERS = """\
Parameters:
  Os:
    Type: String
    Default: alinux2  # ours
    AllowedValues:{allowed}
"""


@pytest.mark.parametrize(
    ("allowed", "changed"),
    [
        (" [alinux2, rhel8]", " [alinux2, rhel8, rhel9]"),
        (
            "\n      - alinux2\n      - 'rhel8' # other",
            "\n      - alinux2\n      - 'rhel8'\n      - 'rhel9' # other",
        ),
        (" [alinux2, rhel9]", " [alinux2, rhel9]"),
    ],
)
def test_a_parameter_gets_another_default_and_allows_it(allowed, changed):
    text = PARAMETERS.format(allowed=allowed)
    edits = TemplateEdits(text)
    assert edits.default("Os", "alinux2", "rhel9") == place(text, "alinux2")
    assert edits.apply() == PARAMETERS.format(allowed=changed).replace("Default: alinux2", "Default: rhel9")


def test_another_default_is_left():
    text = PARAMETERS.format(allowed=" [alinux2, rhel9]")
    edits = TemplateEdits(text)
    assert edits.default("Os", "rhel8", "rhel9") is None
    assert edits.apply() == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("P:\n  A: 1 # one\n  B: 2\n", "P:\n  A: 1 # one\n  N: v\n  B: 2\n"),
        ("P: {A: 1, B: 2}\n", "P: {A: 1, N: v, B: 2}\n"),
        ('{"P": {\n  "A": 1,\n  "B": 2}}', '{"P": {\n  "A": 1,\n  "N": "v",\n  "B": 2}}'),
        ('{"P": {"A": 1, "B": 2}}', '{"P": {"A": 1, "N": "v", "B": 2}}'),
        ("P:\n  A: 1\n", "P:\n  N: v\n  A: 1\n"),
    ],
)
def test_a_key_is_put_before_another_or_else_first(before, after):
    edits = TemplateEdits(before)
    edits.insert(
        place(before, "{" if "P: {" in before or '"P": {' in before else "A", after="P"), "N", "v", before="B"
    )
    assert edits.apply() == after


def test_several_keys_stand_in_the_order_in_which_they_were_put():
    text = "P:\n  A: 1\n"
    edits = TemplateEdits(text)
    for key in ("M", "N"):
        edits.insert(place(text, "A"), key, "v", before="A")
    assert edits.apply() == "P:\n  M: v\n  N: v\n  A: 1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("P:\n  A: 1\n  K: x # why\n\n  # of B\n  B: 2\n", "P:\n  A: 1\n\n  # of B\n  B: 2\n"),
        ("P:\n  K:\n    X: 1\n    # inner\n    Y: [1,\n      2]\n  B: 2\n", "P:\n  B: 2\n"),
        ("P:\n  - K: x\n    B: 2\n  - C: 3\n", "P:\n  - B: 2\n  - C: 3\n"),
        ("P: {A: 1, K: x, B: 2}\n", "P: {A: 1, B: 2}\n"),
        ("P: {A: 1, K: {X: 1}}\n", "P: {A: 1}\n"),
        ('{"P": {"A": 1,\n  "K": "x"\n}}', '{"P": {"A": 1\n}}'),
        ("T: |\n  A: 1\n  K:\n    X: 1\n  B: 2\n", "T: |\n  A: 1\n  B: 2\n"),
    ],
)
def test_a_key_is_removed_with_its_value(before, after):
    edits = TemplateEdits(before)
    edits.remove(place(before, '"K"' if '"K"' in before else "K"))
    assert edits.apply() == after


@pytest.mark.parametrize("text", ["P:\n  - K: x\n  - B: 2\n", "T: |\n  P: {K: x}\n"])
def test_a_key_that_is_alone_in_an_item_or_shares_a_line_is_left(text):
    with pytest.raises(NotEditableError):
        TemplateEdits(text).remove(place(text, "K"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A: !Sub ${S}-hpc # c\n", "A: !Sub ${S}-hpc-3-16-1 # c\n"),
        ("A: !Sub 'c-${S}'\n", "A: !Sub 'c-${S}-3-16-1'\n"),
        ('{"A": {"Fn::Sub": "c-${S}-3-14-0"}}', '{"A": {"Fn::Sub": "c-${S}-3-16-1"}}'),
    ],
)
def test_a_text_gets_an_end_in_place_of_an_earlier_one(before, after):
    edits = TemplateEdits(before)
    start = next(each for each in ('"c-', "!Sub") if each in before)
    edits.append(place(before, start), "-3-16-1", instead=SUFFIX)
    assert edits.apply() == after


def test_lines_that_end_as_on_windows_stay_so():
    assert replaced("A: x\r\nB: old\r\nC: y\r\n", "old") == "A: x\r\nB: new\r\nC: y\r\n"
