"""``validate`` notes what is known of a cluster's release, and which release would take what one refuses."""

import json
from datetime import date

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.validation.file_check import Inputs, check, check_file
from pcluster_cfn.validation.report import NOTES_MAX, note_lines
from tests.unit.validation.test_check import GOOD, template

TODAY = date(2026, 11, 30)


def versioned(version, configuration=GOOD):
    return template(configuration, properties=f"      PclusterVersion: {version}\n")


def notes(text, **inputs):
    return check_file(text, "hpc.yaml", Inputs(advised_on=TODAY, **inputs)).notes


def ids(text, **inputs):
    return [each.advisory.id for each in notes(text, **inputs)]


def validate(path, *arguments):
    return CliRunner().invoke(main, ["validate", str(path), *arguments])


@pytest.fixture
def affected(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text(versioned("3.14.0"))
    return path


def test_a_cluster_of_an_affected_release_has_a_note_at_its_resource():
    found = notes(versioned("3.14.0"))
    assert (found[0].advisory.id, found[0].path, found[0].version) == ("CVE-2026-25506", "Cluster", "3.14.0")
    assert (found[0].place.line, found[0].place.column) == (3, 5)


def test_a_cluster_of_the_newest_release_has_no_note_that_is_printed():
    report = check_file(template(GOOD), "hpc.yaml", Inputs(advised_on=TODAY))
    assert list(note_lines([("hpc.yaml", each) for each in report.notes])) == []


def test_without_a_day_there_are_no_notes():
    assert check_file(versioned("3.6.0"), "hpc.yaml", Inputs()).notes == []


def test_a_release_without_a_schema_has_notes_too():
    as_text = "|\n" + GOOD
    for configuration in (GOOD, as_text):
        assert "CVE-2026-25506" in ids(versioned("3.13.0", configuration))


def test_an_unknown_version_has_no_notes():
    assert ids(versioned("!Ref Version", GOOD)) == []


def test_what_is_not_known_of_a_configuration_makes_no_note():
    unknown = GOOD.replace("Os: alinux2023", "Os: !Ref Os")
    head = "Parameters: {Os: {Type: String}}\n"
    text = template(unknown, head=head, properties="      PclusterVersion: 3.6.0\n")
    assert not [each for each in ids(text) if each.startswith("os-")]
    assert "os-alinux2" in ids(text, parameters={"Os": "alinux2"})


def test_a_configuration_file_has_notes_for_the_version_that_is_asked_for():
    assert "support-3.6" in ids(GOOD, version="3.6.0")
    assert "support-3.6" not in ids(GOOD)


def test_a_configuration_as_text_is_read_for_notes():
    assert "CVE-2026-25506" in ids(versioned("3.14.0", "|\n" + GOOD))


def test_the_worst_are_printed_and_the_rest_is_counted():
    lines = list(note_lines([("hpc.yaml", each) for each in notes(versioned("3.6.0"))]))
    assert len(lines) == NOTES_MAX + 1
    assert lines[0].startswith("hpc.yaml:3:5: Cluster: advisory: CVE-2026-25506 (critical): ")
    assert "3.14.2" in lines[0]
    assert lines[-1].endswith("more advisories: pcluster-cfn advise hpc.yaml")


def test_notes_are_no_mistakes(affected):
    result = validate(affected)
    assert result.exit_code == 0
    assert "CVE-2026-25506" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("1 cluster checked in 1 template, ")
    assert result.stderr.splitlines()[-1].endswith(" advisories")


def test_notes_can_be_left_out(affected):
    assert validate(affected, "--no-advisories").stdout == ""
    assert json.loads(validate(affected, "--no-advisories", "--json").stdout)["advisories"] == []


def test_json_has_all_notes_with_their_sources(affected):
    document = json.loads(validate(affected, "--json").stdout)
    assert document["findings"] == []
    worst = document["advisories"][0]
    assert (worst["id"], worst["severity"], worst["fixedIn"]) == ("CVE-2026-25506", "critical", "3.14.2")
    assert (worst["path"], worst["line"], worst["version"]) == ("Cluster", 3, "3.14.0")
    assert worst["source"].startswith("https://")
    assert worst["dated"] == "2026-02-12"


def messages(text):
    return [each.message for each in check(text)]


def test_a_refused_value_names_the_releases_that_accept_it():
    (message,) = messages(template(GOOD.replace("alinux2023", "alinux2")))
    assert message.endswith("(valid with PclusterVersion 3.6.0 to 3.15.1)")


def test_a_refused_key_names_the_releases_that_accept_it():
    (message,) = messages(
        template(
            GOOD
            + "LoginNodes:\n  Pools:\n    - Name: login\n      InstanceType: t3.medium\n      Count: 1\n"
            + "      Networking: {SubnetIds: [subnet-0123456789abcdef0]}\n      Ssh: {KeyName: mine}\n"
        )
    )
    assert "KeyName" in message
    assert message.endswith("(valid with PclusterVersion 3.7.0 to 3.14.2)")


def test_what_no_release_accepts_names_none():
    (message,) = messages(template(GOOD.replace("alinux2023", "beos")))
    assert "PclusterVersion" not in message


def test_a_release_that_finds_something_wrong_below_does_not_count():
    login = "LoginNodes:\n  Pools: [{Name: login, InstanceType: t3.medium, Count: several}]\n"
    text = versioned("3.6.0", GOOD.replace("alinux2023", "rhel8") + login)
    (message,) = messages(text)
    assert message.startswith("there is no such key")
    assert "PclusterVersion" not in message


def test_a_missing_key_names_no_release():
    found = messages(versioned("3.6.0", GOOD.replace("Image: {Os: alinux2023}", "Image: {}")))
    assert found
    assert not [message for message in found if "PclusterVersion" in message]
