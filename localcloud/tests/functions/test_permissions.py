"""Which statements of a function's resource policy let a service invoke it."""

import pytest

from localcloud.functions.permissions import lets_invoke
from localcloud.iam.policy import UnsupportedPolicyError

RULE = "arn:aws:events:us-east-1:123456789012:rule/mine"
STATEMENT = {
    "Effect": "Allow",
    "Action": "lambda:InvokeFunction",
    "Principal": {"Service": "events.amazonaws.com"},
}


def permitted(*statements):
    return lets_invoke(list(statements), "events.amazonaws.com", RULE, "123456789012")


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        {**STATEMENT, "Principal": "*"},
        {**STATEMENT, "Action": ["lambda:GetFunction", "lambda:InvokeFunction"]},
        {**STATEMENT, "Condition": {"ArnLike": {"AWS:SourceArn": RULE}}},
        {**STATEMENT, "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:events:*:123456789012:rule/*"}}},
        {**STATEMENT, "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}}},
    ],
)
def test_allowed(statement):
    assert permitted(statement)


@pytest.mark.parametrize(
    "statement",
    [
        {**STATEMENT, "Principal": {"Service": "s3.amazonaws.com"}},
        {**STATEMENT, "Principal": {"AWS": "123456789012"}},
        {**STATEMENT, "Action": "lambda:GetFunction"},
        {**STATEMENT, "Condition": {"ArnLike": {"AWS:SourceArn": f"{RULE}-of-another"}}},
        {**STATEMENT, "Condition": {"StringEquals": {"AWS:SourceAccount": "210987654321"}}},
        {**STATEMENT, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_not_allowed(statement):
    assert not permitted(statement)


def test_nothing_is_allowed_by_default_and_a_denial_wins():
    assert not permitted()
    assert not permitted(STATEMENT, {**STATEMENT, "Effect": "Deny"})


def test_a_condition_that_is_not_understood_is_an_error_rather_than_a_permission():
    with pytest.raises(UnsupportedPolicyError, match="IpAddress"):
        permitted({**STATEMENT, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
