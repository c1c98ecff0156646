"""What clusters stand on: networks, file systems, databases and secrets, made by a stack."""

import re

import pytest
from tests.support.deployment import get, ref, resource

ANYWHERE = "0.0.0.0/0"


def _network():
    """A VPC with a public and a private subnet, as templates write it."""
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.8.0.0/16", EnableDnsHostnames=True),
        "Public": resource(
            "EC2::Subnet",
            VpcId=ref("Vpc"),
            CidrBlock="10.8.0.0/24",
            AvailabilityZone="us-east-1b",
            MapPublicIpOnLaunch=True,
        ),
        "Private": resource(
            "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.8.16.0/20", AvailabilityZone="us-east-1a"
        ),
        "Gateway": resource("EC2::InternetGateway", Tags=[{"Key": "Name", "Value": "out"}]),
        "Attached": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        "Address": resource("EC2::EIP", Domain="vpc") | {"DependsOn": "Attached"},
        "Nat": resource(
            "EC2::NatGateway", SubnetId=ref("Public"), AllocationId=get("Address", "AllocationId")
        ),
        "PublicTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Out": resource(
            "EC2::Route",
            RouteTableId=ref("PublicTable"),
            DestinationCidrBlock=ANYWHERE,
            GatewayId=ref("Gateway"),
        )
        | {"DependsOn": "Attached"},
        "PublicOut": resource(
            "EC2::SubnetRouteTableAssociation", RouteTableId=ref("PublicTable"), SubnetId=ref("Public")
        ),
        "PrivateTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Through": resource(
            "EC2::Route",
            RouteTableId=ref("PrivateTable"),
            DestinationCidrBlock=ANYWHERE,
            NatGatewayId=ref("Nat"),
        ),
        "PrivateOut": resource(
            "EC2::SubnetRouteTableAssociation", RouteTableId=ref("PrivateTable"), SubnetId=ref("Private")
        ),
        "S3": resource(
            "EC2::VPCEndpoint",
            VpcId=ref("Vpc"),
            ServiceName="com.amazonaws.us-east-1.s3",
            RouteTableIds=[ref("PrivateTable")],
        ),
    }


def _group(**properties):
    return resource("EC2::SecurityGroup", GroupDescription="a group", VpcId=ref("Vpc"), **properties)


def _routes(ec2, subnet_id):
    filters = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return {route.get("DestinationCidrBlock", "prefix list"): route for route in table["Routes"]}


def test_a_network_routes_as_its_template_says_and_goes_with_its_stack(ec2, stack):
    outputs = stack.create(
        _network(),
        Vpc=ref("Vpc"),
        Public=ref("Public"),
        Private=ref("Private"),
        Gateway=ref("Gateway"),
        Nat=ref("Nat"),
        Zone=get("Public", "AvailabilityZone"),
    )
    assert _routes(ec2, outputs["Public"])[ANYWHERE]["GatewayId"] == outputs["Gateway"]
    private = _routes(ec2, outputs["Private"])
    assert private[ANYWHERE]["NatGatewayId"] == outputs["Nat"]
    assert private["prefix list"]["GatewayId"].startswith("vpce-")
    subnets = ec2.describe_subnets(SubnetIds=[outputs["Public"], outputs["Private"]])["Subnets"]
    mapped = {subnet["SubnetId"]: subnet["MapPublicIpOnLaunch"] for subnet in subnets}
    assert mapped == {outputs["Public"]: True, outputs["Private"]: False}
    assert outputs["Zone"] == "us-east-1b"
    names = ec2.describe_vpc_attribute(VpcId=outputs["Vpc"], Attribute="enableDnsHostnames")
    assert names["EnableDnsHostnames"]["Value"] is True


def test_a_network_changes_in_place(ec2, stack):
    before = stack.create(_network(), Vpc=ref("Vpc"), Private=ref("Private"))
    changed = _network()
    changed["Vpc"]["Properties"] |= {"EnableDnsHostnames": False, "Tags": [{"Key": "a", "Value": "b"}]}
    changed["Private"]["Properties"]["MapPublicIpOnLaunch"] = True
    assert stack.update(changed, Vpc=ref("Vpc"), Private=ref("Private")) == before
    (subnet,) = ec2.describe_subnets(SubnetIds=[before["Private"]])["Subnets"]
    assert subnet["MapPublicIpOnLaunch"] is True


