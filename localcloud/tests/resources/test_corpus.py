"""Configurations that others wrote: the real library takes them, and their stacks complete."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.testing.waiting import settled

pytestmark = pytest.mark.library

#: Beside the clone; not part of the project.
CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configurations"
#: What each has that the clusters of the other tests have not.
NAMES = {
    "pcluster-example_configs-slurm.required": "the least there is",
    "test_dns-test_hit_no_cluster_dns_mpi": "no private domain",
    "test_efs-test_efs_same_az": "a file system in the head node's zone",
    "test_deletion_policy-test_retain_on_deletion": "retained storage",
}


def _fit(node: Any, ids: dict[str, str], key: str = "") -> Any:
    """Puts the seeded network and key pair in the place of the ones a configuration names."""
    seeded = {
        "SubnetId": ids["HEAD_NODE_SUBNET"],
        "SubnetIds": [ids["COMPUTE_SUBNET"]],
        "KeyName": ids["KEY_NAME"],
        "Region": "us-east-1",
    }
    if key in seeded:
        return seeded[key]
    if isinstance(node, dict):
        return {name: _fit(value, ids, name) for name, value in node.items()}
    return [_fit(item, ids) for item in node] if isinstance(node, list) else node


@pytest.fixture(params=NAMES, ids=lambda name: NAMES[name])
def configuration(request, cloud) -> dict[str, Any]:
    path = CORPUS / f"{request.param}.yaml"
    if not path.exists():
        pytest.skip(f"{CORPUS} is not there: configurations of others were not tried")
    return _fit(yaml.safe_load(path.read_text(encoding="utf-8")), cloud.exports)


def test_a_configuration_of_others_becomes_a_complete_stack(client, library, configuration, request):
    name = f"corpus-{request.node.callspec.indices['configuration']}"
    configuration.setdefault("Region", "us-east-1")
    library.create_cluster(cluster_name=name, cluster_configuration=configuration, region="us-east-1")
    assert settled(client("cloudformation"), name) == "CREATE_COMPLETE"
