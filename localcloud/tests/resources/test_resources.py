"""Resources of a stack, seen through the APIs of their services, while the stack lives and after."""

import base64
import hashlib
import json
from typing import Any

import pytest
from tests.support.deployment import get, ref, resource

from localcloud.testing import inventory


def _group(cloud, **properties: Any) -> dict[str, Any]:
    return resource(
        "EC2::SecurityGroup", GroupDescription="a group", VpcId=cloud.exports["VPC_ID"], **properties
    )


def _launch_template(**data: Any) -> dict[str, Any]:
    return resource("EC2::LaunchTemplate", LaunchTemplateData={"InstanceType": "t3.large", **data})


def _launched(template: str = "Template", **properties: Any) -> dict[str, Any]:
    version = get(template, "LatestVersionNumber")
    launch_template = {"LaunchTemplateId": ref(template), "Version": version}
    return resource("EC2::Instance", LaunchTemplate=launch_template, **properties)


def _describe(ec2, instance_id: str) -> dict[str, Any]:
    return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def _image(ec2) -> str:
    return ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def _role() -> dict[str, Any]:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        ],
    }
    return resource(
        "IAM::Role",
        AssumeRolePolicyDocument=document,
        ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"],
        Policies=[{"PolicyName": "inline", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}],
    )


def test_an_instance_is_what_its_launch_template_says(cloud, ec2, stack):
    outputs = stack.create(
        {
            "Group": _group(cloud),
            "Role": _role(),
            "Profile": resource("IAM::InstanceProfile", Roles=[ref("Role")]),
            "Interface": resource(
                "EC2::NetworkInterface", SubnetId=cloud.exports["HEAD_NODE_SUBNET"], GroupSet=[ref("Group")]
            ),
            "Template": _launch_template(
                ImageId=_image(ec2),
                KeyName=cloud.exports["KEY_NAME"],
                IamInstanceProfile={"Name": ref("Profile")},
                MetadataOptions={"HttpTokens": "required"},
                NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": ref("Interface")}],
                BlockDeviceMappings=[
                    {"DeviceName": "/dev/xvdba", "VirtualName": "ephemeral0"},
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "Encrypted": True}},
                ],
            ),
            "Instance": _launched(Tags=[{"Key": "a", "Value": "b"}], PropagateTagsToVolumeOnCreation=True),
        },
        Instance=ref("Instance"),
        Group=ref("Group"),
        Profile=get("Profile", "Arn"),
        Address=get("Instance", "PublicIp"),
    )
    instance = _describe(ec2, outputs["Instance"])
    assert instance["InstanceType"] == "t3.large"
    assert instance["KeyName"] == cloud.exports["KEY_NAME"]
    assert instance["IamInstanceProfile"]["Arn"] == outputs["Profile"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [outputs["Group"]]
    assert instance["PublicIpAddress"] == outputs["Address"]
    (volume,) = ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [outputs["Instance"]]}]
    )["Volumes"]
    assert (volume["VolumeType"], volume["Encrypted"]) == ("gp3", True)
    assert {"Key": "a", "Value": "b"} in volume["Tags"]


def test_a_launch_template_gets_a_version_only_when_its_data_changes(stack):
    def resources(instance_type: str, note: str) -> dict[str, Any]:
        template = resource(
            "EC2::LaunchTemplate",
            LaunchTemplateData={"InstanceType": instance_type, "UserData": {"Fn::Base64": "#!/bin/sh"}},
        )
        return {"Template": template, "Note": resource("SNS::Topic", DisplayName=note)}

    version = get("Template", "LatestVersionNumber")
    assert stack.create(resources("t3.large", "one"), Version=version)["Version"] == "1"
    assert stack.update(resources("t3.large", "two"), Version=version)["Version"] == "1"
    assert stack.update(resources("t3.small", "two"), Version=version)["Version"] == "2"


def test_an_elastic_ip_follows_its_association(cloud, ec2, stack):
    resources = {
        "Interface": resource("EC2::NetworkInterface", SubnetId=cloud.exports["HEAD_NODE_SUBNET"]),
        "Address": resource("EC2::EIP", Domain="vpc", Tags=[{"Key": "a", "Value": "b"}]),
        "Association": resource(
            "EC2::EIPAssociation",
            AllocationId=get("Address", "AllocationId"),
            NetworkInterfaceId=ref("Interface"),
        ),
    }
    outputs = stack.create(resources, Address=ref("Address"), Interface=ref("Interface"))
    (address,) = ec2.describe_addresses(PublicIps=[outputs["Address"]])["Addresses"]
    assert address["NetworkInterfaceId"] == outputs["Interface"]
    assert {"Key": "a", "Value": "b"} in address["Tags"]
    outputs = stack.update({key: resources[key] for key in ("Interface", "Address")}, Address=ref("Address"))
    (address,) = ec2.describe_addresses(PublicIps=[outputs["Address"]])["Addresses"]
    assert "AssociationId" not in address


