"""S3: bucket policies as they apply to this account, checksums, and cheap listings of versions."""

import base64
import hashlib
import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Self, cast

import xmltodict
from moto.core.common_models import CloudFormationModel
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import models as moto_s3
from moto.s3.exceptions import MissingBucket, S3ClientError
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response

from localcloud.resources.model import Identified, Place, Wanted, in_place_of, number


def _concerns_callers(statement: dict[str, Any]) -> bool:
    """Returns whether moto can evaluate a statement: it ignores conditions and service principals."""
    principal = statement.get("Principal", "*")
    return "Condition" not in statement and (principal == "*" or "AWS" in principal)


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    policy["Statement"] = [statement for statement in statements if _concerns_callers(statement)]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    result: PermissionResult = IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)
    return result


def judge_bucket_policies_like_s3() -> None:
    """Excludes statements with a condition or a service principal from moto's evaluation.

    moto takes every statement as if it had no condition and held for everyone. ParallelCluster's own bucket
    denies all requests without TLS, which would then be all requests.
    """
    bucket_class: Any = moto_s3.FakeBucket
    bucket_class.get_permission = _get_permission


def refuse_bodies_that_differ_from_their_checksum() -> None:
    """Has S3 compare a body with the SHA-256 in its header; moto does not.

    Source: S3 user guide, "Checking object integrity"; error responses, BadDigest.
    """
    response_class: Any = S3Response
    put_object = response_class.put_object

    def put_object_if_it_is_whole(self: Any) -> Any:
        given = self.headers.get("x-amz-checksum-sha256")
        computed = base64.b64encode(hashlib.sha256(self.body or b"").digest()).decode()
        if given not in {None, computed}:
            raise S3ClientError(
                "BadDigest", "The SHA256 you specified did not match the calculated checksum."
            )
        return put_object(self)

    response_class.put_object = put_object_if_it_is_whole


class _ListedKey(moto_s3.FakeKey):
    """A version of an object in a listing: it shares the contents and never closes them."""

    def __new__(cls, _: moto_s3.FakeKey) -> Self:
        return object.__new__(cls)  # moto's own keeps every object for as long as the process runs

    def __init__(self, key: moto_s3.FakeKey) -> None:
        self.__dict__.update(key.__dict__)

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __del__(self) -> None:
        """Does not close the contents, which belong to the object."""


class _ListedMarker(moto_s3.FakeDeleteMarker):
    """A delete marker in a listing."""

    def __new__(cls, _: moto_s3.FakeDeleteMarker) -> Self:
        return object.__new__(cls)

    def __init__(self, marker: moto_s3.FakeDeleteMarker) -> None:
        self.__dict__.update(marker.__dict__)

    def __deepcopy__(self, _: Any) -> Self:
        return self


class _Listed:
    """The objects of a bucket below a prefix, for a listing of versions."""

    def __init__(self, bucket: FakeBucket, prefix: str) -> None:
        self.keys = self
        self._versions = [
            (name, [_listed(version) for version in versions])
            for name, versions in list(bucket.keys.iterlists())
            if name.startswith(prefix)
        ]

    def iterlists(self) -> list[tuple[str, list[Any]]]:
        """Yields every key with its versions."""
        return self._versions


def _listed(version: Any) -> Any:
    return _ListedKey(version) if isinstance(version, moto_s3.FakeKey) else _ListedMarker(version)


def list_versions_without_their_contents() -> None:
    """Has a listing of versions read only the objects that it lists.

    moto copies every object of the bucket for each listing, contents included, and keeps the copies: one
    bucket has the artefacts of all clusters of a Region.
    """
    backend_class: Any = moto_s3.S3Backend
    list_all = backend_class.list_object_versions

    def list_below_prefix(self: Any, bucket_name: str, *args: Any, prefix: str = "", **options: Any) -> Any:
        listed = _Listed(self.get_bucket(bucket_name), prefix)
        backend = SimpleNamespace(get_bucket=lambda _: listed)
        return list_all(backend, bucket_name, *args, prefix=prefix, **options)

    backend_class.list_object_versions = list_below_prefix


@in_place_of(moto_s3.FakeBucket)
class Bucket(moto_s3.FakeBucket, CloudFormationModel):
    """`AWS::S3::Bucket`; moto reads its tags and encryption only."""

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override]
        cls, name: str, definition: Any, *args: Any, **options: Any
    ) -> "Bucket":
        """Creates the bucket with its configurations; see moto."""
        made = super().create_from_cloudformation_json(name, definition, *args, **options)
        return cast(Bucket, made).configure(definition.get("Properties", {}))

    @classmethod
    def update_from_cloudformation_json(cls, **options: Any) -> "Bucket":  # type: ignore[override]
        """Updates the bucket with its configurations; see moto."""
        updated = super().update_from_cloudformation_json(**options)
        return cast(Bucket, updated).configure(options["cloudformation_json"].get("Properties", {}))

    def configure(self, properties: dict[str, Any]) -> "Bucket":
        """Sets what a template says about the bucket; what it does not name is unset."""
        if versioning := properties.get("VersioningConfiguration"):
            self.versioning_status = versioning["Status"]
        if str(properties.get("ObjectLockEnabled", "")).lower() == "true":
            self.object_lock_enabled, self.versioning_status = True, "Enabled"
        retention = properties.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        self.default_lock_mode = retention.get("Mode", "")
        self.default_lock_days = number(retention.get("Days")) or 0
        self.default_lock_years = number(retention.get("Years")) or 0
        self.set_cors(
            [_cors_rule(rule) for rule in properties.get("CorsConfiguration", {}).get("CorsRules", [])]
        )
        website = properties.get("WebsiteConfiguration")
        self.website_configuration = _website(website) if website else None
        return self


def _cors_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of a template in the API's words."""
    api = {
        "AllowedMethod": rule["AllowedMethods"],
        "AllowedOrigin": rule["AllowedOrigins"],
        "AllowedHeader": rule.get("AllowedHeaders"),
        "ExposeHeader": rule.get("ExposedHeaders"),
        "MaxAgeSeconds": None if rule.get("MaxAge") is None else str(rule["MaxAge"]),
        "ID": rule.get("Id"),
    }
    return {name: value for name, value in api.items() if value is not None}


def _website(given: dict[str, Any]) -> bytes:
    """A template's website in the API's words, as XML."""
    rules = [
        {"Condition": rule.get("RoutingRuleCondition"), "Redirect": rule["RedirectRule"]}
        for rule in given.get("RoutingRules", [])
    ]
    api = {
        "RedirectAllRequestsTo": given.get("RedirectAllRequestsTo"),
        "IndexDocument": {"Suffix": given["IndexDocument"]} if "IndexDocument" in given else None,
        "ErrorDocument": {"Key": given["ErrorDocument"]} if "ErrorDocument" in given else None,
        "RoutingRules": {"RoutingRule": rules} if rules else None,
    }
    known = {name: value for name, value in api.items() if value is not None}
    text: str = xmltodict.unparse({"WebsiteConfiguration": known})
    return text.encode()


class BucketPolicy(Identified, CloudFormationModel):
    """A bucket's policy, judged as the API judges one."""

    cfn_type = "AWS::S3::BucketPolicy"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "BucketPolicy":
        """Gives the bucket its policy."""
        bucket, policy = wanted.properties["Bucket"], wanted.properties["PolicyDocument"]
        wanted.place.partition_wide(s3_backends).put_bucket_policy(bucket, json.dumps(policy).encode())
        return cls(bucket)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the policy, if the bucket exists."""
        with suppress(MissingBucket):
            place.partition_wide(s3_backends).delete_bucket_policy(physical_id)
