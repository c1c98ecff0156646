"""What the pages on publishing and upgrading say is true."""

import json
import re
from pathlib import Path

from pcluster_cfn.publishing.command import publish

PAGE = Path("docs/how-to/publish.md").read_text()


def test_every_option_is_described_with_its_default():
    described = dict(re.findall(r"^\| `(--[a-z-]+)` \| (.*?) \|", PAGE, re.MULTILINE))
    options = {option.opts[0]: option for option in publish.params}
    assert described.keys() == options.keys()
    assert described["--prefix"] == f"`{options['--prefix'].default}`"


def test_the_bucket_s_policy_lets_others_read_and_nobody_replace():
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    read, replace = json.loads(text)["Statement"]
    assert (read["Effect"], read["Action"]) == ("Allow", "s3:GetObject")
    assert "*" not in read["Principal"]["AWS"]
    assert (replace["Effect"], replace["Action"]) == ("Deny", "s3:PutObject")
    assert replace["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_every_test_that_the_page_on_upgrading_names_exists():
    named = re.findall(r"`(test_\w+)`", Path("docs/how-to/upgrading.md").read_text())
    tests = "\n".join(path.read_text() for path in Path("tests/e2e").glob("test_*.py"))
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
