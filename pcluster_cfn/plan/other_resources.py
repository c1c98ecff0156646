"""What CloudFormation itself would do to the other resources of a template, by a change set."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, reaches_embedded_cloud
from pcluster_cfn.deploy.change_set import ChangeSets, Deployment, NotRemovedError
from pcluster_cfn.deploy.changes import Change
from pcluster_cfn.deploy.preflight import require_built
from pcluster_cfn.deploy.requests import is_denied
from pcluster_cfn.errors import CommandError, message_of
from pcluster_cfn.package import Bucket, has_local_artefacts, package
from pcluster_cfn.template import Template


@dataclass(frozen=True)
class OtherResources:
    """The changes of all resources but the planned clusters.

    Attributes:
        changes: The changes, those that may lose something first.
        is_empty: Whether nothing would change but planned clusters.
        left_out: Why the changes are not known although the deployment may succeed; empty if they are.
        refusal: Why the deployment would be refused; empty if it would not.
    """

    changes: tuple[Change, ...] = ()
    is_empty: bool = False
    left_out: str = ""
    refusal: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the changes are known."""
        return not self.left_out and not self.refusal

    def without(self, places: Collection[str]) -> "OtherResources":
        """Returns the changes of all resources but those at some places."""
        others = tuple(change for change in self.changes if change.place not in places)
        is_empty = self.is_empty or (bool(self.changes) and not others)
        return OtherResources(others, is_empty, self.left_out, self.refusal)

    @property
    def changes_only_attributes(self) -> bool:
        """Whether the stack changes and none of its resources does."""
        return self.is_known and not self.is_empty and not self.changes


#: A nested stack's change set may fail where its deployment succeeds, because values of other resources are
#: not known before; the root's reason then names it. Source: aws/aws-cdk, issue 19224 and what it links to.
_NESTED = "nested"
NOT_ASKED = OtherResources(left_out="--no-change-set")


def preview(
    aws: Aws, path: Path, stack_name: str, parameters: Mapping[str, str], bucket: str | None
) -> OtherResources:
    """Returns the changes of all resources, clusters included, and leaves nothing behind.

    Args:
        aws: Clients of the account.
        path: The template.
        stack_name: Name of its stack, which may not exist yet.
        parameters: Given values of its parameters.
        bucket: Where the files go that the template names by local path; None if there is none.

    Raises:
        NotRemovedError: The credentials do not allow to remove the change set, or that takes too long.
        KeyboardInterrupt: Ctrl-C; what was made is removed all the same.
    """
    template = Template.read(path)
    try:
        if has_local_artefacts(template, path.parent):
            if not bucket:
                return OtherResources(left_out="the template names local files; name a bucket with --bucket")
            if not reaches_embedded_cloud(aws):
                require_built(template, path)
        target = Bucket(aws.client("s3"), bucket) if bucket else None
        if target:
            package(template, path.parent, target)
        change_sets = ChangeSets(aws.client("cloudformation"), bucket=target)
        with change_sets.preview(Deployment(stack_name, template, parameters)) as change_set:
            return OtherResources(change_set.changes, change_set.is_empty)
    except NotRemovedError:
        raise
    except (ClientError, CommandError) as error:
        return _failed(error)


def _failed(error: ClientError | CommandError) -> OtherResources:
    cause = error if isinstance(error, ClientError) else error.__cause__
    if isinstance(cause, ClientError) and is_denied(cause):
        return OtherResources(left_out=f"your credentials do not allow it: {message_of(cause)}")
    if isinstance(error, ClientError):
        raise error
    if _NESTED in error.what.lower():
        return OtherResources(left_out=error.what)
    return OtherResources(refusal=str(error))
