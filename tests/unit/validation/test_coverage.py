"""A check says how many clusters it checked, and what it did not look at and why."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.lint_rules import ClusterConfigurations, ClusterProperties
from pcluster_cfn.validation.file_check import Inputs, check, check_file
from tests.unit.validation.test_check import GOOD, template

CLUSTER = template(GOOD)
BROKEN = template(GOOD.replace("MaxCount: 4", "MaxCount: 0"))


@pytest.fixture
def validate(tmp_path):
    def run(text, *arguments, **others):
        for name, content in others.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        path = tmp_path / "main.yaml"
        path.write_text(text)
        result = CliRunner().invoke(main, ["validate", str(path), *arguments])
        lines = result.stdout.replace(f"{tmp_path}/", "").splitlines()
        return result.exit_code, lines, result.stderr.splitlines()[-1:]

    return run


def skipped(text, **options):
    report = check_file(text, "", Inputs(**options))
    return [(each.place.line, each.path, each.reason) for each in report.skipped]


class TestCommand:
    def test_a_good_template_gives_the_number_of_its_clusters_and_status_0(self, validate):
        assert validate(CLUSTER) == (0, [], ["1 cluster checked in 1 template"])

    def test_a_template_without_clusters_says_so(self, validate):
        text = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
        assert validate(text) == (0, [], ["0 clusters checked in 1 template"])

    def test_mistakes_are_counted_and_end_with_status_1(self, validate):
        status, lines, summary = validate(BROKEN)
        assert (status, len(lines)) == (1, 1)
        assert summary == ["1 mistake, 1 cluster checked in 1 template"]

    def test_what_was_not_checked_is_a_line_and_ends_with_status_3(self, validate):
        text = template(GOOD, properties="      PclusterVersion: 3.99.0\n")
        status, (line,), summary = validate(text)
        assert status == 3
        assert line == (
            "main.yaml:8:7: Cluster/ClusterConfiguration: not checked: version 3.99.0 "
            "has no schema here; there are 3.6.0 to 3.16.1"
        )
        assert summary == ["1 cluster checked in 1 template, 1 not checked"]

    def test_a_mistake_weighs_more_than_what_was_not_checked(self, validate):
        text = template(GOOD, properties="      PclusterVersion: 3.99.0\n      Foo: bar\n")
        assert validate(text)[0] == 1

    def test_json_says_the_same(self, validate):
        text = template(GOOD, properties="      PclusterVersion: 3.99.0\n      Foo: bar\n")
        status, lines, _ = validate(text, "--json")
        said = json.loads("\n".join(lines))
        assert (status, said["clusters"], said["templates"], said["configurations"]) == (1, 1, 1, 0)
        (finding,), (left,) = said["findings"], said["notLookedAt"]
        assert (finding["line"], finding["path"], finding["rule"]) == (8, "Cluster/Foo", "property")
        assert (left["line"], left["path"]) == (9, "Cluster/ClusterConfiguration")
        assert left["reason"].startswith("version 3.99.0 has no schema here")

    def test_a_configuration_file_is_checked_as_one(self, validate):
        assert validate(GOOD) == (0, [], ["1 configuration checked"])
        text = (
            "Image: {Os: alinux2023}\nHeadNode:\n  InstanceTyp: t3.medium\nScheduling: {Scheduler: slurm}\n"
        )
        status, lines, summary = validate(text)
        assert status == 1
        assert (
            "main.yaml:3:3: HeadNode/InstanceTyp: there is no such key; did you mean InstanceType?" in lines
        )
        assert summary == [f"{len(lines)} mistakes, 1 configuration checked"]

    def test_a_dry_run_says_that_it_does_not_ask_about_a_configuration_file(self, validate):
        status, (line,), summary = validate(GOOD, "--dry-run")
        assert (status, summary) == (3, ["1 configuration checked, 1 not checked"])
        assert line.startswith("main.yaml:1:1: not checked: --dry-run covers clusters in templates only")

    def test_a_configuration_file_is_checked_by_the_schema_that_is_asked_for(self, validate):
        text = GOOD.replace("alinux2023", "centos7")
        assert validate(text)[0] == 1
        assert validate(text, "--pcluster-version", "3.6.0")[0] == 0

    @pytest.mark.parametrize("text", ["", "- a\n", "words\n", "on: push\njobs: {}\n", "Resources: [a]\n"])
    def test_a_file_that_is_neither_is_a_mistake(self, validate, text):
        status, lines, _ = validate(text)
        assert status == 1
        assert lines == ["main.yaml:1:1: the template is not a map with Resources"]


class TestParameters:
    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("Number", "abc", 'parameter N: "abc" is not valid; expected a number, as in -p N=4'),
            ("Number", "", 'parameter N: "" is not valid; expected a number, as in -p N=4'),
            (
                "List<Number>",
                "4,x",
                'parameter N: "4,x" is not valid; expected numbers separated by commas, as in -p N=4,8',
            ),
        ],
    )
    def test_a_value_that_is_no_number_is_refused_with_one_error(self, validate, kind, value, expected):
        text = f"Parameters: {{N: {{Type: {kind}, Default: 4}}}}\n{CLUSTER}"
        assert validate(text, "-p", f"N={value}") == (1, [], [f"Error: {expected}"])

    def test_a_number_and_a_text_are_taken(self, validate):
        text = f"Parameters: {{N: {{Type: Number}}, T: {{Type: String}}}}\n{CLUSTER}"
        assert validate(text, "-p", "N=1.5", "-p", "T=abc")[0] == 0


LOOP = """\
Transform: AWS::LanguageExtensions
Parameters: {Teams: {Type: CommaDelimitedList}}
Resources:
  Fn::ForEach::Clusters:
    - Team
    - COLLECTION
    - Cluster${Team}:
        Type: Custom::PclusterCluster
        Properties:
          ServiceToken: arn
          ClusterName: !Sub hpc-${Team}
          ClusterConfiguration:
            Image: {Os: alinux2023}
            HeadNode: {InstanceTyp: t3.medium, Networking: {SubnetId: subnet-0123456789abcdef0}}
            Scheduling:
              Scheduler: slurm
              SlurmQueues:
                - Name: compute
                  ComputeResources: [{Name: c7i, InstanceType: c7i.xlarge, MaxCount: 0}]
                  Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""


