"""Subscriptions to topics and policies of topics, of which moto has the API only."""

import json
from typing import ClassVar

from moto.core.common_models import CloudFormationModel
from moto.sns.models import sns_backends

from localcloud.resources.model import Place, Resource, Wanted


class Subscription(Resource, CloudFormationModel):
    """`AWS::SNS::Subscription`."""

    cfn_attributes: ClassVar = {"Arn": "physical_resource_id"}

    def __init__(self, arn: str) -> None:
        self.physical_resource_id = arn

    @staticmethod
    def cloudformation_type() -> str:
        """Names the resource type."""
        return "AWS::SNS::Subscription"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Subscription":
        """Subscribes an endpoint to a topic."""
        properties = wanted.properties
        backend = wanted.place.regional(sns_backends)
        made = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"])
        return cls(made.arn)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Ends the subscription."""
        place.regional(sns_backends).subscriptions.pop(physical_id, None)


class TopicPolicy(Resource, CloudFormationModel):
    """`AWS::SNS::TopicPolicy`."""

    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}

    def __init__(self, policy_id: str) -> None:
        self.physical_resource_id = policy_id

    @staticmethod
    def cloudformation_type() -> str:
        """Names the resource type."""
        return "AWS::SNS::TopicPolicy"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "TopicPolicy":
        """Gives topics the policy."""
        cls._set(wanted)
        return cls(wanted.name)

    def update_resource(self, wanted: Wanted) -> "TopicPolicy":
        """Changes the policy in place."""
        self._set(wanted)
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Leaves the topics as they are: their policies decide nothing here."""

    @staticmethod
    def _set(wanted: Wanted) -> None:
        policy = json.dumps(wanted.properties["PolicyDocument"])
        for arn in wanted.properties["Topics"]:
            wanted.place.regional(sns_backends).get_topic(arn).policy = policy