def test_a_security_groups_rules_change_in_place(cloud, ec2, stack):
    def group(cidr: str) -> dict[str, Any]:
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": cidr}
        return {"Group": _group(cloud, SecurityGroupIngress=[rule])}

    def allowed(group_id: str) -> list[str]:
        (described,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        return [item["CidrIp"] for rule in described["IpPermissions"] for item in rule["IpRanges"]]

    before = stack.create(group("0.0.0.0/0"), Group=ref("Group"))["Group"]
    assert allowed(before) == ["0.0.0.0/0"]
    after = stack.update(group("10.1.0.0/16"), Group=ref("Group"))["Group"]
    assert after == before
    assert allowed(after) == ["10.1.0.0/16"]


def test_a_topics_policy_is_the_one_of_its_resource_and_changes_in_place(client, stack):
    def resources(sid: str) -> dict[str, Any]:
        statement = {"Sid": sid, "Effect": "Allow", "Action": "sns:Publish", "Resource": ref("Topic")}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        made = resource("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=policy)
        return {"Topic": resource("SNS::Topic"), "Policy": made}

    def sids(topic: str) -> list[str]:
        attributes = client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        return [statement["Sid"] for statement in json.loads(attributes["Policy"])["Statement"]]

    topic = stack.create(resources("First"), Topic=ref("Topic"))["Topic"]
    assert sids(topic) == ["First"]
    assert stack.update(resources("Second"), Topic=ref("Topic"))["Topic"] == topic
    assert sids(topic) == ["Second"]


def test_the_first_egress_rule_replaces_the_one_that_lets_everything_out(cloud, ec2, stack):
    outputs = stack.create(
        {
            "Group": _group(cloud),
            "Inside": resource(
                "EC2::SecurityGroupEgress",
                GroupId=ref("Group"),
                IpProtocol="-1",
                FromPort=0,
                ToPort=65535,
                DestinationSecurityGroupId=ref("Group"),
            ),
        },
        Group=ref("Group"),
    )
    (group,) = ec2.describe_security_groups(GroupIds=[outputs["Group"]])["SecurityGroups"]
    (rule,) = group["IpPermissionsEgress"]
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [outputs["Group"]]
    assert rule["IpRanges"] == []


def test_an_auto_scaling_groups_instances_use_its_launch_template_and_become_healthy_targets(
    cloud, client, ec2, stack
):
    def resources(count: int) -> dict[str, Any]:
        subnet = cloud.exports["HEAD_NODE_SUBNET"]
        size = str(count)
        return {
            "Group": _group(cloud),
            "Template": _launch_template(
                ImageId=_image(ec2),
                NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [ref("Group")], "SubnetId": subnet}],
                BlockDeviceMappings=[{"DeviceName": "/dev/xvdba", "VirtualName": "ephemeral0"}],
            ),
            "Targets": resource(
                "ElasticLoadBalancingV2::TargetGroup", Port=22, Protocol="TCP", VpcId=cloud.exports["VPC_ID"]
            ),
            "Balancer": resource(
                "ElasticLoadBalancingV2::LoadBalancer", Type="network", Scheme="internal", Subnets=[subnet]
            ),
            "Listener": resource(
                "ElasticLoadBalancingV2::Listener",
                LoadBalancerArn=ref("Balancer"),
                Port=22,
                Protocol="TCP",
                DefaultActions=[{"Type": "forward", "TargetGroupArn": ref("Targets")}],
            ),
            "Nodes": resource(
                "AutoScaling::AutoScalingGroup",
                MinSize=size,
                MaxSize=size,
                DesiredCapacity=size,
                VPCZoneIdentifier=[subnet],
                TargetGroupARNs=[ref("Targets")],
                LaunchTemplate={
                    "LaunchTemplateId": ref("Template"),
                    "Version": get("Template", "LatestVersionNumber"),
                },
            ),
        }

    def targets(arn: str) -> dict[str, str]:
        health = client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in health}

    outputs = stack.create(resources(2), Targets=ref("Targets"), Group=ref("Group"))
    before = targets(outputs["Targets"])
    assert list(before.values()) == ["healthy", "healthy"]
    instance = _describe(ec2, next(iter(before)))
    assert outputs["Group"] in [group["GroupId"] for group in instance["SecurityGroups"]]
    stack.update(resources(3), Targets=ref("Targets"))
    after = targets(outputs["Targets"])
    assert len(after) == 3
    assert set(before) < set(after)


