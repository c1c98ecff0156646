"""Policies are judged as IAM judges them."""

import pytest

from localcloud.iam.policy import Decision, Policies, Request, UnsupportedPolicyError, lets_service, parse

ROLE = "arn:aws:iam::123456789012:role/r"
READ = Request("s3:GetObject", "arn:aws:s3:::b/k")


def decides(statements, action="s3:GetObject", resource="arn:aws:s3:::b/k", boundary=None, **context):
    keys = {key.replace("__", ":").lower(): value for key, value in context.items()}
    policy = parse({"Version": "2012-10-17", "Statement": statements})
    bound = boundary and parse({"Statement": boundary})
    return Policies([policy], bound).decide(Request(action, resource, keys)) is Decision.ALLOWED


def decision(identity=(), boundary=None, resource=(), request=READ):
    """IAM's decision about a request of the role, with the bucket's own policy."""
    return Policies(
        [parse({"Statement": list(identity)})],
        None if boundary is None else parse({"Statement": boundary}),
        parse({"Statement": list(resource)}, of_resource=True),
        (ROLE,),
    ).decide(request)


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


def to(principal, **elements):
    return allow(Principal=principal, **elements)


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ROLE}, {"AWS": [ROLE, f"{ROLE}2"]}])
def test_within_an_account_a_policy_of_the_resource_is_enough(principal):
    assert decision(resource=[to(principal)]) is Decision.ALLOWED


@pytest.mark.parametrize(
    "principal",
    [{"AWS": f"{ROLE}2"}, {"Service": "s3.amazonaws.com"}, {"AWS": "arn:aws:iam::123456789012:root"}],
)
def test_a_policy_for_others_and_one_for_the_account_grant_the_role_nothing(principal):
    assert decision(resource=[to(principal)]) is Decision.NOT_GRANTED


def test_the_decision_says_which_policy_refused():
    deny = allow(Effect="Deny")
    assert decision([allow(Action="s3:Put*")]) is Decision.NOT_GRANTED
    assert decision([allow(), deny]) is Decision.DENIED
    assert decision([allow()], boundary=[allow(Action="s3:Put*")]) is Decision.NOT_IN_BOUNDARY
    assert decision([allow()], boundary=[allow(), deny]) is Decision.DENIED_BY_BOUNDARY
    assert decision([allow()], resource=[to("*", Effect="Deny")]) is Decision.DENIED_BY_RESOURCE
    assert decision(boundary=[allow(Action="s3:Put*")], resource=[to(ROLE)]) is Decision.NOT_IN_BOUNDARY


def test_a_condition_in_json_may_be_true_or_false_without_quotes():
    without_tls = to("*", Effect="Deny", Condition={"Bool": {"aws:SecureTransport": False}})
    plain = Request(READ.action, READ.resource, {"aws:securetransport": ("false",)})
    secure = Request(READ.action, READ.resource, {"aws:securetransport": ("true",)})
    assert decision([allow()], resource=[without_tls], request=plain) is Decision.DENIED_BY_RESOURCE
    assert decision([allow()], resource=[without_tls], request=secure) is Decision.ALLOWED


def test_a_service_needs_the_resources_policy():
    policy = parse({"Statement": [to({"Service": "events.amazonaws.com"})]}, of_resource=True)
    assert lets_service(policy, "events.amazonaws.com", READ)
    assert not lets_service(policy, "s3.amazonaws.com", READ)


def test_without_the_resource_a_decision_is_made_only_where_it_is_the_same_for_all():
    some = Request("s3:GetObject", "arn:aws:s3:::some/thing", is_exact=False)
    assert decision([allow()], request=some) is Decision.ALLOWED
    assert decision([allow(Action="s3:Put*")], request=some) is Decision.NOT_GRANTED
    for narrow in (
        [allow(Resource="arn:aws:s3:::b/*")],
        [allow(), allow(Effect="Deny", Resource="arn:aws:s3:::b/*")],
    ):
        with pytest.raises(UnsupportedPolicyError, match="the resource, which is not known"):
            decision(narrow, request=some)


def test_an_operator_that_is_not_understood_matters_only_where_its_statement_applies():
    strange = allow(Action="s3:PutObject", Condition={"NumericLessThan": {"aws:Key": "1"}})
    put = Request("s3:PutObject", READ.resource, {"aws:key": ("0",)})
    assert decision([allow(), strange]) is Decision.ALLOWED
    with pytest.raises(UnsupportedPolicyError, match="NumericLessThan"):
        decision([allow(), strange], request=put)
