"""The types of ParallelCluster 3.16.1's configuration. Made by ``make schemas``; do not edit."""

from typing import Any, Literal, Required, TypedDict


class AdditionalPackagesIntelSoftware(TypedDict, total=False):
    """``AdditionalPackages/IntelSoftware``."""

    IntelHpcPlatform: bool
    """Update: not allowed; it takes a new cluster."""


class AdditionalPackages(TypedDict, total=False):
    """``AdditionalPackages``."""

    IntelSoftware: AdditionalPackagesIntelSoftware
    """Update: not allowed; it takes a new cluster."""


class DeploymentSettingsLambdaFunctionsVpcConfig(TypedDict, total=False):
    """``DeploymentSettings/LambdaFunctionsVpcConfig``."""

    SecurityGroupIds: Required[list[str]]
    """Update: not allowed; it takes a new cluster."""
    SubnetIds: Required[list[str]]
    """Update: not allowed; it takes a new cluster."""


class DeploymentSettings(TypedDict, total=False):
    """``DeploymentSettings``."""

    DefaultUserHome: Literal["Shared", "Local"]
    """Update: not allowed; it takes a new cluster."""
    DisableSudoAccessForDefaultUser: bool
    """Update: needs a stopped compute fleet and no login nodes."""
    LambdaFunctionsVpcConfig: DeploymentSettingsLambdaFunctionsVpcConfig
    """Update: not allowed; it takes a new cluster."""


class DevSettingsAmiSearchFiltersTags(TypedDict, total=False):
    """``DevSettings/AmiSearchFilters/Tags``."""

    Key: Required[str]
    """Update: not allowed; it takes a new cluster."""
    Value: Required[str]
    """Update: allowed, but in isolated Regions."""


class DevSettingsAmiSearchFilters(TypedDict, total=False):
    """``DevSettings/AmiSearchFilters``."""

    NamePrefix: str
    """Update: not allowed; it takes a new cluster."""
    Owner: str
    """Update: not allowed; it takes a new cluster."""
    Tags: list[DevSettingsAmiSearchFiltersTags]
    """Update: not allowed; it takes a new cluster."""


class DevSettingsCookbook(TypedDict, total=False):
    """``DevSettings/Cookbook``."""

    ChefCookbook: str
    """Update: not allowed; it takes a new cluster."""
    ExtraChefAttributes: str
    """Update: allowed for a few attributes only."""


class DevSettingsTimeouts(TypedDict, total=False):
    """``DevSettings/Timeouts``."""

    ComputeInstanceInfoTimeout: int
    """Update: allowed."""
    ComputeNodeBootstrapTimeout: int
    """Update: allowed."""
    HeadNodeBootstrapTimeout: int
    """Update: not allowed; it takes a new cluster."""


class DevSettings(TypedDict, total=False):
    """``DevSettings``."""

    AmiSearchFilters: DevSettingsAmiSearchFilters
    """Update: not allowed; it takes a new cluster."""
    ClusterTemplate: str
    """Update: allowed."""
    ComputeStartupTimeMetricEnabled: bool
    """Update: allowed."""
    Cookbook: DevSettingsCookbook
    """Update: allowed; what is in it has rules of its own."""
    EfaInterfaceType: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    InstanceTypesData: str
    """Update: allowed."""
    NodePackage: str
    """Update: not allowed; it takes a new cluster."""
    Timeouts: DevSettingsTimeouts
    """Update: allowed."""


class DirectoryService(TypedDict, total=False):
    """``DirectoryService``."""

    AdditionalSssdConfigs: dict[str, Any]
    """Update: needs a stopped compute fleet and no login nodes."""
    DomainAddr: Required[str]
    """Update: needs a stopped compute fleet and no login nodes."""
    DomainName: Required[str]
    """Update: needs a stopped compute fleet and no login nodes."""
    DomainReadOnlyUser: Required[str]
    """Update: needs a stopped compute fleet and no login nodes."""
    GenerateSshKeysForUsers: bool
    """Update: needs a stopped compute fleet and no login nodes."""
    LdapAccessFilter: str
    """Update: needs a stopped compute fleet and no login nodes."""
    LdapTlsCaCert: str
    """Update: needs a stopped compute fleet and no login nodes."""
    LdapTlsReqCert: Literal["never", "allow", "try", "demand", "hard"]
    """Update: needs a stopped compute fleet and no login nodes."""
    PasswordSecretArn: Required[str]
    """Update: needs a stopped compute fleet and no login nodes."""


