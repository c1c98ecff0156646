"""The report of runtimes: which functions are good on a day, and what is said of those that are not."""

from datetime import date

import pytest
import yaml

from tools.runtimes.installed import versions
from tools.runtimes.report import find, lines
from tools.runtimes.templates import Uploaded

ARCHIVE = "clusters/hpc-1/custom_resources/artifacts.zip"
TODAY = date(2026, 11, 29)


def uploaded(name="stack", key=ARCHIVE, **functions):
    resources = {
        logical_id: {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Runtime": runtime, "Code": {"S3Bucket": "bucket", "S3Key": key}},
        }
        for logical_id, runtime in functions.items()
    }
    return Uploaded("cluster", name, yaml.dump({"Resources": resources}))


def reported(template, on):
    findings = list(find([template], on))
    *_, said = lines("3.6.0", [template], findings, on)
    return [finding.is_good(on) for finding in findings], said


@pytest.mark.parametrize(
    ("template", "on", "good", "said"),
    [
        (
            uploaded(Clean="python3.12"),
            TODAY,
            True,
            "not created from 2028-11-30, not updated from 2029-01-10; kept",
        ),
        (uploaded(Clean="python3.9"), date(2027, 2, 1), True, "not created from 2027-02-01"),
        (uploaded(Clean="python3.9"), date(2027, 2, 1), True, "; raised to python3.12"),
        (uploaded(Clean="python3.12"), date(2028, 11, 30), False, "BLOCKED: the engine refuses new stacks"),
        (uploaded(Mine="python3.9", key="mine.zip"), date(2027, 2, 1), False, "BLOCKED, and not raised"),
        (
            uploaded(Clean="python4.0"),
            TODAY,
            False,
            "python4.0, which cluster_engine/runtimes.py does not know",
        ),
        (uploaded("nested stack", Clean="python3.9"), TODAY, True, "Clean in its nested stack"),
    ],
)
def test_a_function_is_good_where_lambda_creates_what_the_engine_sends(template, on, good, said):
    found, line = reported(template, on)
    assert found == [good]
    assert said in line


def test_every_release_that_has_a_layer_is_looked_at_newest_first():
    assert versions() == ["3.16.1", "3.14.0", "3.6.0"]
