"""A session has the profile and the Region that were chosen, or says how to choose them."""

import pytest

from pcluster_cfn.aws import child_environment, configured_region, session
from pcluster_cfn.errors import CommandError


@pytest.fixture(autouse=True)
def configuration(tmp_path, monkeypatch):
    """An AWS configuration with one profile, and nothing else in the environment."""
    path = tmp_path / "config"
    path.write_text("[profile hpc]\nregion = eu-west-1\n[profile bare]\n")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def region_of(aws):
    return aws.client("cloudformation").meta.region_name


def test_the_region_is_that_of_the_profile_unless_another_is_given():
    assert region_of(session(profile="hpc")) == "eu-west-1"
    assert region_of(session("us-east-2", "hpc")) == "us-east-2"
    assert configured_region("hpc") == "eu-west-1"


def test_a_profile_that_does_not_exist_is_named_with_the_nearest():
    with pytest.raises(CommandError, match=r"no profile 'hpx'; did you mean hpc\?"):
        session(profile="hpx")
    with pytest.raises(CommandError, match=r"no profile 'production'; there are: hpc, bare"):
        session(profile="production")


def test_a_profile_of_the_environment_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "gone")
    with pytest.raises(CommandError, match="no profile 'gone'"):
        session()


def test_a_child_process_has_the_credentials_of_the_profile(tmp_path):
    with (tmp_path / "config").open("a") as opened:
        opened.write("[profile keys]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n")
    outside = {"AWS_ACCESS_KEY_ID": "c", "AWS_SESSION_TOKEN": "d", "AWS_PROFILE": "gone", "HOME": "/home/me"}
    assert child_environment(session(profile="keys"), outside) == {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "HOME": "/home/me",
    }


def test_a_child_process_of_no_session_keeps_its_environment():
    class Clients:
        def client(self, service):
            raise AssertionError(service)

    assert child_environment(Clients(), {"AWS_PROFILE": "hpc"}) == {"AWS_PROFILE": "hpc"}


def test_without_a_region_the_message_says_where_to_give_one():
    with pytest.raises(CommandError, match=r"give one with --region, AWS_REGION or in pcluster-cfn\.toml"):
        session(profile="bare")
