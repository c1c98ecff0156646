"""Packaging uploads what a template names by local path, once, under addresses that depend on content."""

import io
import os
import zipfile
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from cfn_template.nodes import child, scalar
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import Bucket, archive, has_local_artefacts, package
from pcluster_cfn.template import Template

NESTING = """\
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: a.b, Role: !Ref R}
  Plain:
    Type: AWS::Lambda::Function
    Properties: {Code: src}
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: ./src}
  Inline:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: 'pass'}}
  Stored:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: s3://elsewhere/code.zip}
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: deep/inner.yaml}
"""
INNER = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: ../src}}}"


class MemoryS3:
    """The two S3 calls that packaging makes, on a dictionary.

    Args:
        lists: Whether the bucket may be listed, so that what is missing is told.
        refuses: Why uploads are refused.
    """

    def __init__(self, *, lists=True, refuses=None):
        self.meta = SimpleNamespace(endpoint_url="https://s3.example")
        self.objects = {}
        self.uploads = 0
        self._lists = lists
        self._refuses = refuses

    def head_object(self, *, Bucket, Key):  # noqa: N803 - S3's names
        if (Bucket, Key) not in self.objects:
            raise self._error(404, "Not Found") if self._lists else self._error(403, "Forbidden")

    def put_object(self, *, Bucket, Key, Body):  # noqa: N803 - S3's names
        if self._refuses:
            raise self._error(403, self._refuses)
        self.uploads += 1
        self.objects[Bucket, Key] = Body

    @staticmethod
    def _error(status, message):
        return ClientError(
            {"Error": {"Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "HeadObject"
        )


@pytest.fixture
def project(tmp_path):
    (tmp_path / "src" / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "a.py").write_text("x = 1\n")
    (tmp_path / "src" / "pkg" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"\0")
    (tmp_path / "src" / "run").write_text("#!/bin/sh\n")
    (tmp_path / "src" / "run").chmod(0o700)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "inner.yaml").write_text(INNER)
    (tmp_path / "outer.yaml").write_text(NESTING)
    return tmp_path


def packaged(project, s3):
    template = Template.read(project / "outer.yaml")
    package(template, project, Bucket(s3, "store"))
    return template


def property_of(template, logical_id, key):
    resource = next(item for item in template.resources() if item.logical_id == logical_id)
    return child(resource.properties, key)


def test_each_kind_of_resource_gets_the_address_it_takes(project):
    s3 = MemoryS3()
    template = packaged(project, s3)
    (code,) = [key for _, key in s3.objects if key.endswith(".zip")]
    nested_url = scalar(property_of(template, "Nested", "TemplateURL"))
    assert scalar(property_of(template, "Function", "CodeUri")) == f"s3://store/{code}"
    assert scalar(property_of(template, "Layer", "ContentUri")) == f"s3://store/{code}"
    assert scalar(child(property_of(template, "Plain", "Code"), "S3Key")) == code
    assert nested_url.startswith("https://s3.example/store/")
    assert nested_url.endswith(".template")


def test_a_nested_template_is_packaged_before_it_is_uploaded(project):
    s3 = MemoryS3()
    packaged(project, s3)
    (nested,) = [body for (_, key), body in s3.objects.items() if key.endswith(".template")]
    code = property_of(Template.parse(nested.decode(), "nested"), "F", "Code")
    assert ("store", scalar(child(code, "S3Key"))) in s3.objects


def test_what_is_no_local_path_stays_as_it_is(project):
    template = packaged(project, MemoryS3())
    assert scalar(property_of(template, "Stored", "CodeUri")) == "s3://elsewhere/code.zip"
    assert scalar(child(property_of(template, "Inline", "Code"), "ZipFile")) == "pass"


def test_packaging_again_uploads_nothing_and_gives_the_same_template(project):
    s3 = MemoryS3()
    first = packaged(project, s3).text()
    uploads = s3.uploads
    os.utime(project / "src" / "pkg" / "a.py", (0, 0))
    assert packaged(project, s3).text() == first
    assert s3.uploads == uploads == 2


def test_an_archive_holds_sources_with_their_modes_and_no_byte_code(project):
    with zipfile.ZipFile(io.BytesIO(archive(project / "src"))) as zipped:
        modes = {item.filename: (item.external_attr >> 16) & 0o777 for item in zipped.infolist()}
    assert modes == {"pkg/a.py": 0o644, "run": 0o755}


def test_an_archive_changes_with_a_file_s_content(project):
    before = archive(project / "src")
    (project / "src" / "pkg" / "a.py").write_text("x = 2\n")
    assert archive(project / "src") != before


def test_a_missing_path_is_named_with_its_resource(project):
    (project / "outer.yaml").write_text(NESTING.replace("deep/inner.yaml", "deep/lost.yaml"))
    with pytest.raises(CommandError, match=r"Nested\.TemplateURL names deep/lost\.yaml"):
        packaged(project, MemoryS3())


@pytest.mark.parametrize("lists", [True, False])
def test_a_bucket_that_refuses_is_named_with_its_reason(project, lists):
    with pytest.raises(CommandError, match="bucket store: Access Denied"):
        packaged(project, MemoryS3(lists=lists, refuses="Access Denied"))


def test_what_may_be_written_and_not_listed_is_uploaded(project):
    s3 = MemoryS3(lists=False)
    packaged(project, s3)
    assert s3.uploads == 2


def test_a_template_without_local_paths_needs_no_bucket(project):
    remote = Template.parse("Resources: {S: {Type: AWS::CloudFormation::Stack}}", "t")
    assert not has_local_artefacts(remote, project)
    assert has_local_artefacts(Template.read(project / "outer.yaml"), project)
