"""A link says exactly what was put into it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import QuickCreateLink, regions
from tests.support.links import read_link

URL = "https://bucket.s3.us-east-1.amazonaws.com/cluster.yaml"
AWKWARD = "a&b=c#d+e%20f?g/h\n\r\t \"'<>()[]{}|\\^`~!*;:@,ü漢🚀\u2028\x00"


@given(
    region=st.sampled_from(list(regions())),
    template_url=st.text(),
    stack_name=st.none() | st.text(),
    parameters=st.dictionaries(st.text(), st.text()),
)
@example(region="cn-north-1", template_url=URL, stack_name="", parameters={"A": AWKWARD, AWKWARD: ""})
def test_reading_a_link_gives_back_what_it_was_made_of(region, template_url, stack_name, parameters):
    link = QuickCreateLink(region, template_url, stack_name, parameters)
    assert read_link(link.url()) == link


@given(st.text())
def test_a_link_is_made_of_letters_that_nothing_takes_for_its_own(value):
    _, _, query = QuickCreateLink("us-east-1", URL, "s", {"A": value}).url().partition("review?")
    assert query.isascii()
    assert not set(query) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%&=")


def test_a_link_has_the_form_of_the_user_guide():
    link = QuickCreateLink("eu-west-1", URL, "hpc", {"MaxCount": "8", "Name": "a b+c"})
    assert link.url() == (
        "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/review"
        "?templateURL=https%3A%2F%2Fbucket.s3.us-east-1.amazonaws.com%2Fcluster.yaml"
        "&stackName=hpc&param_MaxCount=8&param_Name=a%20b%2Bc"
    )


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("ap-southeast-2", "https://ap-southeast-2.console.aws.amazon.com/"),
        ("cn-northwest-1", "https://cn-northwest-1.console.amazonaws.cn/"),
        ("us-gov-east-1", "https://us-gov-east-1.console.amazonaws-us-gov.com/"),
    ],
)
def test_every_partition_has_a_console_of_its_own(region, console):
    assert QuickCreateLink(region, URL).url().startswith(console)


def test_parameters_keep_their_order():
    said = QuickCreateLink("us-east-1", URL, None, {"Z": "1", "A": "2"}).url()
    assert said.endswith("&param_Z=1&param_A=2")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("us-esat-1", "us-east-1?"), ("us-iso-east-1", "aws-cn"), ("", "give a Region's name")],
)
def test_an_unknown_region_is_refused_with_the_nearest(name, hint):
    with pytest.raises(CommandError, match="there is no Region") as caught:
        QuickCreateLink(name, URL).url()
    assert hint in str(caught.value)