class HeadNodeCustomActionsOnNodeConfiguredSequence(TypedDict, total=False):
    """``HeadNode/CustomActions/OnNodeConfigured/Sequence``."""

    Args: list[str]
    """Update: not allowed; it takes a new cluster."""
    Script: Required[str]
    """Update: not allowed; it takes a new cluster."""


class HeadNodeCustomActionsOnNodeConfigured(TypedDict, total=False):
    """``HeadNode/CustomActions/OnNodeConfigured``."""

    Args: list[str]
    """Update: not allowed; it takes a new cluster."""
    Script: str
    """Update: not allowed; it takes a new cluster."""
    Sequence: list[HeadNodeCustomActionsOnNodeConfiguredSequence]


class HeadNodeCustomActionsOnNodeUpdatedSequence(TypedDict, total=False):
    """``HeadNode/CustomActions/OnNodeUpdated/Sequence``."""

    Args: list[str]
    """Update: allowed."""
    Script: Required[str]
    """Update: allowed."""


class HeadNodeCustomActionsOnNodeUpdated(TypedDict, total=False):
    """``HeadNode/CustomActions/OnNodeUpdated``."""

    Args: list[str]
    """Update: allowed."""
    Script: str
    """Update: allowed."""
    Sequence: list[HeadNodeCustomActionsOnNodeUpdatedSequence]


class HeadNodeCustomActions(TypedDict, total=False):
    """``HeadNode/CustomActions``."""

    OnNodeConfigured: HeadNodeCustomActionsOnNodeConfigured
    """Update: not allowed; it takes a new cluster."""
    OnNodeStart: HeadNodeCustomActionsOnNodeConfigured
    """Update: not allowed; it takes a new cluster."""
    OnNodeUpdated: HeadNodeCustomActionsOnNodeUpdated
    """Update: allowed."""


class HeadNodeDcv(TypedDict, total=False):
    """``HeadNode/Dcv``."""

    AllowedIps: str
    """Update: allowed."""
    Enabled: bool
    """Update: not allowed; it takes a new cluster."""
    Port: int
    """Update: not allowed; it takes a new cluster."""


class HeadNodeIamAdditionalIamPolicies(TypedDict, total=False):
    """``HeadNode/Iam/AdditionalIamPolicies``."""

    Policy: Required[str]
    """Update: allowed."""


class HeadNodeIamS3Access(TypedDict, total=False):
    """``HeadNode/Iam/S3Access``."""

    BucketName: Required[str]
    """Update: allowed."""
    EnableWriteAccess: bool
    """Update: allowed."""
    KeyName: str
    """Update: allowed."""


class HeadNodeIam(TypedDict, total=False):
    """``HeadNode/Iam``."""

    AdditionalIamPolicies: list[HeadNodeIamAdditionalIamPolicies]
    """Update: allowed."""
    InstanceProfile: str
    """Update: not allowed; it takes a new cluster."""
    InstanceRole: str
    """Update: allowed."""
    S3Access: list[HeadNodeIamS3Access]
    """Update: allowed."""


class HeadNodeImage(TypedDict, total=False):
    """``HeadNode/Image``."""

    CustomAmi: str
    """Update: not allowed; it takes a new cluster."""


class HeadNodeImds(TypedDict, total=False):
    """``HeadNode/Imds``."""

    Secured: bool
    """Update: not allowed; it takes a new cluster."""


class HeadNodeLocalStorageEphemeralVolume(TypedDict, total=False):
    """``HeadNode/LocalStorage/EphemeralVolume``."""

    MountDir: str
    """Update: not allowed; it takes a new cluster."""


class HeadNodeLocalStorageRootVolume(TypedDict, total=False):
    """``HeadNode/LocalStorage/RootVolume``."""

    DeleteOnTermination: bool
    """Update: not allowed; it takes a new cluster."""
    Encrypted: bool
    """Update: not allowed; it takes a new cluster."""
    Iops: int
    """Update: not allowed; it takes a new cluster."""
    Size: int
    """Update: not allowed; it takes a new cluster."""
    Throughput: int
    """Update: not allowed; it takes a new cluster."""
    VolumeType: Literal["standard", "io1", "io2", "gp2", "st1", "sc1", "gp3"]
    """Update: not allowed; it takes a new cluster."""


