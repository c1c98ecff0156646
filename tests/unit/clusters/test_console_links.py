"""Links lead into the console of the Region's partition."""

import pytest

from pcluster_cfn.clusters.console import ConsoleLinks
from pcluster_cfn.launch.link import region_named


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-west-1", "aws.amazon.com"),
        ("cn-north-1", "amazonaws.cn"),
        ("us-gov-west-1", "amazonaws-us-gov.com"),
    ],
)
def test_links_have_the_domain_of_the_partition(region, domain):
    links = ConsoleLinks(region_named(region))
    start = f"https://{region}.console.{domain}/"
    assert links.stack("arn:aws:x/y") == (
        f"{start}cloudformation/home?region={region}#/stacks/stackinfo?stackId=arn%3Aaws%3Ax%2Fy"
    )
    assert links.instances("hpc") == (
        f"{start}ec2/home?region={region}#Instances:tag:parallelcluster:cluster-name=hpc"
    )
    assert links.dashboard("hpc-x") == f"{start}cloudwatch/home?region={region}#dashboards/dashboard/hpc-x"
    assert links.log_group("/aws/parallelcluster/hpc-1") == (
        f"{start}cloudwatch/home?region={region}"
        "#logsV2:log-groups/log-group/$252Faws$252Fparallelcluster$252Fhpc-1"
    )
