"""The report says what was refused, to whom and why it was asked, and what is allowed for nothing."""

from localcloud.iam.policy import Request
from tools.permissions.report import Asked, RoleReport, refusals, text
from tools.permissions.roles import Role


def role(*actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::mine/*"}
    return Role("Engine", {"policy": {"Version": "2012-10-17", "Statement": [statement]}})


def asked(action, bucket="mine", function="p-Engine-X"):
    return Asked(Request(action, f"arn:aws:s3:::{bucket}/k"), function, "s3 HeadObject", 2)


def test_a_refusal_names_function_action_resource_and_cause():
    report = RoleReport(
        "Engine", role("s3:GetObject"), [asked("s3:GetObject"), asked("s3:GetObject", "yours")]
    )
    assert refusals([report]) == ("p-Engine-X may not s3:GetObject on arn:aws:s3:::yours/k (s3 HeadObject)")


def test_a_function_with_a_role_of_its_own_is_judged_by_that():
    others = {"q-Engine-Y": role("s3:PutObject")}
    items = [asked("s3:PutObject"), asked("s3:PutObject", function="q-Engine-Y")]
    report = RoleReport("Engine", role("s3:GetObject"), items, others=others)
    assert [item.function for item in report.refused] == ["p-Engine-X"]


def test_what_is_allowed_and_not_asked_for_needs_a_reason():
    allowed = role("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    report = RoleReport("Engine", allowed, [asked("s3:GetObject")], {"s3:PutObject": "because"})
    assert report.unseen == ["s3:deleteobject", "s3:putobject"]
    assert report.unexplained == ["s3:deleteobject"]


def test_a_pattern_stands_for_every_action_that_there_is():
    report = RoleReport("Engine", role("s3:ListBucket*"), [])
    assert {"s3:listbucket", "s3:listbucketversions"} <= set(report.unexplained)


def test_a_reason_for_what_is_not_allowed_any_more_is_stale():
    report = RoleReport("Engine", role("s3:GetObject"), [], {"s3:GetObject": "a", "s3:PutObject": "b"})
    assert report.stale == ["s3:PutObject"]


def test_the_text_counts_requests_and_sizes_and_gives_the_reasons():
    items = [asked("s3:GetObject"), asked("s3:GetObject", "yours")]
    lines = text(
        [RoleReport("Engine", role("s3:GetObject", "s3:PutObject"), items, {"s3:PutObject": "Later."})]
    )
    counts = next(line for line in lines.splitlines() if line.startswith("Engine "))
    assert counts.split() == ["Engine", "4", "2", "2", "2", "1", "1"]
    assert "Engine: policy (inline)" in lines
    assert "  - Later.\n      s3:PutObject" in lines
