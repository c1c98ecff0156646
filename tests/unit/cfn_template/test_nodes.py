from cfn_template.composing import compose
from cfn_template.nodes import serialize


def test_what_occurs_twice_in_a_template_is_written_twice():
    text = "A: &a !If [C, {B: &b 'x'}, !Ref D]\nE: *a\nF: {G: *b, H: *b}\n"
    condition = "!If\n- C\n- B: 'x'\n- !Ref 'D'\n"
    assert serialize(compose(text)) == f"A: {condition}E: {condition}F:\n  G: 'x'\n  H: 'x'\n"
