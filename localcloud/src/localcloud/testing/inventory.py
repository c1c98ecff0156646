"""The resources of an account, as its APIs list them."""

from collections.abc import Callable
from typing import Any

Inventory = dict[str, set[str]]

#: By kind of thing: its service, the paginated call, and the path to each one's id.
_LISTINGS = {
    "network interfaces": "ec2 describe_network_interfaces NetworkInterfaces[].NetworkInterfaceId",
    "security groups": "ec2 describe_security_groups SecurityGroups[].GroupId",
    "VPCs": "ec2 describe_vpcs Vpcs[].VpcId",
    "subnets": "ec2 describe_subnets Subnets[].SubnetId",
    "route tables": "ec2 describe_route_tables RouteTables[].RouteTableId",
    "internet gateways": "ec2 describe_internet_gateways InternetGateways[].InternetGatewayId",
    "NAT gateways": "ec2 describe_nat_gateways NatGateways[?State != 'deleted'].NatGatewayId",
    "endpoints": "ec2 describe_vpc_endpoints VpcEndpoints[].VpcEndpointId",
    "directories": "ds describe_directories DirectoryDescriptions[].DirectoryId",
    "secrets": "secretsmanager list_secrets SecretList[].Name",
    "database clusters": "rds describe_db_clusters DBClusters[].DBClusterIdentifier",
    "databases": "rds describe_db_instances DBInstances[].DBInstanceIdentifier",
    "database subnet groups": "rds describe_db_subnet_groups DBSubnetGroups[].DBSubnetGroupName",
    "volumes": "ec2 describe_volumes Volumes[].VolumeId",
    "launch templates": "ec2 describe_launch_templates LaunchTemplates[].LaunchTemplateId",
    "tables": "dynamodb list_tables TableNames[]",
    "hosted zones": "route53 list_hosted_zones HostedZones[].Id",
    "log groups": "logs describe_log_groups logGroups[].logGroupName",
    "metric filters": "logs describe_metric_filters metricFilters[].filterName",
    "roles": "iam list_roles Roles[].RoleName",
    "instance profiles": "iam list_instance_profiles InstanceProfiles[].InstanceProfileName",
    "alarms": "cloudwatch describe_alarms [MetricAlarms, CompositeAlarms][][].AlarmName",
    "dashboards": "cloudwatch list_dashboards DashboardEntries[].DashboardName",
    "load balancers": "elbv2 describe_load_balancers LoadBalancers[].LoadBalancerArn",
    "target groups": "elbv2 describe_target_groups TargetGroups[].TargetGroupArn",
    "Auto Scaling groups": (
        "autoscaling describe_auto_scaling_groups AutoScalingGroups[].AutoScalingGroupName"
    ),
    "EFS file systems": "efs describe_file_systems FileSystems[].FileSystemId",
    "FSx file systems": "fsx describe_file_systems FileSystems[].FileSystemId",
    "functions": "lambda list_functions Functions[].FunctionName",
    "stacks": "cloudformation describe_stacks Stacks[].StackName",
}


def take(client: Callable[[str], Any]) -> Inventory:
    """Lists everything a cluster may make, by kind."""
    inventory = {}
    for kind, listing in _LISTINGS.items():
        service, call, path = listing.split(maxsplit=2)
        inventory[kind] = set(client(service).get_paginator(call).paginate().search(path))
    ec2 = client("ec2")
    instances = ec2.get_paginator("describe_instances").paginate().search("Reservations[].Instances[]")
    inventory["instances"] = {
        instance["InstanceId"] for instance in instances if instance["State"]["Name"] != "terminated"
    }
    inventory["addresses"] = {address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]}
    groups = ec2.describe_placement_groups()["PlacementGroups"]
    inventory["placement groups"] = {group["GroupName"] for group in groups}
    inventory["artefacts"] = _artefacts(client("s3"))
    return inventory


def _artefacts(s3: Any) -> set[str]:
    return {
        version["Key"]
        for bucket in s3.list_buckets()["Buckets"]
        for version in s3.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
        if "/clusters/" in version["Key"]
    }


def added(before: Inventory, after: Inventory) -> Inventory:
    """Returns the resources that are new in the second inventory."""
    return {kind: new for kind in after if (new := after[kind] - before[kind])}