def test_file_systems_have_interfaces_in_the_groups_of_their_template(client, ec2, stack):
    resources = _network() | {
        "Group": _group(),
        "Lustre": resource(
            "FSx::FileSystem",
            FileSystemType="LUSTRE",
            StorageCapacity=1200,
            SubnetIds=[ref("Private")],
            SecurityGroupIds=[ref("Group")],
            LustreConfiguration={"DeploymentType": "SCRATCH_2"},
        ),
        "Efs": resource("EFS::FileSystem", Encrypted=True),
        "Target": resource(
            "EFS::MountTarget",
            FileSystemId=ref("Efs"),
            SubnetId=ref("Private"),
            SecurityGroups=[ref("Group")],
        ),
    }
    outputs = stack.create(resources, Lustre=ref("Lustre"), Group=ref("Group"), Vpc=ref("Vpc"))
    (described,) = client("fsx").describe_file_systems(FileSystemIds=[outputs["Lustre"]])["FileSystems"]
    assert described["VpcId"] == outputs["Vpc"]
    # Source: the library's schema of SharedStorage, which takes no other id.
    assert re.fullmatch(r"fs-[0-9a-f]{17}", described["FileSystemId"])
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=described["NetworkInterfaceIds"])
    (interface,) = interfaces["NetworkInterfaces"]
    assert [group["GroupId"] for group in interface["Groups"]] == [outputs["Group"]]


def test_file_systems_of_ontap_and_openzfs_have_volumes(client, stack, cloud):
    def file_system(kind, **configuration):
        place = {"StorageCapacity": 1024, "SubnetIds": [cloud.exports["COMPUTE_SUBNET"]]}
        return resource("FSx::FileSystem", FileSystemType=kind, **place, **configuration)

    resources = {
        "Zfs": file_system("OPENZFS", OpenZFSConfiguration={"DeploymentType": "SINGLE_AZ_1"}),
        "Ontap": file_system("ONTAP", OntapConfiguration={"DeploymentType": "SINGLE_AZ_1"}),
        "Machine": resource("FSx::StorageVirtualMachine", FileSystemId=ref("Ontap"), Name="svm"),
        "Data": resource(
            "FSx::Volume", Name="a", OntapConfiguration={"StorageVirtualMachineId": ref("Machine")}
        ),
        "Home": resource(
            "FSx::Volume",
            Name="b",
            OpenZFSConfiguration={"ParentVolumeId": {"Fn::GetAtt": ["Zfs", "RootVolumeId"]}},
        ),
    }
    arns = {f"{name}Arn": {"Fn::GetAtt": [name, "ResourceARN"]} for name in ("Data", "Home")}
    refs = {name: ref(name) for name in resources}
    outputs = stack.create(resources, **arns, **refs, Root={"Fn::GetAtt": ["Zfs", "RootVolumeId"]})
    assert outputs["DataArn"].endswith(f":volume/{outputs['Ontap']}/{outputs['Data']}")
    assert outputs["HomeArn"].endswith(f":volume/{outputs['Zfs']}/{outputs['Home']}")
    (shown,) = client("fsx").describe_file_systems(FileSystemIds=[outputs["Zfs"]])["FileSystems"]
    assert shown["OpenZFSConfiguration"]["RootVolumeId"] == outputs["Root"]


def test_a_key_pair_s_private_key_is_in_parameter_store(client, ec2, stack):
    resources = {"Key": resource("EC2::KeyPair", KeyName="made-by-a-stack", KeyType="ed25519")}
    outputs = stack.create(resources, Name=ref("Key"), Id={"Fn::GetAtt": ["Key", "KeyPairId"]})
    (pair,) = ec2.describe_key_pairs(KeyNames=[outputs["Name"]])["KeyPairs"]
    assert (pair["KeyPairId"], pair["KeyType"]) == (outputs["Id"], "ed25519")
    name = f"/ec2/keypair/{outputs['Id']}"
    kept = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert "PRIVATE KEY" in kept["Value"]
    stack.delete()
    assert (
        client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
        == []
    )
    assert outputs["Name"] not in {one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]}