class HeadNodeLocalStorage(TypedDict, total=False):
    """``HeadNode/LocalStorage``."""

    EphemeralVolume: HeadNodeLocalStorageEphemeralVolume
    """Update: not allowed; it takes a new cluster."""
    RootVolume: HeadNodeLocalStorageRootVolume
    """Update: not allowed; it takes a new cluster."""


class HeadNodeNetworkingProxy(TypedDict, total=False):
    """``HeadNode/Networking/Proxy``."""

    HttpProxyAddress: str
    """Update: not allowed; it takes a new cluster."""


class HeadNodeNetworking(TypedDict, total=False):
    """``HeadNode/Networking``."""

    AdditionalSecurityGroups: list[str]
    """Update: allowed."""
    ElasticIp: bool | str
    """Update: not allowed; it takes a new cluster."""
    Proxy: HeadNodeNetworkingProxy
    """Update: not allowed; it takes a new cluster."""
    SecurityGroups: list[str]
    """Update: allowed."""
    SubnetId: Required[str]
    """Update: not allowed; it takes a new cluster."""


class HeadNodeSharedStorageEfsSettings(TypedDict, total=False):
    """``HeadNode/SharedStorageEfsSettings``."""

    Encrypted: bool
    """Update: not allowed; it takes a new cluster."""


class HeadNodeSsh(TypedDict, total=False):
    """``HeadNode/Ssh``."""

    AllowedIps: str
    """Update: allowed."""
    KeyName: str
    """Update: not allowed; it takes a new cluster."""


class HeadNode(TypedDict, total=False):
    """``HeadNode``."""

    CustomActions: HeadNodeCustomActions
    """Update: allowed; what is in it has rules of its own."""
    Dcv: HeadNodeDcv
    """Update: not allowed; it takes a new cluster."""
    DisableSimultaneousMultithreading: bool
    """Update: not allowed; it takes a new cluster."""
    Iam: HeadNodeIam
    """Update: allowed."""
    Image: HeadNodeImage
    """Update: not allowed; it takes a new cluster."""
    Imds: HeadNodeImds
    """Update: not allowed; it takes a new cluster."""
    InstanceType: Required[str]
    """Update: not allowed; it takes a new cluster."""
    LocalStorage: HeadNodeLocalStorage
    """Update: not allowed; it takes a new cluster."""
    Networking: Required[HeadNodeNetworking]
    """Update: not allowed; it takes a new cluster."""
    SharedStorageEfsSettings: HeadNodeSharedStorageEfsSettings
    """Update: not allowed; it takes a new cluster."""
    SharedStorageType: Literal["Ebs", "Efs"]
    """Update: not allowed; it takes a new cluster."""
    Ssh: HeadNodeSsh
    """Update: allowed."""


class IamRoles(TypedDict, total=False):
    """``Iam/Roles``."""

    LambdaFunctionsRole: str
    """Update: allowed."""


class Iam(TypedDict, total=False):
    """``Iam``."""

    PermissionsBoundary: str
    """Update: allowed."""
    ResourcePrefix: str
    """Update: not allowed; it takes a new cluster."""
    Roles: IamRoles
    """Update: allowed."""


class Image(TypedDict, total=False):
    """``Image``."""

    CustomAmi: str
    """Update: not allowed; it takes a new cluster."""
    Os: Required[Literal["alinux2023", "ubuntu2204", "ubuntu2404", "rhel8", "rocky8", "rhel9", "rocky9"]]
    """Update: not allowed; it takes a new cluster."""


class Imds(TypedDict, total=False):
    """``Imds``."""

    ImdsSupport: Literal["v1.0", "v2.0"]
    """Update: not allowed; it takes a new cluster."""


class LoginNodesPoolsIam(TypedDict, total=False):
    """``LoginNodes/Pools/Iam``."""

    AdditionalIamPolicies: list[HeadNodeIamAdditionalIamPolicies]
    """Update: needs a pool without login nodes."""
    InstanceProfile: str
    """Update: needs a pool without login nodes."""
    InstanceRole: str
    """Update: needs a pool without login nodes."""


class LoginNodesPoolsImage(TypedDict, total=False):
    """``LoginNodes/Pools/Image``."""

    CustomAmi: str
    """Update: needs a pool without login nodes."""


class LoginNodesPoolsNetworkingProxy(TypedDict, total=False):
    """``LoginNodes/Pools/Networking/Proxy``."""

    HttpProxyAddress: str
    """Update: allowed."""


