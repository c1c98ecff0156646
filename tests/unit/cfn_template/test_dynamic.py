"""Dynamic references: resolved where that is possible, unknown as a whole where not."""

from cfn_template.dynamic import references_in, resolve_references
from cfn_template.reading import read
from cfn_template.values import Unknown, place_of

SSM = "{{resolve:ssm:/hpc/name:3}}"
SECRET = "{{resolve:secretsmanager:arn:aws:x:SecretString:key::}}"


def test_references_are_found_with_their_service_and_name():
    (first, second) = references_in(f"a {SSM} b {SECRET}")
    assert (first.service, first.name, first.text) == ("ssm", "/hpc/name:3", SSM)
    assert (second.service, second.name) == ("secretsmanager", "arn:aws:x:SecretString:key::")
    assert references_in("{{resolve}} {{resolve:ssm}} {resolve:ssm:x}") == []


def test_what_is_known_takes_the_place_of_its_reference():
    value = read(f"a: ['x-{SSM}', 5]")
    resolved = resolve_references(value, lambda reference: reference.name)
    assert resolved == {"a": ["x-/hpc/name:3", 5]}
    assert place_of(resolved, ("a", 0)) == place_of(value, ("a", 0))


def test_a_value_that_looks_like_a_reference_is_not_resolved_again():
    text = "{{resolve:ssm:first}} {{resolve:ssm:second}} end"
    values = {"first": "{{resolve:ssm:second}}", "second": "2"}
    resolved = resolve_references(text, lambda reference: values[reference.name])
    assert resolved == "{{resolve:ssm:second}} 2 end"


def test_text_with_a_reference_that_is_not_known_is_unknown():
    unknown = Unknown("not looked up")
    assert resolve_references({"a": f"x {SSM}"}, lambda _: unknown) == {"a": unknown}


def test_a_reference_that_stays_stays_as_it_is_written():
    assert resolve_references([SECRET], lambda reference: reference.text) == [SECRET]