def test_an_instance_made_by_an_api_call_takes_its_interface_with_it(cloud, client, ec2):
    before = inventory.take(client)
    reservation = ec2.run_instances(
        ImageId=_image(ec2), MinCount=1, MaxCount=1, SubnetId=cloud.exports["COMPUTE_SUBNET"]
    )
    instance_id = reservation["Instances"][0]["InstanceId"]
    assert set(inventory.added(before, inventory.take(client))) == {
        "instances",
        "network interfaces",
        "volumes",
    }
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert inventory.added(before, inventory.take(client)) == {}


def test_placement_groups_answer_through_the_api(ec2, stack):
    outputs = stack.create(
        {"Placement": resource("EC2::PlacementGroup", Strategy="cluster")}, Name=ref("Placement")
    )
    (group,) = ec2.describe_placement_groups(GroupNames=[outputs["Name"]])["PlacementGroups"]
    assert (group["Strategy"], group["State"]) == ("cluster", "available")
    with pytest.raises(ec2.exceptions.ClientError, match="unknown"):
        ec2.describe_placement_groups(GroupNames=["absent"])


def test_a_roles_policies_are_attached_and_can_be_read(client, stack):
    outputs = stack.create({"Role": _role()}, Role=ref("Role"))
    iam = client("iam")
    (attached,) = iam.list_attached_role_policies(RoleName=outputs["Role"])["AttachedPolicies"]
    assert attached["PolicyName"] == "AmazonSSMManagedInstanceCore"
    inline = iam.get_role_policy(RoleName=outputs["Role"], PolicyName="inline")
    assert inline["PolicyDocument"] == {"Version": "2012-10-17", "Statement": []}


def test_a_log_groups_retention_changes_in_place(client, stack):
    def resources(days: int) -> dict[str, Any]:
        transformation = {"MetricName": "errors", "MetricNamespace": "test", "MetricValue": "1"}
        return {
            "Logs": resource("Logs::LogGroup", LogGroupName="/test/retention", RetentionInDays=days),
            "Filter": resource(
                "Logs::MetricFilter",
                LogGroupName=ref("Logs"),
                FilterPattern="ERROR",
                MetricTransformations=[transformation],
            ),
        }

    logs = client("logs")
    stack.create(resources(7))
    (metric_filter,) = logs.describe_metric_filters(logGroupName="/test/retention")["metricFilters"]
    assert metric_filter["metricTransformations"][0]["metricName"] == "errors"
    stack.update(resources(30))
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/test/retention")["logGroups"]
    assert group["retentionInDays"] == 30


def test_a_private_hosted_zone_belongs_to_its_network(cloud, client, stack):
    network = {"VPCId": cloud.exports["VPC_ID"], "VPCRegion": "us-east-1"}
    zone = resource("Route53::HostedZone", Name="test.pcluster.", VPCs=[network])
    outputs = stack.create({"Zone": zone}, Zone=ref("Zone"))
    described = client("route53").get_hosted_zone(Id=outputs["Zone"])
    assert described["HostedZone"]["Config"]["PrivateZone"] is True
    assert described["VPCs"] == [{"VPCId": network["VPCId"], "VPCRegion": "us-east-1"}]