class TestLoops:
    def test_mistakes_in_clusters_of_a_loop_are_found_where_they_stand(self):
        report = check_file(LOOP.replace("COLLECTION", "[Red, Blue]"), "", Inputs())
        assert report.clusters == 2
        assert [(each.place.line, each.path.partition("/")[0]) for each in report.findings] == [
            (14, "ClusterBlue"),
            (14, "ClusterRed"),
            (19, "ClusterBlue"),
            (19, "ClusterRed"),
        ]

    def test_the_rules_of_cfn_lint_find_them_too(self, tmp_path):
        path = tmp_path / "loop.yaml"
        path.write_text(LOOP.replace("COLLECTION", "[Red]"))
        found = ClusterConfigurations().match(SimpleNamespace(filename=str(path)))
        assert [match.message.partition(":")[0].rpartition("/")[2] for match in found] == [
            "InstanceTyp",
            "MaxCount",
        ]

    def test_a_collection_that_is_given_is_known(self):
        text = LOOP.replace("COLLECTION", "!Ref Teams")
        assert check_file(text, "", Inputs({"Teams": "a, b, c"})).clusters == 3

    def test_a_loop_over_what_is_not_known_is_named(self):
        text = LOOP.replace("COLLECTION", "!Ref Teams")
        assert skipped(text) == [(4, "Fn::ForEach::Clusters", "parameter Teams has no value")]
        assert check(text) == []

    def test_a_loop_without_its_transform_or_of_another_form_is_a_mistake(self):
        without = LOOP.replace("Transform: AWS::LanguageExtensions\n", "")
        assert [each.message for each in check(without)] == [
            "Fn::ForEach::Clusters needs Transform: AWS::LanguageExtensions"
        ]
        (finding,) = check(LOOP.replace("COLLECTION", "text"))
        assert finding.place.line == 4
        assert "the collection of Fn::ForEach::Clusters is not a list of strings" in finding.message


NESTING = """\
Parameters: {Count: {Type: Number, Default: 4}}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ADDRESS
      Parameters: {Count: !Ref Count}
"""
INNER = "Parameters: {Count: {Type: Number}}\n" + template(
    GOOD.replace("MaxCount: 4", "MaxCount: !Ref Count")
)


