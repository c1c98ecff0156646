"""The templates in ParallelCluster's own buckets that stacks nest by their URL, as far as they are here."""

import re
from pathlib import Path

_NETWORK = Path(__file__).with_name("official_network.yaml")

#: Source: pcluster/utils.py, get_templates_bucket_path, and pcluster/cli/commands/configure/networking.py.
_BUCKET = re.compile(r"[a-z0-9-]+-aws-parallelcluster")
_NETWORK_KEY = re.compile(
    r"parallelcluster/(?P<release>\d+\.\d+\.\d+)/templates/networking/public-private-(?P=release)\.cfn\.json"
)


def official_template(bucket: str, key: str) -> str | None:
    """Returns the text of an official template, the same for every Region and release.

    Returns:
        None where the bucket is not ParallelCluster's, or has no such template here.
    """
    if _BUCKET.fullmatch(bucket) and _NETWORK_KEY.fullmatch(key):
        return _NETWORK.read_text()
    return None