def test_a_tables_time_to_live_is_set(client, stack):
    table = resource(
        "DynamoDB::Table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
    )
    outputs = stack.create({"Table": table}, Table=ref("Table"))
    ttl = client("dynamodb").describe_time_to_live(TableName=outputs["Table"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_what_a_template_says_of_keys_is_what_the_services_report(client, stack):
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    plain = {"KeySchema": keys, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"}
    kms = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}

    def resources(encryption: dict[str, Any], logs: dict[str, Any]) -> dict[str, Any]:
        return {
            "Table": resource("DynamoDB::Table", **plain, **encryption),
            "Group": resource("Logs::LogGroup", **logs),
            "Queue": resource("SQS::Queue", KmsMasterKeyId=key),
        }

    def reported(names: dict[str, str]) -> tuple[Any, Any]:
        table = client("dynamodb").describe_table(TableName=names["Table"])["Table"]
        (group,) = client("logs").describe_log_groups(logGroupNamePrefix=names["Group"])["logGroups"]
        return table.get("SSEDescription", {}).get("KMSMasterKeyArn"), group.get("kmsKeyId")

    outputs = {name: ref(name) for name in ("Table", "Group", "Queue")}
    names = stack.create(resources({}, {}), **outputs)
    assert reported(names) == (None, None)
    queue = client("sqs").get_queue_attributes(QueueUrl=names["Queue"], AttributeNames=["KmsMasterKeyId"])
    assert queue["Attributes"]["KmsMasterKeyId"] == key

    changed = stack.update(resources({"SSESpecification": kms}, {"KmsKeyId": key}), **outputs)
    assert changed == names
    assert reported(names) == (key, key)


def test_a_bucket_that_denies_plain_http_is_still_open_to_its_owner(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-only")
    statements = [
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "Principal": "*",
            "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    s3.put_bucket_policy(
        Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    s3.put_object(Bucket="tls-only", Key="key", Body=b"content")
    assert s3.get_object(Bucket="tls-only", Key="key")["Body"].read() == b"content"


def test_a_bucket_policy_that_denies_everybody_does(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="key", Body=b"content")
    statement = {"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Resource": ["arn:aws:s3:::closed/*"]}
    s3.put_bucket_policy(
        Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    with pytest.raises(s3.exceptions.ClientError, match=r"Forbidden|AccessDenied"):
        s3.get_object(Bucket="closed", Key="key")


def test_an_object_is_stored_only_as_its_checksum_says_and_keeps_that(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="checked")
    content = b"content"
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
    wanted = {"Bucket": "checked", "Key": "key", "ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum}

    with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Body=b"comtent", **wanted)
    assert "Contents" not in s3.list_objects_v2(Bucket="checked")
    s3.put_object(Body=content, **wanted)

    found = s3.head_object(Bucket="checked", Key="key", ChecksumMode="ENABLED")
    assert found["ChecksumSHA256"] == checksum


def test_an_object_that_must_be_new_does_not_replace_another(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="once")
    s3.put_object(Bucket="once", Key="key", Body=b"first", IfNoneMatch="*")

    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="once", Key="key", Body=b"second", IfNoneMatch="*")

    assert s3.get_object(Bucket="once", Key="key")["Body"].read() == b"first"


def test_what_does_not_exist_is_not_found(client, ec2):
    fsx = client("fsx")
    with pytest.raises(ec2.exceptions.ClientError, match="does not exist"):
        ec2.describe_capacity_reservations(CapacityReservationIds=["cr-0123456789abcdef0"])
    with pytest.raises(fsx.exceptions.FileSystemNotFound):
        fsx.describe_file_systems(FileSystemIds=["fs-0123456789abcdef0"])
    with pytest.raises(fsx.exceptions.VolumeNotFound):
        fsx.describe_volumes(VolumeIds=["fsvol-0123456789abcdef0"])
    with pytest.raises(fsx.exceptions.FileCacheNotFound):
        fsx.describe_file_caches(FileCacheIds=["fc-0123456789abcdef0"])


def test_a_bucket_s_policy_is_the_stack_s(client, stack):
    def resources(sid: str) -> dict[str, Any]:
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": "serverlessrepo.amazonaws.com"},
            "Action": ["s3:GetObject"],
            "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document}
        return {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
        }

    def sids(bucket: str) -> list[str]:
        policy = json.loads(client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
        return [statement["Sid"] for statement in policy["Statement"]]

    bucket = stack.create(resources("One"), Bucket={"Ref": "Bucket"})["Bucket"]
    assert sids(bucket) == ["One"]
    stack.update(resources("Two"), Bucket={"Ref": "Bucket"})
    assert sids(bucket) == ["Two"]


def test_a_target_group_has_the_name_that_the_library_gives_to_one_of_a_cluster_with_a_hyphen(
    cloud, stack, client
):
    group = resource(
        "ElasticLoadBalancingV2::TargetGroup",
        Name="c-p3-1--login-b3aa9713216667f8",
        Port=22,
        Protocol="TCP",
        VpcId=cloud.exports["VPC_ID"],
        Tags=[{"Key": "team", "Value": "a"}],
    )
    arn = stack.create({"Group": group}, Arn=ref("Group"))["Arn"]
    (shown,) = client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    (tagged,) = client("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert shown["TargetGroupName"] == "c-p3-1--login-b3aa9713216667f8"
    assert {"Key": "team", "Value": "a"} in tagged["Tags"]
    assert ":targetgroup/c-p3-1--login-b3aa9713216667f8/" in arn
