"""What the documents say of the code is true."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from cluster_provider.core.measurements import Metric
from pcluster_cfn.cli import main
from tests.support import decision_table

DECISIONS = Path("docs/explanation/decision-table.md").read_text()


def test_every_row_of_the_decision_table_names_a_test_that_exists() -> None:
    table = DECISIONS[DECISIONS.index("## Decisions") :]
    rows = [line for line in table.splitlines() if re.match(r"\| (any|Create|Update|Delete)", line)]
    scenarios = "\n".join(path.read_text() for path in Path("tests/scenario").glob("test_*.py"))
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert len(rows) == len(decision_table.rows()) > 30, "a row names no function"
    assert [row for row, names in zip(rows, named, strict=True) if len(names) != 1] == []
    assert [name for (name,) in named if f"def {name}(" not in scenarios] == []


def test_every_interleaving_has_a_test_with_its_number() -> None:
    source = Path("tests/scenario/test_interleavings.py").read_text()
    assert {int(number) for number in re.findall(r"def test_(\d\d)_", source)} == set(range(1, 31))


def test_the_key_policy_lets_logs_do_what_the_role_may_do_through_other_services() -> None:
    page = Path("docs/how-to/operations.md").read_text()
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    logs = next(item for item in json.loads(text)["Statement"] if item["Sid"] == "Logs")
    role = Path("template.yaml").read_text().split("Sid: Key\n")[1].split("Condition:")[0]
    for_the_role = re.findall(r"kms:(\w+)", role)
    assert {action.strip("*") for action in for_the_role} == {
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "ReEncrypt",
    }
    assert all(
        any(f"kms:{action}".startswith(wide.strip("*")) for wide in logs["Action"]) for action in for_the_role
    )
    assert all(f"`kms:{action}" in page for action in for_the_role)


def test_every_metric_is_described_with_its_unit() -> None:
    page = Path("docs/how-to/operations.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (Count|Seconds) \|", page, re.MULTILINE))
    assert rows == {metric.value: metric.unit for metric in Metric}


def test_the_readme_is_read_in_four_minutes() -> None:
    prose = re.sub(r"```.*?```|\]\([^)]*\)", "", Path("README.md").read_text(), flags=re.DOTALL)
    assert len(re.findall(r"[A-Za-z][\w'.-]*", prose)) <= 900


def test_the_smallest_template_of_the_readme_has_no_mistakes(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    template = tmp_path / "cluster.yaml"
    template.write_text(text)
    result = CliRunner().invoke(main, ["validate", str(template)])
    assert (result.exit_code, result.stdout) == (0, "")


def test_every_file_that_the_tour_of_the_code_names_exists() -> None:
    page = Path("docs/explanation/how-it-works.md").read_text()
    named = re.findall(r"`([\w/]+(?:\.py|/))`", page[page.index("## Where things are") :])
    front = Path("provider/front/cluster_provider")
    assert len(named) > 10
    assert [name for name in named if not (front / name).exists() and not Path(name).exists()] == []
