"""Secrets Manager's secrets."""

import json
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.secretsmanager import models as moto_secrets

from localcloud.resources.model import Resource, Stored, Wanted

#: What a generated secret is like unless the template says otherwise, as arguments of moto's backend.
#: Source: Secrets Manager API reference, GetRandomPassword.
_GENERATION: dict[str, tuple[str, Any]] = {
    "PasswordLength": ("password_length", 32),
    "ExcludeCharacters": ("exclude_characters", ""),
    "ExcludeNumbers": ("exclude_numbers", False),
    "ExcludePunctuation": ("exclude_punctuation", False),
    "ExcludeUppercase": ("exclude_uppercase", False),
    "ExcludeLowercase": ("exclude_lowercase", False),
    "IncludeSpace": ("include_space", False),
    "RequireEachIncludedType": ("require_each_included_type", True),
}


#: As CloudFormation deletes a secret.
_AT_ONCE = {"recovery_window_in_days": None, "force_delete_without_recovery": True}


class Secret(Resource, CloudFormationModel):
    """`AWS::SecretsManager::Secret`, of which moto has the API only."""

    cfn_type = "AWS::SecretsManager::Secret"
    cfn_name_property = "Name"
    stored: ClassVar = Stored(moto_secrets.secretsmanager_backends, "secrets", "delete_secret", _AT_ONCE)

    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}

    def __init__(self, secret: Any) -> None:
        self._secret = secret
        self.physical_resource_id = str(secret.arn)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Secret":
        """Creates the secret with the text given, or with one that is generated."""
        properties = wanted.properties
        backend = wanted.place.regional(moto_secrets.secretsmanager_backends)
        generated = properties.get("GenerateSecretString", {})
        backend.create_secret(
            name=wanted.name,
            secret_string=properties.get("SecretString") or _generate(backend, generated),
            secret_binary=None,
            description=properties.get("Description"),
            tags=properties.get("Tags"),
            kms_key_id=properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        return cls(backend.secrets[wanted.name])

    def update_resource(self, wanted: Wanted) -> "Secret":
        """Changes description and tags in place; what was generated stays as it is."""
        properties = wanted.properties
        self._secret.update(properties.get("Description"), properties.get("Tags"), properties.get("KmsKeyId"))
        return self


def _generate(backend: Any, wanted: dict[str, Any]) -> str:
    arguments = {name: wanted.get(key, default) for key, (name, default) in _GENERATION.items()}
    arguments["password_length"] = int(arguments["password_length"])
    password = json.loads(backend.get_random_password(**arguments))["RandomPassword"]
    template = wanted.get("SecretStringTemplate")
    if template is None:
        return str(password)
    return json.dumps(json.loads(template) | {wanted["GenerateStringKey"]: password})
