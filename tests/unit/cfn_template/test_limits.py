"""The reader of templates and the reader of configurations refuse the same texts, in the same words.

They are two, because each is shipped without the other (docs/decisions/0025).
"""

import pytest

import cfn_template.limits
import cluster_schema.limits
from cfn_template.composing import compose as compose_template
from cluster_schema.composing import compose as compose_configuration

LIMITS = (
    "TEXT_MAX_BYTES",
    "DEPTH_MAX",
    "VALUES_MAX",
    "WRITTEN_OUT_MAX_CHARACTERS",
    "KEY_MAX_CHARACTERS",
    "DIGITS_MAX",
)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
TEXTS = {
    "too long": f"a: {'x' * cluster_schema.limits.TEXT_MAX_BYTES}",
    "too deep": "a:\n" + "[" * 101,
    "too many values": BOMB,
    "too many characters": f"a: &a {'x' * 600_000}\nb: *a",
    "a long key": f"{'k' * 1025}: 1",
    "a long number": f"a: {'1' * 1001}",
    "a list as a key": "[a, b]: 1",
    "no YAML": "a: [1,",
    "a character that YAML cannot hold": "a: 1\nb: \x07",
    "half a character": "a: \ud800",
    "half a character, escaped": 'a: "\\ud800"',
    "two documents": "a: 1\n---\nb: 2",
    "an alias of nothing": "a: *b",
    "an alias of what it is in": "a: &a [*a]",
    "an anchor twice": "a: &x 1\nb: &x 2",
    "a merge of a text": "a:\n  <<: text",
}


@pytest.mark.parametrize("name", LIMITS)
def test_both_readers_have_the_same_limits(name):
    assert getattr(cfn_template.limits, name) == getattr(cluster_schema.limits, name)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_both_readers_refuse_the_same_texts_in_the_same_words_at_the_same_place(text):
    with pytest.raises(cfn_template.limits.TemplateError) as of_template:
        compose_template(text)
    with pytest.raises(cluster_schema.limits.UnreadableError) as of_configuration:
        compose_configuration(text)
    assert of_template.value.problem == of_configuration.value.problem
    place, mark = of_template.value.place, of_configuration.value.mark
    assert (place and (place.line - 1, place.column - 1)) == (mark and (mark.line, mark.column))
