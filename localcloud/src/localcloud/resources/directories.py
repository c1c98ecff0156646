"""Directory Service's directories, of which moto has the API only.

Source: CloudFormation user guide, AWS::DirectoryService::MicrosoftAD and AWS::DirectoryService::SimpleAD.
"""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ds.models import ds_backends

from localcloud.resources.model import Properties, Resource, Stored, Wanted


class _Directory(Resource):
    """What both kinds share: ``Ref`` gives the id, and all but single sign-on makes another directory."""

    stored: ClassVar = Stored(ds_backends, "directories", "delete_directory")
    cfn_attributes: ClassVar = {"Alias": "alias", "DnsIpAddresses": "dns_ip_addresses"}

    def __init__(self, directory: Any, properties: Properties) -> None:
        self._directory = directory
        self._properties = properties
        self.physical_resource_id = str(directory.directory_id)
        self._directory.enable_sso(_flag(properties.get("EnableSso", False)))

    @property
    def alias(self) -> str:
        """The alias, which is the id until the directory gets one."""
        return str(self._directory.alias)

    @property
    def dns_ip_addresses(self) -> list[str]:
        """The addresses of the name servers, one in each subnet."""
        return list(self._directory.dns_ip_addrs)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> Any:
        """Creates the directory, with a network interface in each of its two subnets."""
        backend = wanted.place.regional(ds_backends)
        directory_id = cls.make(backend, wanted)
        return cls(backend.directories[directory_id], wanted.properties)

    def update_resource(self, wanted: Wanted) -> Any:
        """Switches single sign-on in place; with anything else changed it is another directory."""
        if {**wanted.properties, "EnableSso": None} != {**self._properties, "EnableSso": None}:
            return super().update_resource(wanted)
        return type(self)(self._directory, wanted.properties)

    @classmethod
    def make(cls, backend: Any, wanted: Wanted) -> str:
        """Makes a directory of this kind.

        Returns:
            Its id.
        """
        raise NotImplementedError


class MicrosoftDirectory(_Directory, CloudFormationModel):
    """`AWS::DirectoryService::MicrosoftAD`."""

    cfn_type = "AWS::DirectoryService::MicrosoftAD"

    @classmethod
    def make(cls, backend: Any, wanted: Wanted) -> str:
        """Makes a Microsoft AD, of the edition that is the default."""
        edition = wanted.properties.get("Edition", "Enterprise")
        return str(backend.create_microsoft_ad(**_common(wanted), description=None, edition=edition))


class SimpleDirectory(_Directory, CloudFormationModel):
    """`AWS::DirectoryService::SimpleAD`."""

    cfn_type = "AWS::DirectoryService::SimpleAD"

    @classmethod
    def make(cls, backend: Any, wanted: Wanted) -> str:
        """Makes a Simple AD of the size asked for."""
        description, size = wanted.properties.get("Description"), wanted.properties["Size"]
        return str(backend.create_directory(**_common(wanted), description=description, size=size))


def _common(wanted: Wanted) -> dict[str, Any]:
    properties = wanted.properties
    return {
        "region": wanted.place.region_name,
        "name": properties["Name"],
        "short_name": properties.get("ShortName"),
        "password": properties["Password"],
        # A copy: moto writes the security group into it.
        "vpc_settings": dict(properties["VpcSettings"]),
        "tags": [],
    }


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"