class TestNestedTemplates:
    def test_clusters_of_a_local_template_are_checked_with_the_parameters_that_it_gets(self, validate):
        text = NESTING.replace("ADDRESS", "./inner.yaml")
        assert validate(text, inner=INNER) == (0, [], ["1 cluster checked in 2 templates"])
        status, (line,), _ = validate(text.replace("Default: 4", "Default: 0"), inner=INNER)
        assert status == 1
        assert line.startswith("inner.yaml:18:67: Cluster/ClusterConfiguration/Scheduling/")

    def test_templates_that_nest_each_other_in_a_circle_are_a_mistake(self, validate):
        status, (line,), _ = validate(NESTING.replace("ADDRESS", "main.yaml"))
        assert status == 1
        assert line.startswith("main.yaml:6:20: Inner/TemplateURL: Inner/TemplateURL makes a circle")

    def test_a_local_template_that_is_not_there_is_a_mistake(self, validate):
        status, (line,), _ = validate(NESTING.replace("ADDRESS", "nowhere.yaml"))
        assert status == 1
        assert "main.yaml:6:20: Inner/TemplateURL: cannot read template" in line

    @pytest.mark.parametrize(
        ("address", "what"),
        [
            (
                "https://bucket.s3.amazonaws.com/x.yaml",
                "its template is at https://bucket.s3.amazonaws.com/x.yaml",
            ),
            ("!Sub 'https://${Bucket}/x.yaml'", "its template is at https://…/x.yaml"),
            ("!Ref Address", "its template is at an address that is not known (Address is known"),
        ],
    )
    def test_a_template_elsewhere_is_not_checked_and_named(self, validate, address, what):
        status, (line,), _ = validate(NESTING.replace("ADDRESS", address))
        assert status == 3
        assert f"not checked: {what}" in line
        assert line.endswith("; validate that template, too")

    def test_a_provider_elsewhere_has_no_clusters(self):
        official = (
            "https://us-east-1-aws-parallelcluster.s3.amazonaws.com/templates/custom_resource/cluster.yaml"
        )
        assert skipped(NESTING.replace("ADDRESS", official)) == []
        text = NESTING.replace("ADDRESS", "https://x/y.yaml")
        assert skipped(text + "Outputs: {T: {Value: !GetAtt Inner.Outputs.ServiceToken}}\n") == []
        assert len(skipped(text)) == 1


class TestNearMisses:
    @pytest.mark.parametrize(
        ("kind", "meant"),
        [
            ("Custom::PclusterClusterInf", "Custom::PclusterClusterInfo"),
            ("AWS::PclusterCluster", "Custom::PclusterCluster"),
            ("Custom:PclusterCluster", "Custom::PclusterCluster"),
            ("PclusterCluster", "Custom::PclusterCluster"),
        ],
    )
    def test_a_type_that_is_a_slip_is_named_with_the_one_that_was_meant(self, kind, meant):
        text = f"Resources:\n  C:\n    Type: {kind}\n    Properties: {{ServiceToken: x}}\n"
        finding = next(each for each in check(text) if each.path == "C/Type")
        assert (finding.place.line, finding.place.column) == (3, 11)
        assert finding.message == f"the provider has no resources of this type; did you mean {meant}?"

    @pytest.mark.parametrize("kind", ["Custom::PclusterClutser", "AWS::CloudFormation::CustomResource"])
    def test_a_cluster_of_any_custom_type_is_a_cluster(self, kind):
        report = check_file(BROKEN.replace("Custom::PclusterCluster", kind), "", Inputs())
        assert (report.clusters, len(report.findings)) == (1, 1)

    def test_a_custom_resource_with_names_in_lower_case_counts_as_a_cluster(self):
        text = CLUSTER.replace("Custom::PclusterCluster", "AWS::CloudFormation::CustomResource")
        text = text.replace("ClusterName", "clusterName").replace("ClusterConfig", "clusterConfig")
        assert [each.path for each in check(text)] == ["Cluster/clusterName", "Cluster/clusterConfiguration"]

    @pytest.mark.parametrize(
        "kind", ["AWS::EKS::Cluster", "Custom::Cluster", "Custom::DnsRecord", "AWS::PCS::Cluster"]
    )
    def test_other_types_are_left_alone(self, kind):
        text = f"Resources: {{C: {{Type: '{kind}', Properties: {{ServiceToken: x, ClusterName: 1}}}}}}"
        assert (check(text), skipped(text)) == ([], [])


class TestLibraryRules:
    """The library's own rules are asked about configurations that fit their schema, and nothing else."""

    def findings(self, configuration, version, properties):
        self.asked.append((configuration, version, properties))
        return [("/Scheduling/SlurmQueues/0/Name", "NameValidator: wrong")]

    @pytest.fixture(autouse=True)
    def nothing_is_asked_yet(self):
        self.asked = []

    @pytest.mark.parametrize(("text", "line"), [(GOOD, 15), (f"|\n{GOOD}", 15)])
    def test_what_the_library_says_is_placed_in_a_map_and_in_a_text(self, text, line):
        found = check_file(template(text), "", Inputs(library=self)).findings
        path = "Cluster/ClusterConfiguration/Scheduling/SlurmQueues/0/Name"
        assert [(each.place.line, each.path, each.message, each.rule) for each in found] == [
            (line, path, "NameValidator: wrong", "library")
        ]
        ((configuration, version, properties),) = self.asked
        assert configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] == 4
        assert (version, properties["ClusterName"]) == ("3.16.1", "hpc")

    def test_a_configuration_file_is_held_against_them_too(self):
        (finding,) = check_file(GOOD, "", Inputs(library=self)).findings
        assert (finding.place.line, finding.path) == (8, "Scheduling/SlurmQueues/0/Name")

    def test_a_configuration_with_other_mistakes_is_not_asked_about(self):
        assert len(check_file(BROKEN, "", Inputs(library=self)).findings) == 1
        assert self.asked == []


