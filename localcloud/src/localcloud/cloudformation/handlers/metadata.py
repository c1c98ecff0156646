"""What only tells AWS which constructs a template was written with."""

import uuid

from localcloud.cloudformation.resource import Cancel, Made, PlainHandler, Progress, Target, no_cancel


class MetadataHandler(PlainHandler):
    """`AWS::CDK::Metadata`, which ``cdk synth`` adds to every template and which makes nothing.

    Source: AWS CDK developer guide, "Version reporting"; localstack/localstack issues 3894 and 5828.
    """

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Is complete at once."""
        made = Made(target, str(uuid.uuid4()))
        progress.initiated(made)
        progress.succeeded(made)
        return no_cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Keeps its id."""
        progress.succeeded(Made(target, made.physical_id))
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - there is nothing to remove
        """Has nothing to remove."""
        progress.succeeded()
        return no_cancel
