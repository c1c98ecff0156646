"""Topics, whose properties moto reads in part; their subscriptions and policies, of which it has the API."""

import json
from typing import Any, ClassVar, cast

from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.sns import models as moto_sns
from moto.sns.models import sns_backends

from localcloud.resources.model import Identified, Place, Resource, Stored, Wanted, in_place_of, tags_by_key

#: Properties that are no attributes of a topic in the API.
_NO_ATTRIBUTES = {"DataProtectionPolicy", "DeliveryStatusLogging", "Subscription", "Tags", "TopicName"}


@in_place_of(moto_sns.Topic)
class Topic(Resource, moto_sns.Topic, CloudFormationModel):
    """`AWS::SNS::Topic`; moto ignores its tags and makes another one in an update."""

    stored: ClassVar = Stored(sns_backends, "topics", "delete_topic")
    cfn_attributes: ClassVar = {"TopicArn": "arn", "TopicName": "name", "DisplayName": "display_name"}

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The ARN, which is what ``Ref`` gives."""
        return str(self.arn)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Topic":
        """Creates the topic with its subscriptions."""
        properties = wanted.properties
        backend = wanted.place.regional(sns_backends)
        topic = cast(
            Topic, backend.create_topic(wanted.name, {"FifoTopic": properties.get("FifoTopic", False)})
        )
        for subscription in properties.get("Subscription", []):
            backend.subscribe(topic.arn, subscription["Endpoint"], subscription["Protocol"])
        return topic.configure(properties)

    def update_resource(self, wanted: Wanted) -> "Topic":
        """Changes attributes and tags in place; under another name it is another topic."""
        if wanted.properties.get("TopicName", self.name) != self.name:
            return cast(Topic, super().update_resource(wanted))
        self.display_name = self.kms_master_key_id = ""
        return self.configure(wanted.properties)

    def configure(self, properties: dict[str, Any]) -> "Topic":
        """Sets the attributes and tags that a template names."""
        for name, value in properties.items():
            if name not in _NO_ATTRIBUTES:
                text = json.dumps(value) if isinstance(value, dict) else value
                setattr(self, camelcase_to_underscores(name), text)
        self._tags = tags_by_key(properties.get("Tags"))
        return self


class Subscription(Identified, CloudFormationModel):
    """`AWS::SNS::Subscription`."""

    cfn_type = "AWS::SNS::Subscription"
    stored: ClassVar = Stored(sns_backends, "subscriptions")
    cfn_attributes: ClassVar = {"Arn": "physical_resource_id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Subscription":
        """Subscribes an endpoint to a topic."""
        properties = wanted.properties
        backend = wanted.place.regional(sns_backends)
        made = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"])
        return cls(made.arn)


class TopicPolicy(Identified, CloudFormationModel):
    """`AWS::SNS::TopicPolicy`."""

    cfn_type = "AWS::SNS::TopicPolicy"
    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}

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
