"""What the cloud has no answer for is refused in the form of its service, by name and once."""

import logging

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.utils import camelcase_to_underscores
from werkzeug.test import EnvironBuilder, run_wsgi_app

from localcloud import http_front
from localcloud.cloud import Cloud
from localcloud.cloudformation.responses import StackResponse

AUTHORISATION = (
    "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261129/us-east-1/{service}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start(skip_idle=False) as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("service", "call", "arguments", "named"),
    [
        ("ses", "get_account_sending_enabled", {}, "GetAccountSendingEnabled of ses"),
        ("cloudformation", "detect_stack_drift", {"StackName": "x"}, "DetectStackDrift of cloudformation"),
        ("iam", "generate_service_last_accessed_details", {"Arn": "a" * 20}, "Generate"),
        ("ec2", "describe_client_vpn_endpoints", {}, "DescribeClientVpnEndpoints of ec2"),
        ("dynamodb", "list_global_tables", {}, "ListGlobalTables of dynamodb"),
        ("cloudwatch", "list_managed_insight_rules", {"ResourceARN": "a"}, "ListManagedInsightRules of"),
        ("lambda", "list_code_signing_configs", {}, "ListCodeSigningConfigs of lambda"),
        ("route53", "list_traffic_policies", {}, "ListTrafficPolicies of route53"),
        ("imagebuilder", "list_images", {}, "ListImages of imagebuilder"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_operation_that_is_not_there_is_refused_by_name_and_not_sent_again(
    cloud, service, call, arguments, named
):
    client = boto3.client(
        service,
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
    )
    with pytest.raises(ClientError) as refused:
        getattr(client, call)(**arguments)

    error = refused.value.response
    assert error["Error"]["Code"] == "NotImplemented"
    assert error["Error"]["Message"].startswith(f"localcloud does not know {named}")
    assert error["ResponseMetadata"]["RetryAttempts"] == 0


def test_each_missing_operation_of_cloudformation_is_refused_with_the_gap(cloud):
    client = boto3.client(
        "cloudformation",
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
        config=Config(parameter_validation=False),
    )
    names = client.meta.service_model.operation_names
    missing = [name for name in names if not hasattr(StackResponse, camelcase_to_underscores(name))]
    assert {"CreateStackSet", "DetectStackDrift", "ListTypes", "StartResourceScan"} < set(missing)
    for name in missing:
        with pytest.raises(ClientError) as refused:
            getattr(client, xform_name(name))()
        error = refused.value.response
        said = f"localcloud does not know {name} of cloudformation (localcloud/GAPS.md, cloudformation.api)"
        assert error["Error"] == {"Code": "NotImplemented", "Message": said}
        metadata = error["ResponseMetadata"]
        assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (501, 0)


def test_what_does_not_exist_is_still_not_found(cloud):
    s3 = cloud.client("s3")
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    s3.put_object(Bucket=bucket, Key="page", Body=b"<!doctype html>", ContentType="text/html")

    assert s3.head_object(Bucket=bucket, Key="page")["ContentLength"] == 15
    assert s3.get_object(Bucket=bucket, Key="page")["Body"].read() == b"<!doctype html>"
    for call, arguments, code in (
        (s3.head_object, {"Bucket": bucket, "Key": "none"}, "404"),
        (s3.head_bucket, {"Bucket": "none-of-this-name"}, "404"),
        (cloud.client("lambda").get_function, {"FunctionName": "none"}, "ResourceNotFoundException"),
        (cloud.client("route53").get_hosted_zone, {"Id": "Z0"}, "NoSuchHostedZone"),
    ):
        with pytest.raises(ClientError) as refused:
            call(**arguments)
        assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("service", "headers", "body"),
    [
        ("ses", {"Content-Type": "application/x-www-form-urlencoded"}, "Action=ListIdentities"),
        ("dynamodb", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}, "{}"),
    ],
)
def test_what_fails_in_the_cloud_is_an_internal_error_and_its_cause_is_logged(caplog, service, headers, body):
    def failing(*_):
        raise KeyError("a secret of the cloud")

    request = EnvironBuilder(
        method="POST",
        data=body,
        headers={**headers, "Authorization": AUTHORISATION.format(service=service)},
    )
    with caplog.at_level(logging.ERROR):
        content, status, _ = run_wsgi_app(
            lambda environ, start_response: http_front.pass_through(environ, start_response, failing),
            request.get_environ(),
            buffered=True,
        )

    answer = b"".join(content).decode()
    assert status.startswith("500")
    assert f"of {service}; its log says why" in answer
    assert "secret" not in answer
    assert "a secret of the cloud" in caplog.text
