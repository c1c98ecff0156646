"""EC2 key pairs, of which moto has the API only.

Source: CloudFormation user guide, AWS::EC2::KeyPair.
"""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models import key_pairs as moto_key_pairs
from moto.ssm.models import ssm_backends

from localcloud.resources.model import Place, Resource, Wanted, in_place_of, tags_by_key
from localcloud.seed import put_parameter


@in_place_of(moto_key_pairs.KeyPair)
class KeyPair(Resource, moto_key_pairs.KeyPair, CloudFormationModel):
    """`AWS::EC2::KeyPair`; the private key is in Parameter Store, unless the template brings a public one."""

    cfn_type = "AWS::EC2::KeyPair"
    cfn_name_property = "KeyName"
    cfn_attributes: ClassVar = {"KeyFingerprint": "key_fingerprint", "KeyPairId": "id"}

    def __init__(self, name: str, key_type: str | None, *arguments: Any, **others: Any) -> None:
        """Makes a pair; without a type it is one of RSA. Source: Amazon EC2 API reference, CreateKeyPair."""
        super().__init__(name, key_type or "rsa", *arguments, **others)

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The pair's name."""
        return str(self.key_name)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "KeyPair":
        """Imports the template's public key, or makes a pair and keeps its private key."""
        properties, place = wanted.properties, wanted.place
        backend, tags = place.regional(ec2_backends), tags_by_key(properties.get("Tags"))
        pair: KeyPair
        if "PublicKeyMaterial" in properties:
            pair = backend.import_key_pair(wanted.name, properties["PublicKeyMaterial"].encode(), tags)
            return pair
        pair = backend.create_key_pair(wanted.name, properties.get("KeyType", "rsa"), tags)
        put_parameter(place.regional(ssm_backends), _parameter(pair), pair.key_material, "SecureString")
        return pair

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the pair, and its private key from Parameter Store."""
        pair = place.regional(ec2_backends).delete_key_pair(physical_id)
        if pair:
            place.regional(ssm_backends).delete_parameter(_parameter(pair))


def _parameter(pair: moto_key_pairs.KeyPair) -> str:
    return f"/ec2/keypair/{pair.id}"
