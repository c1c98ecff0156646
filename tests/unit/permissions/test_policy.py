"""Policies are judged as IAM judges them."""

import pytest

from tools.permissions.policy import Request, UnsupportedPolicyError, allows, parse


def decides(statements, action="s3:GetObject", resource="arn:aws:s3:::b/k", boundary=None, **context):
    keys = {key.replace("__", ":").lower(): value for key, value in context.items()}
    policy = parse({"Version": "2012-10-17", "Statement": statements})
    bound = boundary and parse({"Statement": boundary})
    return allows([policy], bound, Request(action, resource, keys))


def allow(**elements):
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}


def test_nothing_is_allowed_that_no_statement_allows():
    assert not decides([])
    assert decides([allow()])
    assert not decides([allow()], action="s3:PutObject")


def test_a_deny_wins_over_every_allow():
    assert not decides([allow(), allow(Effect="Deny", Action="s3:*")])
    assert decides([allow(), allow(Effect="Deny", Action="s3:Put*")])


def test_actions_are_compared_whatever_their_case_and_resources_are_not():
    assert decides([allow(Action="S3:getobject")])
    assert not decides([allow(Resource="arn:aws:s3:::B/k")])


def test_wildcards_stand_for_anything_and_for_one_character():
    assert decides([allow(Action=["ec2:*", "s3:Get*"], Resource="arn:aws:s3:::b/*")])
    assert decides([allow(Resource="arn:aws:s3:::?/k")])
    assert not decides([allow(Resource="arn:aws:s3:::??/k")])
    assert not decides([allow(Resource="arn:aws:s3:::[b]/k")])


def test_not_action_and_not_resource_are_about_everything_else():
    statement = {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}
    assert decides([statement])
    assert not decides([statement], action="s3:PutObject")
    assert not decides([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}])


def test_a_boundary_allows_nothing_and_forbids_what_it_does_not_allow():
    assert decides([allow()], boundary=[allow()])
    assert not decides([allow()], boundary=[allow(Action="s3:Put*")])
    assert not decides([], boundary=[allow()])


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "holds"),
    [
        ("StringEquals", ["a", "b"], ("b",), True),
        ("StringEquals", "a", ("A",), False),
        ("StringEquals", "a", (), False),
        ("StringEqualsIfExists", "a", (), True),
        ("StringEqualsIfExists", "a", ("b",), False),
        ("StringNotEquals", "a", ("b",), True),
        ("StringNotEquals", "a", (), True),
        ("StringLike", "a*", ("abc",), True),
        ("StringNotLike", "a*", ("abc",), False),
        ("ArnLike", "arn:aws:iam::*:policy/p*", ("arn:aws:iam::1:policy/p1",), True),
        ("ArnLike", "arn:*:policy/p1", ("arn:aws:iam::1:policy/p1",), False),
        ("Bool", "true", ("true",), True),
        ("Null", "true", (), True),
        ("Null", "true", ("a",), False),
        ("Null", "false", ("a",), True),
        ("ForAnyValue:StringEquals", "a", ("b", "a"), True),
        ("ForAnyValue:StringEquals", "a", (), False),
        ("ForAllValues:StringEquals", "a", ("b", "a"), False),
        ("ForAllValues:StringEquals", "a", (), True),
    ],
)
def test_conditions_hold_as_iam_documents_them(operator, wanted, given, holds):
    condition = {operator: {"aws:Key": wanted}}
    assert decides([allow(Condition=condition)], aws__key=given) is holds


def test_all_conditions_of_a_statement_must_hold():
    condition = {"StringEquals": {"aws:A": "1"}, "Null": {"aws:B": "true"}}
    assert decides([allow(Condition=condition)], aws__a=("1",))
    assert not decides([allow(Condition=condition)], aws__a=("1",), aws__b=("2",))


def test_what_is_not_understood_is_refused_and_never_guessed():
    with pytest.raises(UnsupportedPolicyError, match="NumericLessThan"):
        decides([allow(Condition={"NumericLessThan": {"aws:Key": "1"}})], aws__key=("0",))
    with pytest.raises(UnsupportedPolicyError, match="Principal"):
        parse({"Statement": [allow(Principal="*")]})
    with pytest.raises(UnsupportedPolicyError, match="variables"):
        parse({"Statement": [allow(Resource="arn:aws:s3:::${aws:username}")]})