class LoginNodesPoolsNetworking(TypedDict, total=False):
    """``LoginNodes/Pools/Networking``."""

    AdditionalSecurityGroups: list[str]
    """Update: needs a pool without login nodes."""
    Proxy: LoginNodesPoolsNetworkingProxy
    """Update: needs a pool without login nodes."""
    SecurityGroups: list[str]
    """Update: needs a pool without login nodes."""
    SubnetIds: Required[list[str]]
    """Update: needs a pool without login nodes."""


class LoginNodesPoolsSsh(TypedDict, total=False):
    """``LoginNodes/Pools/Ssh``."""

    AllowedIps: str
    """Update: needs a pool without login nodes."""


class LoginNodesPools(TypedDict, total=False):
    """``LoginNodes/Pools``."""

    Count: Required[int]
    """Update: allowed."""
    CustomActions: HeadNodeCustomActions
    """Update: allowed; what is in it has rules of its own."""
    Dcv: HeadNodeDcv
    """Update: not allowed; it takes a new cluster."""
    GracetimePeriod: int
    """Update: allowed."""
    Iam: LoginNodesPoolsIam
    """Update: needs a pool without login nodes."""
    Image: LoginNodesPoolsImage
    """Update: needs a pool without login nodes."""
    InstanceType: Required[str]
    """Update: needs a pool without login nodes."""
    Name: Required[str]
    """Update: needs a pool without login nodes."""
    Networking: Required[LoginNodesPoolsNetworking]
    """Update: needs a pool without login nodes."""
    Ssh: LoginNodesPoolsSsh
    """Update: needs a pool without login nodes."""


class LoginNodes(TypedDict, total=False):
    """``LoginNodes``."""

    Pools: Required[list[LoginNodesPools]]
    """Update: adding is allowed; removing needs a pool without login nodes."""


class MonitoringAlarms(TypedDict, total=False):
    """``Monitoring/Alarms``."""

    Enabled: bool
    """Update: allowed."""


class MonitoringDashboards(TypedDict, total=False):
    """``Monitoring/Dashboards``."""

    CloudWatch: MonitoringAlarms
    """Update: allowed."""


class MonitoringLogsCloudWatch(TypedDict, total=False):
    """``Monitoring/Logs/CloudWatch``."""

    DeletionPolicy: Literal["Delete", "Retain"]
    """Update: allowed."""
    Enabled: bool
    """Update: not allowed; it takes a new cluster."""
    RetentionInDays: Literal[0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]
    """Update: allowed."""


class MonitoringLogsRotation(TypedDict, total=False):
    """``Monitoring/Logs/Rotation``."""

    Enabled: bool
    """Update: not allowed; it takes a new cluster."""


class MonitoringLogs(TypedDict, total=False):
    """``Monitoring/Logs``."""

    CloudWatch: MonitoringLogsCloudWatch
    """Update: not allowed; it takes a new cluster."""
    Rotation: MonitoringLogsRotation
    """Update: not allowed; it takes a new cluster."""


class Monitoring(TypedDict, total=False):
    """``Monitoring``."""

    Alarms: MonitoringAlarms
    """Update: allowed."""
    Dashboards: MonitoringDashboards
    """Update: allowed."""
    DetailedMonitoring: bool
    """Update: needs a stopped compute fleet."""
    Logs: MonitoringLogs
    """Update: not allowed; it takes a new cluster."""


