"""Names of clusters whose properties have no ClusterName."""

import base64
import hashlib

from cluster_provider.core.identity import Owner, StackArn

#: Maximum length of a generated name, in characters. A cluster with Slurm accounting accepts no longer name.
#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_NAME_MAX_LENGTH_SLURM_ACCOUNTING).
NAME_MAX = 40

#: Length of the suffix, in characters of 5 bits each.
_SUFFIX = 8

#: What is left for the names of the stack and the resource, without the two hyphens.
_WORDS_MAX = NAME_MAX - _SUFFIX - 2


def generated_name(owner: Owner, request_id: str) -> str:
    """Returns the name of a new cluster: the stack's name, the logical id, and a suffix.

    The suffix depends on the request. Every delivery of a request therefore gets the same name, and a
    replacement another one than the cluster that it replaces. Long names are cut. The form is that of
    CloudFormation's own generated names.
    Source: AWS CloudFormation user guide, "Name type".

    Args:
        owner: The resource.
        request_id: The request that makes the cluster.
    """
    stack, logical = StackArn.parse(owner.stack_id).name, owner.logical_id
    # A short word leaves its room to the other one.
    stack_max = max(_WORDS_MAX // 2, _WORDS_MAX - len(logical))
    logical_max = max(_WORDS_MAX - _WORDS_MAX // 2, _WORDS_MAX - len(stack))
    digest = hashlib.sha256(f"{owner.key}|{request_id}".encode()).digest()
    suffix = base64.b32encode(digest)[:_SUFFIX].decode().lower()
    return "-".join([stack[:stack_max].rstrip("-"), logical[:logical_max], suffix])