class TestWhatIsNotKnown:
    def test_values_of_parameter_store_are_known_to_cloudformation_alone(self, tmp_path):
        text = CLUSTER.replace("ClusterName: hpc", "ClusterName: '{{resolve:ssm:/hpc/name}}'")
        for value in ("alinux2023", "4", "subnet-0123456789abcdef0"):
            text = text.replace(f": {value}", ": '{{resolve:ssm:/hpc/value:1}}'")
        assert text.count("{{resolve") == 4
        assert (check(text), skipped(text)) == ([], [])
        path = tmp_path / "stored.yaml"
        path.write_text(text)
        for rule in (ClusterProperties(), ClusterConfigurations()):
            assert list(rule.match(SimpleNamespace(filename=str(path)))) == []

    @pytest.mark.parametrize("service", ["ssm-secure", "secretsmanager"])
    def test_secrets_are_not_resolved_in_custom_resources(self, service):
        text = CLUSTER.replace("Os: alinux2023", f"Os: '{{{{resolve:{service}:x}}}}'")
        said = [(each.place.line, each.place.column, each.message) for each in check(text)]
        reference = f"{{{{resolve:{service}:x}}}}"
        message = f"CloudFormation does not resolve {reference} in a custom resource; give the value itself"
        assert said == [(8, 21, message)]

    def test_an_empty_list_parameter_is_a_list_of_one_empty_text(self):
        head = "Parameters: {Groups: {Type: CommaDelimitedList, Default: ''}}\n"
        text = template(
            GOOD.replace("{SubnetIds:", "{AdditionalSecurityGroups: !Ref Groups, SubnetIds:"), head
        )
        (finding,) = check(text)
        assert finding.path.endswith("/Networking/AdditionalSecurityGroups/0")
        assert finding.message.startswith('"" is not valid')
        assert check(text, {"Groups": "sg-0123456789abcdef0"}) == []

    def test_a_list_parameter_as_an_item_makes_a_list_in_a_list_whatever_its_value(self):
        head = "Parameters: {Subnets: {Type: 'List<AWS::EC2::Subnet::Id>'}}\n"
        text = template(GOOD.replace("[subnet-0123456789abcdef0]", "[!Ref Subnets]"), head)
        (finding,) = check(text)
        assert finding.path.endswith("/Networking/SubnetIds/0")
        assert finding.message.startswith("[…] is not valid; expected text")
        assert check(template(GOOD.replace("[subnet-0123456789abcdef0]", "!Ref Subnets"), head)) == []

    @pytest.mark.parametrize("configuration", ["!Ref Open", "!GetAtt X.y", "!Sub '${Open}'"])
    def test_a_configuration_that_is_not_known_is_named(self, configuration):
        head = "Parameters: {Open: {Type: String}}\n"
        ((line, path, reason),) = skipped(template(configuration, head))
        assert (line, path) == (8, "Cluster/ClusterConfiguration")
        assert reason in {"parameter Open has no value", "X.y is known only after the deployment"}

    def test_properties_that_a_condition_chooses_are_checked(self):
        properties = BROKEN.partition("Properties:\n")[2].replace("\n", "\n      ").rstrip()
        text = (
            "Conditions: {Yes: !Equals [a, a]}\nResources:\n  Cluster:\n    Type: Custom::PclusterCluster\n"
            f"    Properties: !If\n      - Yes\n      -\n      {properties}\n      - {{}}\n"
        )
        ((line, message),) = [(each.place.line, each.message) for each in check(text)]
        assert (line, message[:16]) == (20, '"0" is not valid')

    def test_properties_that_a_macro_makes_are_named(self):
        text = "Resources: {C: {Type: Custom::PclusterCluster, Properties: {Fn::Transform: {Name: x}}}}"
        ((_, path, reason),) = skipped(text)
        assert (path, check_file(text, "", Inputs()).clusters) == ("C", 0)
        assert "the function Fn::Transform is not known" in reason
        assert [path for _, path, _ in skipped(f"Transform: My::Macro\n{CLUSTER}")] == ["Transform"]
