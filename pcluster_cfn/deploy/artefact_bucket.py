"""The bucket that ``deploy --resolve-s3`` makes for what it uploads: one per account and Region."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws
from pcluster_cfn.errors import CommandError, message_of
from pcluster_cfn.package import Bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.literals import BucketLocationConstraintType

#: Beginning of the name; account and Region follow. No Region's name has more than 14 characters, so the
#: whole has less than the 63 that S3 allows.
_PREFIX = "pcluster-cfn-artifacts"
#: The tag that says that the bucket has all its settings. It is written last.
_TAG = {"Key": "pcluster-cfn:managed", "Value": "artifacts"}
_MISSING, _FORBIDDEN = 404, 403
#: us-east-1 is the Region of buckets without a constraint. Source: S3 API reference, CreateBucket.
_WITHOUT_CONSTRAINT = "us-east-1"


def resolve_bucket(aws: Aws) -> Bucket:
    """Returns the account's bucket for artefacts in the Region; makes it if there is none.

    Its name is the same for every user of the account. It blocks public access, encrypts, and keeps versions.
    Every request names the account, so nothing is ever uploaded into a bucket that another account made
    under that name.

    Raises:
        CommandError: The bucket belongs to another account, or the credentials may not make or use it.
    """
    account: str = aws.client("sts").get_caller_identity()["Account"]
    s3: S3Client = aws.client("s3")
    name = f"{_PREFIX}-{account}-{s3.meta.region_name}"
    try:
        if not _exists(s3, name, account):
            _create(s3, name)
        if not _is_complete(s3, name, account):
            _secure(s3, name, account)
    except ClientError as error:
        raise CommandError(
            f"cannot make or use bucket {name}: {message_of(error)}",
            "allow the S3 actions that docs/how-to/deploy.md lists, or name a bucket with --bucket",
        ) from error
    return Bucket(s3, name, owner=account)


def _exists(s3: "S3Client", name: str, account: str) -> bool:
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        if _status(error) == _MISSING:
            return False
        if _status(error) == _FORBIDDEN:
            raise CommandError(
                f"bucket {name} belongs to another account, or your credentials may not use it",
                "allow s3:ListBucket on it, or name another bucket with --bucket",
            ) from error
        raise
    return True


def _create(s3: "S3Client", name: str) -> None:
    region: BucketLocationConstraintType = s3.meta.region_name  # type: ignore[assignment]
    try:
        if region == _WITHOUT_CONSTRAINT:
            s3.create_bucket(Bucket=name)
        else:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return  # another deployment made it at the same moment


def _is_complete(s3: "S3Client", name: str, account: str) -> bool:
    """Whether the bucket has all its settings; one that an interruption left half-made has not."""
    try:
        tags = s3.get_bucket_tagging(Bucket=name, ExpectedBucketOwner=account)["TagSet"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchTagSet":
            return False
        raise
    return _TAG in tags


def _secure(s3: "S3Client", name: str, account: str) -> None:
    s3.put_public_access_block(
        Bucket=name,
        ExpectedBucketOwner=account,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        Bucket=name,
        ExpectedBucketOwner=account,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_versioning(
        Bucket=name, ExpectedBucketOwner=account, VersioningConfiguration={"Status": "Enabled"}
    )
    s3.put_bucket_tagging(
        Bucket=name,
        ExpectedBucketOwner=account,
        Tagging={"TagSet": [{"Key": _TAG["Key"], "Value": _TAG["Value"]}]},
    )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
