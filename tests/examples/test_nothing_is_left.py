"""Behind all examples: what they leave is what their descriptions promise, and nothing else."""

import pytest

from localcloud.testing import inventory

pytestmark = pytest.mark.e2e

#: Kept by ParallelCluster's own choice, and made by Lambda for the functions of its stacks.
#: Source: ParallelCluster's guide, Monitoring/Logs/CloudWatch/DeletionPolicy; AWS Lambda's guide, logs.
LOG_GROUPS = ("/aws/parallelcluster/", "/aws/lambda/pcluster-")


@pytest.mark.usefixtures("begun")
def test_the_provider_goes_last_and_leaves_only_what_is_promised(cloud, before, provider):
    provider.deleted()
    left = inventory.added(before, inventory.take(cloud.client))
    logs = {name for name in left.pop("log groups", set()) if not name.startswith(LOG_GROUPS)}
    assert left == {}
    assert logs == set()
    assert cloud.errors() == []
