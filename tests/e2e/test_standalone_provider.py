"""One provider stack serves any number of clusters, whatever form their configuration has."""

import json

import pytest

from tests.e2e.account import outputs

pytestmark = pytest.mark.e2e

TWO_CLUSTERS = """\
Parameters:
  ServiceToken: {Type: String}
Resources:
  First:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ClusterName: c-first
      ClusterConfiguration: %(map)s
  Second:
    Type: Custom::PClusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ClusterName: c-second
      ClusterConfiguration: %(text)s
Outputs:
  First: {Value: !GetAtt [First, headNode.publicIpAddress]}
  Second: {Value: !Sub '${Second.headNode.publicIpAddress}'}
"""


def test_two_clusters_of_one_stack_get_their_own_head_nodes(account, service_token):
    configuration = json.dumps(account.configuration())
    body = TWO_CLUSTERS % {"map": configuration, "text": json.dumps(configuration)}
    stack = account.create("pair", body, ServiceToken=service_token)

    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    ((first,), (second,)) = account.head_nodes("c-first"), account.head_nodes("c-second")
    assert outputs(stack) == {"First": first["PublicIpAddress"], "Second": second["PublicIpAddress"]}
    assert first["InstanceId"] != second["InstanceId"]

    assert account.delete("pair")["StackStatus"] == "DELETE_COMPLETE"
    assert account.head_nodes("c-first") == account.head_nodes("c-second") == []
