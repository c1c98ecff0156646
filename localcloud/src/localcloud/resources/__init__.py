"""The resource types of a cluster's stacks that moto lacks or gets wrong.

One module per service. `register` makes them moto's: its CloudFormation type map then answers with them, and
its backends make objects of them.
"""

from moto.cloudformation import parsing

from localcloud.resources import (
    absent,
    autoscaling,
    block_storage,
    cloudwatch,
    consoles,
    databases,
    directories,
    dynamodb,
    efs,
    elastic_ips,
    elbv2,
    fsx,
    iam,
    image_builder,
    instances,
    key_pairs,
    logs,
    network_interfaces,
    networks,
    placement_groups,
    route53,
    routes,
    s3,
    secrets,
    security_groups,
    sns,
    tags,
)
from localcloud.resources.model import take_place

__all__ = ["register"]

# Importing a module defines its models; naming them here keeps the imports in use.
_SERVICES = (
    autoscaling, block_storage, cloudwatch, databases, directories, dynamodb, efs, elastic_ips, elbv2,
    fsx, iam, image_builder, instances, key_pairs, logs, network_interfaces, networks,
    placement_groups, route53, routes, s3, secrets, security_groups, sns,
)  # fmt: skip


def register() -> None:
    """Makes every model of this package moto's, for the life of the process; repeatable."""
    take_place()
    dynamodb.install()
    instances.complete_run_instances()
    fsx.complete_delete_file_system()
    placement_groups.answer_api_calls()
    tags.look_up()
    absent.answer_api_calls()
    consoles.answer_api_calls()
    logs.stay_deleted()
    s3.judge_bucket_policies_like_s3()
    s3.refuse_bodies_that_differ_from_their_checksum()
    s3.list_versions_without_their_contents()
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