def test_a_key_pair_without_a_type_is_one_of_rsa(ec2):
    ec2.create_key_pair(KeyName="of-no-type")
    (pair,) = ec2.describe_key_pairs(KeyNames=["of-no-type"])["KeyPairs"]
    assert pair["KeyType"] == "rsa"
    ec2.delete_key_pair(KeyName="of-no-type")


def test_a_file_system_that_the_api_deletes_takes_its_interface_along(cloud, client, ec2):
    fsx = client("fsx")
    made = fsx.create_file_system(
        FileSystemType="LUSTRE", StorageCapacity=1200, SubnetIds=[cloud.exports["COMPUTE_SUBNET"]]
    )["FileSystem"]
    fsx.delete_file_system(FileSystemId=made["FileSystemId"])
    left = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert made["NetworkInterfaceIds"][0] not in {one["NetworkInterfaceId"] for one in left}


def _aurora(**cluster):
    return {
        "Password": resource(
            "SecretsManager::Secret",
            GenerateSecretString={"PasswordLength": 24, "ExcludePunctuation": True},
        ),
        "Subnets": resource(
            "RDS::DBSubnetGroup",
            DBSubnetGroupDescription="two zones",
            SubnetIds=[ref("Private"), ref("Public")],
        ),
        "Settings": resource(
            "RDS::DBClusterParameterGroup",
            Family="aurora-mysql8.0",
            Description="settings",
            Parameters={"innodb_lock_wait_timeout": "900"},
        ),
        "Database": resource(
            "RDS::DBCluster",
            Engine="aurora-mysql",
            MasterUsername="slurm",
            MasterUserPassword={"Fn::Sub": "{{resolve:secretsmanager:${Password}}}"},
            DBSubnetGroupName=ref("Subnets"),
            DBClusterParameterGroupName=ref("Settings"),
            ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 4},
            **cluster,
        ),
        "Instance": resource(
            "RDS::DBInstance",
            DBClusterIdentifier=ref("Database"),
            DBInstanceClass="db.serverless",
            Engine="aurora-mysql",
        ),
    }


def test_an_aurora_cluster_has_instances_scaling_and_an_address(client, stack):
    outputs = stack.create(
        _network() | _aurora(),
        Database=ref("Database"),
        Host=get("Database", "Endpoint.Address"),
        Port=get("Database", "Endpoint.Port"),
        Instance=ref("Instance"),
    )
    rds = client("rds")
    (database,) = rds.describe_db_clusters(DBClusterIdentifier=outputs["Database"])["DBClusters"]
    assert outputs["Port"] == "3306"
    assert database["Endpoint"] == outputs["Host"]
    assert database["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 4.0}
    assert [member["DBInstanceIdentifier"] for member in database["DBClusterMembers"]] == [
        outputs["Instance"]
    ]
    answer = rds.describe_db_cluster_parameters(
        DBClusterParameterGroupName=database["DBClusterParameterGroup"]
    )
    values = {one["ParameterName"]: one["ParameterValue"] for one in answer["Parameters"]}
    assert values == {"innodb_lock_wait_timeout": "900"}


def test_a_deletion_policy_of_snapshot_saves_a_database(client, stack):
    resources = _network() | _aurora()
    resources["Database"]["DeletionPolicy"] = "Snapshot"
    database = stack.create(resources, Database=ref("Database"))["Database"]
    stack.delete()
    rds = client("rds")
    manual = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    (saved,) = [one for one in manual if one["DBClusterIdentifier"] == database]
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=saved["DBClusterSnapshotIdentifier"])


def test_subnets_of_one_zone_are_too_few_for_a_database(stack):
    resources = _network() | {
        "Subnets": resource(
            "RDS::DBSubnetGroup", DBSubnetGroupDescription="one zone", SubnetIds=[ref("Private")]
        )
    }
    with pytest.raises(AssertionError, match="Add subnets to cover at least 2 AZs"):
        stack.create(resources)


