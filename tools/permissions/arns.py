"""Names of resources, as policies write them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A Region of an account, in whose resources' ARNs it stands."""

    region: str
    account: str = "123456789012"
    partition: str = "aws"
    url_suffix: str = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource; what is one already stays as it is."""
        if resource.startswith("arn:"):
            return resource
        # Source: Service Authorization Reference: IAM has no Regions, S3 and Route 53 name no account either.
        region = "" if service in {"iam", "s3", "route53"} else self.region
        account = "" if service in {"s3", "route53"} else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"