class SchedulingSlurmQueuesCapacityReservationTarget(TypedDict, total=False):
    """``Scheduling/SlurmQueues/CapacityReservationTarget``."""

    CapacityReservationId: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CapacityReservationResourceGroupArn: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeResourcesEfa(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/Efa``."""

    Enabled: bool
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    GdrSupport: bool
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeResourcesHealthChecks(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/HealthChecks``."""

    Gpu: MonitoringAlarms
    """Update: allowed."""


class SchedulingSlurmQueuesComputeResourcesInstances(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/Instances``."""

    InstanceType: Required[str]
    """Update: needs a stopped compute fleet."""


class SchedulingSlurmQueuesComputeResourcesLaunchTemplateOverrides(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/LaunchTemplateOverrides``."""

    LaunchTemplateId: Required[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Version: Required[int]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeResourcesNetworkingPlacementGroup(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/Networking/PlacementGroup``."""

    Enabled: bool
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""
    Id: str
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""
    Name: str
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""


class SchedulingSlurmQueuesComputeResourcesNetworking(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/Networking``."""

    PlacementGroup: SchedulingSlurmQueuesComputeResourcesNetworkingPlacementGroup
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""


class SchedulingSlurmQueuesComputeResourcesTags(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources/Tags``."""

    Key: Required[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Value: Required[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeResources(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeResources``."""

    CapacityReservationTarget: SchedulingSlurmQueuesCapacityReservationTarget
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CustomSlurmSettings: dict[str, Any]
    """Update: allowed."""
    DisableSimultaneousMultithreading: bool
    """Update: needs a stopped compute fleet."""
    DynamicNodePriority: int
    """Update: allowed."""
    Efa: SchedulingSlurmQueuesComputeResourcesEfa
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    HealthChecks: SchedulingSlurmQueuesComputeResourcesHealthChecks
    """Update: allowed."""
    InstanceType: str
    """Update: needs a stopped compute fleet."""
    Instances: list[SchedulingSlurmQueuesComputeResourcesInstances]
    """Update: adding is allowed; removing needs a stopped compute fleet."""
    LaunchTemplateOverrides: SchedulingSlurmQueuesComputeResourcesLaunchTemplateOverrides
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    MaxCount: int
    """Update: growing is allowed; shrinking or removing needs a stopped compute fleet or QueueUpdateStrategy TERMINATE."""
    MinCount: int
    """Update: raising is allowed if MaxCount grows by as much; else it needs a stopped compute fleet or QueueUpdateStrategy TERMINATE."""
    Name: Required[str]
    """Update: not allowed; it takes a new cluster."""
    Networking: SchedulingSlurmQueuesComputeResourcesNetworking
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""
    SchedulableMemory: int
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    SpotPrice: float
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    StaticNodePriority: int
    """Update: allowed."""
    Tags: list[SchedulingSlurmQueuesComputeResourcesTags]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeSettingsLocalStorageEphemeralVolume(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeSettings/LocalStorage/EphemeralVolume``."""

    MountDir: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeSettingsLocalStorageRootVolume(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeSettings/LocalStorage/RootVolume``."""

    Encrypted: bool
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Iops: int
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Size: int
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Throughput: int
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    VolumeType: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeSettingsLocalStorage(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeSettings/LocalStorage``."""

    EphemeralVolume: SchedulingSlurmQueuesComputeSettingsLocalStorageEphemeralVolume
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    RootVolume: SchedulingSlurmQueuesComputeSettingsLocalStorageRootVolume
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesComputeSettings(TypedDict, total=False):
    """``Scheduling/SlurmQueues/ComputeSettings``."""

    LocalStorage: SchedulingSlurmQueuesComputeSettingsLocalStorage
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesCustomActionsOnNodeConfiguredSequence(TypedDict, total=False):
    """``Scheduling/SlurmQueues/CustomActions/OnNodeConfigured/Sequence``."""

    Args: list[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Script: Required[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesCustomActionsOnNodeConfigured(TypedDict, total=False):
    """``Scheduling/SlurmQueues/CustomActions/OnNodeConfigured``."""

    Args: list[str]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Script: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Sequence: list[SchedulingSlurmQueuesCustomActionsOnNodeConfiguredSequence]


class SchedulingSlurmQueuesCustomActions(TypedDict, total=False):
    """``Scheduling/SlurmQueues/CustomActions``."""

    OnNodeConfigured: SchedulingSlurmQueuesCustomActionsOnNodeConfigured
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    OnNodeStart: SchedulingSlurmQueuesCustomActionsOnNodeConfigured
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesIam(TypedDict, total=False):
    """``Scheduling/SlurmQueues/Iam``."""

    AdditionalIamPolicies: list[HeadNodeIamAdditionalIamPolicies]
    """Update: allowed."""
    InstanceProfile: str
    """Update: needs a stopped compute fleet."""
    InstanceRole: str
    """Update: allowed."""
    S3Access: list[HeadNodeIamS3Access]
    """Update: allowed."""


class SchedulingSlurmQueuesImage(TypedDict, total=False):
    """``Scheduling/SlurmQueues/Image``."""

    CustomAmi: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesNetworkingProxy(TypedDict, total=False):
    """``Scheduling/SlurmQueues/Networking/Proxy``."""

    HttpProxyAddress: str
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueuesNetworking(TypedDict, total=False):
    """``Scheduling/SlurmQueues/Networking``."""

    AdditionalSecurityGroups: list[str]
    """Update: allowed."""
    AssignPublicIp: bool
    """Update: not allowed; it takes a new cluster."""
    PlacementGroup: SchedulingSlurmQueuesComputeResourcesNetworkingPlacementGroup
    """Update: needs a stopped compute fleet, or a QueueUpdateStrategy unless a managed group goes."""
    Proxy: SchedulingSlurmQueuesNetworkingProxy
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    SecurityGroups: list[str]
    """Update: allowed."""
    SubnetIds: Required[list[str]]
    """Update: not while the cluster manages an FSx for Lustre file system; else needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmQueues(TypedDict, total=False):
    """``Scheduling/SlurmQueues``."""

    AllocationStrategy: Literal["lowest-price", "capacity-optimized", "price-capacity-optimized", "prioritized", "capacity-optimized-prioritized"]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CapacityReservationTarget: SchedulingSlurmQueuesCapacityReservationTarget
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CapacityType: Literal["CAPACITY_BLOCK", "ONDEMAND", "SPOT"]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    ComputeResources: list[SchedulingSlurmQueuesComputeResources]
    """Update: growing is allowed; shrinking or removing needs a stopped compute fleet or QueueUpdateStrategy TERMINATE."""
    ComputeSettings: SchedulingSlurmQueuesComputeSettings
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CustomActions: SchedulingSlurmQueuesCustomActions
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    CustomSlurmSettings: dict[str, Any]
    """Update: allowed."""
    HealthChecks: SchedulingSlurmQueuesComputeResourcesHealthChecks
    """Update: allowed."""
    Iam: SchedulingSlurmQueuesIam
    """Update: allowed."""
    Image: SchedulingSlurmQueuesImage
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    JobExclusiveAllocation: bool
    """Update: allowed."""
    Name: Required[str]
    """Update: not allowed; it takes a new cluster."""
    Networking: Required[SchedulingSlurmQueuesNetworking]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""
    Tags: list[SchedulingSlurmQueuesComputeResourcesTags]
    """Update: needs a stopped compute fleet or a QueueUpdateStrategy."""


class SchedulingSlurmSettingsDatabase(TypedDict, total=False):
    """``Scheduling/SlurmSettings/Database``."""

    DatabaseName: str
    """Update: allowed."""
    PasswordSecretArn: Required[str]
    """Update: needs a stopped compute fleet."""
    Uri: Required[str]
    """Update: needs a stopped compute fleet."""
    UserName: Required[str]
    """Update: needs a stopped compute fleet."""


class SchedulingSlurmSettingsDns(TypedDict, total=False):
    """``Scheduling/SlurmSettings/Dns``."""

    DisableManagedDns: bool
    """Update: not allowed; it takes a new cluster."""
    HostedZoneId: str
    """Update: not allowed; it takes a new cluster."""
    UseEc2Hostnames: bool
    """Update: not allowed; it takes a new cluster."""


class SchedulingSlurmSettingsExternalSlurmdbd(TypedDict, total=False):
    """``Scheduling/SlurmSettings/ExternalSlurmdbd``."""

    Host: Required[str]
    """Update: allowed."""
    Port: int
    """Update: allowed."""


class SchedulingSlurmSettings(TypedDict, total=False):
    """``Scheduling/SlurmSettings``."""

    CustomSlurmSettings: list[dict[str, Any]]
    """Update: allowed."""
    CustomSlurmSettingsIncludeFile: str
    """Update: allowed."""
    Database: SchedulingSlurmSettingsDatabase
    """Update: needs a stopped compute fleet."""
    Dns: SchedulingSlurmSettingsDns
    """Update: not allowed; it takes a new cluster."""
    EnableMemoryBasedScheduling: bool
    """Update: needs a stopped compute fleet."""
    ExternalSlurmdbd: SchedulingSlurmSettingsExternalSlurmdbd
    """Update: allowed."""
    MungeKeySecretArn: str
    """Update: needs a stopped compute fleet and no login nodes."""
    QueueUpdateStrategy: Literal["DRAIN", "COMPUTE_FLEET_STOP", "TERMINATE"]
    """Update: allowed; what is in it has rules of its own."""
    ScaledownIdletime: int
    """Update: needs a stopped compute fleet."""


class Scheduling(TypedDict, total=False):
    """``Scheduling``."""

    ScalingStrategy: Literal["all-or-nothing", "best-effort", "greedy-all-or-nothing"]
    """Update: allowed."""
    Scheduler: Required[Literal["slurm"]]
    """Update: not allowed; it takes a new cluster."""
    SlurmQueues: Required[list[SchedulingSlurmQueues]]
    """Update: growing is allowed; shrinking or removing needs a stopped compute fleet or QueueUpdateStrategy TERMINATE."""
    SlurmSettings: SchedulingSlurmSettings
    """Update: allowed; what is in it has rules of its own."""


class SharedStorageEbsSettingsRaid(TypedDict, total=False):
    """``SharedStorage/EbsSettings/Raid``."""

    NumberOfVolumes: int
    """Update: not allowed; it takes a new cluster."""
    Type: Required[Literal[0, 1]]
    """Update: not allowed; it takes a new cluster."""


class SharedStorageEbsSettings(TypedDict, total=False):
    """``SharedStorage/EbsSettings``."""

    DeletionPolicy: Literal["Delete", "Retain", "Snapshot"]
    """Update: allowed."""
    Encrypted: bool
    """Update: not allowed; it takes a new cluster."""
    Iops: int
    """Update: allowed."""
    KmsKeyId: str
    """Update: not allowed; it takes a new cluster."""
    Raid: SharedStorageEbsSettingsRaid
    """Update: not allowed; it takes a new cluster."""
    Size: int
    """Update: not allowed; it takes a new cluster."""
    SnapshotId: str
    """Update: not allowed; it takes a new cluster."""
    Throughput: int
    """Update: allowed."""
    VolumeId: str
    """Update: not allowed; it takes a new cluster."""
    VolumeType: Literal["standard", "io1", "io2", "gp2", "st1", "sc1", "gp3"]
    """Update: not allowed; it takes a new cluster."""


class SharedStorageEfsSettings(TypedDict, total=False):
    """``SharedStorage/EfsSettings``."""

    AccessPointId: str
    """Update: not allowed; it takes a new cluster."""
    DeletionPolicy: Literal["Delete", "Retain"]
    """Update: allowed."""
    Encrypted: bool
    """Update: not allowed; it takes a new cluster."""
    EncryptionInTransit: bool
    """Update: not allowed; it takes a new cluster."""
    FileSystemId: str
    """Update: not allowed; it takes a new cluster."""
    IamAuthorization: bool
    """Update: not allowed; it takes a new cluster."""
    KmsKeyId: str
    """Update: not allowed; it takes a new cluster."""
    PerformanceMode: Literal["generalPurpose", "maxIO"]
    """Update: not allowed; it takes a new cluster."""
    ProvisionedThroughput: int
    """Update: allowed."""
    ThroughputMode: Literal["provisioned", "bursting"]
    """Update: allowed."""


class SharedStorageFileCacheSettings(TypedDict, total=False):
    """``SharedStorage/FileCacheSettings``."""

    FileCacheId: Required[str]
    """Update: not allowed; it takes a new cluster."""


class SharedStorageFsxLustreSettingsDataRepositoryAssociations(TypedDict, total=False):
    """``SharedStorage/FsxLustreSettings/DataRepositoryAssociations``."""

    AutoExportPolicy: list[Literal["NEW", "CHANGED", "DELETED"]]
    """Update: allowed."""
    AutoImportPolicy: list[Literal["NEW", "CHANGED", "DELETED"]]
    """Update: allowed."""
    BatchImportMetaDataOnCreate: bool
    """Update: not allowed; it takes a new cluster."""
    DataRepositoryPath: Required[str]
    """Update: not allowed; it takes a new cluster."""
    FileSystemPath: Required[str]
    """Update: not allowed; it takes a new cluster."""
    ImportedFileChunkSize: int
    """Update: allowed."""
    Name: Required[str]
    """Update: not allowed; it takes a new cluster."""


class SharedStorageFsxLustreSettings(TypedDict, total=False):
    """``SharedStorage/FsxLustreSettings``."""

    AutoImportPolicy: Literal["NEW", "NEW_CHANGED", "NEW_CHANGED_DELETED"]
    """Update: not allowed; it takes a new cluster."""
    AutomaticBackupRetentionDays: int
    """Update: allowed."""
    BackupId: str
    """Update: not allowed; it takes a new cluster."""
    CopyTagsToBackups: bool
    """Update: not allowed; it takes a new cluster."""
    DailyAutomaticBackupStartTime: str
    """Update: allowed."""
    DataCompressionType: Literal["LZ4"]
    """Update: allowed."""
    DataRepositoryAssociations: list[SharedStorageFsxLustreSettingsDataRepositoryAssociations]
    """Update: allowed."""
    DeletionPolicy: Literal["Delete", "Retain"]
    """Update: allowed."""
    DeploymentType: Literal["SCRATCH_1", "SCRATCH_2", "PERSISTENT_1", "PERSISTENT_2"]
    """Update: not allowed; it takes a new cluster."""
    DriveCacheType: Literal["READ"]
    """Update: not allowed; it takes a new cluster."""
    ExportPath: str
    """Update: not allowed; it takes a new cluster."""
    FileSystemId: str
    """Update: not allowed; it takes a new cluster."""
    ImportPath: str
    """Update: not allowed; it takes a new cluster."""
    ImportedFileChunkSize: int
    """Update: not allowed; it takes a new cluster."""
    KmsKeyId: str
    """Update: not allowed; it takes a new cluster."""
    PerUnitStorageThroughput: int
    """Update: not allowed; it takes a new cluster."""
    StorageCapacity: int
    """Update: not allowed; it takes a new cluster."""
    StorageType: Literal["HDD", "SSD"]
    """Update: not allowed; it takes a new cluster."""
    WeeklyMaintenanceStartTime: str
    """Update: allowed."""


class SharedStorageFsxOntapSettings(TypedDict, total=False):
    """``SharedStorage/FsxOntapSettings``."""

    VolumeId: Required[str]
    """Update: not allowed; it takes a new cluster."""


class SharedStorage(TypedDict, total=False):
    """``SharedStorage``."""

    EbsSettings: SharedStorageEbsSettings
    """Update: allowed; what is in it has rules of its own."""
    EfsSettings: SharedStorageEfsSettings
    """Update: allowed; what is in it has rules of its own."""
    FileCacheSettings: SharedStorageFileCacheSettings
    """Update: not allowed; it takes a new cluster."""
    FsxLustreSettings: SharedStorageFsxLustreSettings
    """Update: allowed; what is in it has rules of its own."""
    FsxOntapSettings: SharedStorageFsxOntapSettings
    """Update: not allowed; it takes a new cluster."""
    FsxOpenZfsSettings: SharedStorageFsxOntapSettings
    """Update: not allowed; it takes a new cluster."""
    MountDir: Required[str]
    """Update: file systems from outside may come and go; others need a stopped compute fleet or a QueueUpdateStrategy, and no login nodes."""
    Name: Required[str]
    """Update: not allowed; it takes a new cluster."""
    StorageType: Required[Literal["Ebs", "FsxLustre", "FsxOpenZfs", "FsxOntap", "Efs", "FileCache"]]
    """Update: not allowed; it takes a new cluster."""


class Tags(TypedDict, total=False):
    """``Tags``."""

    Key: Required[str]
    """Update: not allowed; it takes a new cluster."""
    Value: Required[str]
    """Update: allowed, but in isolated Regions."""


class ClusterConfiguration(TypedDict, total=False):
    """A cluster's configuration."""

    AdditionalPackages: AdditionalPackages
    """Update: not allowed; it takes a new cluster."""
    AdditionalResources: str
    """Update: allowed."""
    CustomS3Bucket: str
    """Update: not allowed."""
    DeploymentSettings: DeploymentSettings
    """Update: not allowed; it takes a new cluster."""
    DevSettings: DevSettings
    """Update: allowed."""
    DirectoryService: DirectoryService
    """Update: needs a stopped compute fleet and no login nodes."""
    HeadNode: Required[HeadNode]
    """Update: allowed."""
    Iam: Iam
    """Update: allowed; what is in it has rules of its own."""
    Image: Required[Image]
    """Update: not allowed; it takes a new cluster."""
    Imds: Imds
    """Update: not allowed; it takes a new cluster."""
    LoginNodes: LoginNodes
    """Update: needs a cluster without login nodes."""
    Monitoring: Monitoring
    """Update: allowed; what is in it has rules of its own."""
    Region: str
    """Update: not allowed; it takes a new cluster."""
    Scheduling: Required[Scheduling]
    """Update: not allowed; it takes a new cluster."""
    SharedStorage: list[SharedStorage]
    """Update: file systems from outside may come and go; others need a stopped compute fleet or a QueueUpdateStrategy, and no login nodes."""
    Tags: list[Tags]
    """Update: allowed, but in isolated Regions."""