def test_a_subnet_is_in_the_zone_of_the_id_that_its_template_names(ec2, stack):
    zones = {
        zone["ZoneId"]: zone["ZoneName"]
        for zone in ec2.describe_availability_zones()["AvailabilityZones"]
        if zone["ZoneName"] not in {"us-east-1a", "us-east-1b"}
    }
    zone_id, zone_name = zones.popitem()
    resources = {
        "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
        "ById": resource(
            "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.0.0/24", AvailabilityZoneId=zone_id
        ),
        "ByName": resource(
            "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.1.0/24", AvailabilityZone="us-east-1b"
        ),
        "Anywhere": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.2.0/24"),
        "Group": resource(
            "RDS::DBSubnetGroup",
            DBSubnetGroupDescription="in two zones",
            SubnetIds=[ref("ById"), ref("ByName")],
        ),
    }

    outputs = stack.create(
        resources,
        ZoneOfId=get("ById", "AvailabilityZone"),
        IdOfZone=get("ById", "AvailabilityZoneId"),
        Named=get("ByName", "AvailabilityZone"),
        Chosen=get("Anywhere", "AvailabilityZone"),
    )

    assert outputs == {
        "ZoneOfId": zone_name,
        "IdOfZone": zone_id,
        "Named": "us-east-1b",
        "Chosen": "us-east-1a",
    }


@pytest.mark.parametrize("zone", [{"AvailabilityZoneId": "usw2-az1"}, {"AvailabilityZone": "us-west-2a"}])
def test_a_subnet_in_a_zone_of_another_region_is_refused(stack, zone):
    resources = {
        "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
        "Subnet": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.0.0/24", **zone),
    }
    with pytest.raises(AssertionError, match="can currently only be created in the following availability"):
        stack.create(resources)


def _directory_in_two_zones(kind, **properties):
    network = {
        "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
        "One": resource(
            "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.0.0/24", AvailabilityZone="us-east-1a"
        ),
        "Two": resource(
            "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.7.1.0/24", AvailabilityZone="us-east-1b"
        ),
    }
    directory = resource(
        f"DirectoryService::{kind}",
        Name="hpc.example.org",
        Password="Batt3ry-Staple",
        VpcSettings={"VpcId": ref("Vpc"), "SubnetIds": [ref("One"), ref("Two")]},
        **properties,
    )
    return network | {"Directory": directory}


@pytest.mark.parametrize(("kind", "properties"), [("MicrosoftAD", {}), ("SimpleAD", {"Size": "Small"})])
def test_a_directory_has_an_address_in_each_of_its_subnets(client, stack, kind, properties):
    outputs = stack.create(
        _directory_in_two_zones(kind, **properties),
        Directory=ref("Directory"),
        Alias=get("Directory", "Alias"),
        Addresses={"Fn::Join": [" ", get("Directory", "DnsIpAddresses")]},
    )

    (shown,) = client("ds").describe_directories(DirectoryIds=[outputs["Directory"]])["DirectoryDescriptions"]
    assert (shown["Name"], shown["Type"]) == ("hpc.example.org", kind)
    assert outputs["Alias"] == outputs["Directory"]
    assert outputs["Addresses"].split() == shown["DnsIpAddrs"]
    assert [address.rpartition(".")[0] for address in shown["DnsIpAddrs"]] == ["10.7.0", "10.7.1"]


def test_only_single_sign_on_changes_in_a_directory_that_stays(client, stack):
    outputs = {"Directory": ref("Directory")}
    before = stack.create(_directory_in_two_zones("MicrosoftAD"), **outputs)
    after = stack.update(_directory_in_two_zones("MicrosoftAD", EnableSso=True), **outputs)

    assert after == before
    (shown,) = client("ds").describe_directories()["DirectoryDescriptions"]
    assert shown["SsoEnabled"]
    assert stack.update(_directory_in_two_zones("MicrosoftAD", Edition="Standard"), **outputs) != before


def test_a_directory_in_one_subnet_is_refused(stack):
    resources = _directory_in_two_zones("MicrosoftAD")
    resources["Directory"]["Properties"]["VpcSettings"]["SubnetIds"] = [ref("One")]
    with pytest.raises(AssertionError, match="two subnets in different Availability Zones"):
        stack.create(resources)


