"""What the documents say of the code is true."""

import json
import re
from pathlib import Path

from cluster_provider.core import attributes, image_properties
from cluster_provider.core.attributes import cluster_attributes, information_attributes
from cluster_provider.core.errors import ERRORS
from cluster_provider.core.identity import Kind
from cluster_provider.core.measurements import Metric
from cluster_provider.core.properties import SCHEMA
from cluster_provider.core.questions import CLUSTER_INFO, OFFICIAL_IMAGE

REFERENCE = Path("docs/reference")
CLUSTER = (REFERENCE / "cluster.md").read_text()
OTHERS = "".join(
    (REFERENCE / f"{name}.md").read_text() for name in ("cluster-info", "image", "official-image")
)
ERROR_CODES = (REFERENCE / "errors.md").read_text()
DECISIONS = Path("docs/explanation/decision-table.md").read_text()


def test_every_row_of_the_decision_table_names_a_test_that_exists() -> None:
    table = DECISIONS[DECISIONS.index("## Decisions") :]
    rows = [line for line in table.splitlines() if re.match(r"\| (any|Create|Update|Delete)", line)]
    scenarios = "\n".join(path.read_text() for path in Path("tests/scenario").glob("test_*.py"))
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert len(rows) > 30
    assert [row for row, names in zip(rows, named, strict=True) if len(names) != 1] == []
    assert [name for (name,) in named if f"def {name}(" not in scenarios] == []


def test_every_interleaving_has_a_test_with_its_number() -> None:
    source = Path("tests/scenario/test_interleavings.py").read_text()
    assert {int(number) for number in re.findall(r"def test_(\d\d)_", source)} == set(range(1, 31))


def test_every_property_and_every_error_code_is_described() -> None:
    assert [name for name in SCHEMA["properties"] if f"`{name}`" not in CLUSTER] == []
    assert [code for code in ERRORS if f"`{code}`" not in ERROR_CODES] == []


def test_every_property_and_attribute_of_the_other_resources_is_described() -> None:
    names = {*CLUSTER_INFO.schema["properties"], *OFFICIAL_IMAGE.schema["properties"]}
    names |= set(information_attributes(Kind.CLUSTER_INFO, None)) - set(cluster_attributes(None, None))
    names |= set(information_attributes(Kind.OFFICIAL_IMAGE, None))
    names |= {*image_properties.RULES.schema["properties"], *attributes.image_attributes(None, None)}
    assert [name for name in names if f"`{name}`" not in OTHERS] == []


def test_every_error_code_has_a_cause_and_a_cure() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in ERROR_CODES.splitlines() if "`" in line
    ]
    explained = {code: row for row in rows if len(row) == 3 for code in re.findall(r"`(\w+)`", row[0])}
    assert [code for code in ERRORS if not all(explained.get(code, [""]))] == []


def test_every_property_is_described_with_its_values_and_what_a_change_does() -> None:
    section = CLUSTER[CLUSTER.index("## Properties") : CLUSTER.index("## Attributes")]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    rows = {line.split("`")[1]: [cell.strip() for cell in line.split("|")[1:-1]] for line in lines}
    for name, schema in SCHEMA["properties"].items():
        row = rows[name]
        assert (name, len(row), all(row)) == (name, 4, True)
        kind = "boolean" if True in schema.get("enum", []) else ""
        information_attributes = [kind] if kind else schema.get("enum", [])
        assert (name, [value for value in information_attributes if value not in row[1]]) == (name, [])
        if name != "ServiceToken":  # CloudFormation's own
            assert (name, "required" in row[1]) == (name, name in SCHEMA["required"])


def test_every_attribute_is_described() -> None:
    described = set(re.findall(r"`([\w.]+)`", CLUSTER))
    suffixes = {name for name in described if name.startswith(".")}
    groups = ("headNode", "loginNodes.N", "loginNodes")

    def known(name: str) -> bool:
        indexed = re.sub(r"^loginNodes\.\d+", "loginNodes.N", name)
        group = next((group for group in groups if indexed.startswith(f"{group}.")), None)
        return indexed in described or (group is not None and indexed[len(group) :] in suffixes)

    assert [name for name in cluster_attributes(None, None) if not known(name)] == []


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
