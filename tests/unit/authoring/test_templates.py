"""Templates that the command writes are valid, whatever they were made of."""

from pathlib import Path

import pytest
import yaml

from cluster_provider.core.consent import Consent
from pcluster_cfn.authoring.adoption import adopting_template
from pcluster_cfn.authoring.init import Design
from pcluster_cfn.authoring.providers import ProviderStack, write_template
from pcluster_cfn.errors import CommandError
from pcluster_cfn.validation.file_check import Inputs, check_file

CONFIGURATION = {
    "Image": {"Os": "alinux2023"},
    "HeadNode": {
        "InstanceType": "t3.medium",
        "Networking": {"SubnetId": "subnet-0123456789abcdef0"},
        "Ssh": {"KeyName": "*: #"},
    },
    "Scheduling": {
        "Scheduler": "slurm",
        "SlurmQueues": [
            {
                "Name": "compute",
                "ComputeResources": [{"Name": "c7i", "InstanceType": "c7i.xlarge", "MaxCount": "4"}],
                "Networking": {"SubnetIds": ["subnet-0123456789abcdef0"]},
            }
        ],
    },
    "Tags": [
        {"Key": "parallelcluster:custom_resource", "Value": "cluster"},
        {"Key": "team", "Value": "yes"},
    ],
}


def findings(text, **parameters):
    return [
        each for report in check_file(text, "t.yaml", Inputs(parameters)).all() for each in report.findings
    ]


def test_an_adopting_template_has_the_configuration_and_its_own_tags_only():
    text = adopting_template("hpc", CONFIGURATION, "arn:token")
    assert findings(text) == []
    written = yaml.safe_load(text.partition("ClusterConfiguration:\n")[2].partition("\nOutputs:")[0])
    assert written == {**CONFIGURATION, "Tags": [{"Key": "team", "Value": "yes"}]}
    assert "AdoptExisting: true\n" in text
    assert "Default: arn:token\n" in text
    assert "Default:" not in adopting_template("hpc", CONFIGURATION, None)


@pytest.mark.parametrize("key_name", ["me", 'a "b": #c', None])
@pytest.mark.parametrize("token", ["arn:token", None])
def test_a_designed_template_has_no_mistakes(key_name, token):
    design = Design(
        name="hpc",
        head_node_subnet="subnet-0123456789abcdef0",
        is_public=True,
        compute_subnets=["subnet-0123456789abcdef1", "subnet-0123456789abcdef2"],
        key_name=key_name,
        os="rocky9",
        head_node_instance_type="t3.medium",
        compute_instance_type="c7i.xlarge",
        max_count=16,
        service_token=token,
    )
    text = design.template(Path("hpc.yaml"))
    assert findings(text) == []
    assert ("KeyName: !Ref KeyName" in text) is (key_name is not None)
    assert ("AmazonSSMManagedInstanceCore" in text) is (key_name is None)


@pytest.mark.parametrize("value", ["Allow", "Forbid", "team=sea", "team=air", "a=b=c", "other=1"])
def test_consent_is_judged_as_the_provider_judges_it(value):
    for tags in ({"team": "sea"}, {"a": "b=c"}, {}):
        assert ProviderStack("p", "t", value).allows(tags) is Consent.parse(value).covers(tags)


def test_a_file_that_exists_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "hpc.yaml"
    write_template(path, "one", force=False)
    with pytest.raises(
        CommandError, match=r"hpc\.yaml exists; name another file with --output, or give --force"
    ):
        write_template(path, "two", force=False)
    assert path.read_text() == "one"
    write_template(path, "two", force=True)
    assert path.read_text() == "two"
    with pytest.raises(CommandError, match=r"cannot write .*: No such file or directory"):
        write_template(tmp_path / "none" / "hpc.yaml", "x", force=False)