def test_a_generated_secret_is_plain_text_or_a_key_of_a_json_text(client, stack):
    outputs = stack.create(
        {
            "Plain": resource(
                "SecretsManager::Secret",
                GenerateSecretString={"PasswordLength": 24, "ExcludePunctuation": True},
            ),
            "Keyed": resource(
                "SecretsManager::Secret",
                GenerateSecretString={
                    "SecretStringTemplate": '{"username": "slurm"}',
                    "GenerateStringKey": "password",
                },
            ),
        },
        Plain=ref("Plain"),
        Keyed=ref("Keyed"),
    )
    read = {
        name: client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
        for name, arn in outputs.items()
    }
    assert len(read["Plain"]) == 24
    assert read["Plain"].isalnum()
    assert read["Keyed"].startswith('{"username": "slurm", "password": "')


def test_a_resource_gets_the_secret_that_it_refers_to(cloud, ec2, stack):
    reference = "<{{resolve:secretsmanager:${Secret}:SecretString:password}}>"
    outputs = stack.create(
        {
            "Secret": resource("SecretsManager::Secret", SecretString='{"password": "pa55"}'),
            "Group": resource(
                "EC2::SecurityGroup",
                GroupDescription={"Fn::Sub": reference},
                VpcId=cloud.exports["VPC_ID"],
            ),
        },
        Group=ref("Group"),
        Shown={"Fn::Sub": reference},
    )
    (group,) = ec2.describe_security_groups(GroupIds=[outputs["Group"]])["SecurityGroups"]
    assert group["Description"] == "<pa55>"
    assert "pa55" not in outputs["Shown"]


OFFICIAL = "https://us-east-1-aws-parallelcluster.s3.us-east-1.amazonaws.com/parallelcluster/3.16.1/templates"


def _official_network(**parameters):
    return {
        "Network": resource(
            "CloudFormation::Stack",
            TemplateURL=f"{OFFICIAL}/networking/public-private-3.16.1.cfn.json",
            Parameters={
                "PublicCIDR": "10.0.64.0/24",
                "PrivateCIDR": "10.0.80.0/20",
                "AvailabilityZone": "us-east-1b",
                **parameters,
            },
        )
    }


NETWORK_OUTPUTS = {
    name: get("Network", f"Outputs.{name}") for name in ("VpcId", "PublicSubnetId", "PrivateSubnetId")
}


def _way_out(ec2, subnet_id):
    route = _routes(ec2, subnet_id)[ANYWHERE]
    return route.get("GatewayId") or route.get("NatGatewayId")


def test_the_official_network_is_there_to_be_nested(ec2, stack):
    outputs = stack.create(_official_network(), **NETWORK_OUTPUTS)

    public, private = ec2.describe_subnets(SubnetIds=[outputs["PublicSubnetId"], outputs["PrivateSubnetId"]])[
        "Subnets"
    ]
    if public["SubnetId"] != outputs["PublicSubnetId"]:
        public, private = private, public
    assert {public["VpcId"], private["VpcId"]} == {outputs["VpcId"]}
    assert (public["CidrBlock"], private["CidrBlock"]) == ("10.0.64.0/24", "10.0.80.0/20")
    assert {public["AvailabilityZone"], private["AvailabilityZone"]} == {"us-east-1b"}
    assert (public["MapPublicIpOnLaunch"], private["MapPublicIpOnLaunch"]) == (True, False)
    assert _way_out(ec2, public["SubnetId"]).startswith("igw-")
    assert _way_out(ec2, private["SubnetId"]).startswith("nat-")


def test_the_official_network_fits_into_a_vpc_that_is_there(cloud, ec2, stack):
    vpc_id = cloud.exports["VPC_ID"]
    (gateway,) = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc_id]}])[
        "InternetGateways"
    ]

    outputs = stack.create(
        _official_network(VpcId=vpc_id, InternetGatewayId=gateway["InternetGatewayId"]), **NETWORK_OUTPUTS
    )

    assert outputs["VpcId"] == vpc_id
    assert _way_out(ec2, outputs["PublicSubnetId"]) == gateway["InternetGatewayId"]


def test_an_official_template_that_is_not_here_is_the_reason(stack):
    nested = resource("CloudFormation::Stack", TemplateURL=f"{OFFICIAL}/policies/none.yaml")
    with pytest.raises(
        AssertionError,
        match=r"S3 error: The specified bucket does not exist .*: put this one into a bucket us-east-1-",
    ):
        stack.create({"Nested": nested})
