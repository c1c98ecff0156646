"""Resources that only report to AWS which constructs a template uses."""

import uuid

from localcloud.cloudformation.resource import Cancel, Handler, Made, Progress, Target, no_cancel


class MetadataHandler(Handler):
    """`AWS::CDK::Metadata`, which ``cdk synth`` adds to every template. It creates nothing.

    Source: AWS CDK developer guide, "Version reporting"; localstack/localstack issues 3894 and 5828.
    """

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Completes at once."""
        made = Made(target, str(uuid.uuid4()))
        progress.initiated(made)
        progress.succeeded(made)
        return no_cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Keeps its id."""
        progress.succeeded(Made(target, made.physical_id))
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - there is nothing to remove
        """Completes at once."""
        progress.succeeded()
        return no_cancel
