"""What a create says about the release that it uses: the worst of what is known of it."""

from datetime import date

from cluster_engine.configuration import Configuration
from cluster_engine.contract import EngineError
from cluster_schema.advisories import Severity, advisories_for

#: The argument of a create with the least severity that refuses it.
ARGUMENT = "refuse_advisories"
#: The type of these messages, among those of the library's validators.
TYPE = "Advisory"
#: The messages of a create. A stack's resource has 4,096 bytes for all attributes together, and
#: ``pcluster-cfn advise`` lists everything. Source: AWS CloudFormation user guide, "Custom resource response
#: objects".
MESSAGES_MAX = 3
#: Less than this is not worth a message in a stack.
_LEAST = Severity.WARNING


def refuse(version: str, configuration: Configuration, on_date: date, least: str | None) -> None:
    """Refuses a new cluster that advisories of a severity concern.

    Args:
        version: ParallelCluster version of the cluster.
        configuration: The cluster's configuration.
        on_date: The day of the create, UTC.
        least: The least severity that refuses it, such as ``high``; None for none.

    Raises:
        EngineError: ``ClusterRejected``, with a message for each advisory, the worst first.
    """
    if least is None:
        return
    limit = Severity[least.upper()]
    found = [each for each in advisories_for(version, configuration, on_date) if each.severity <= limit]
    if not found:
        return
    why = f"RefuseAdvisories of the provider stack ({least}) refuses ParallelCluster {version}"
    said = [f"{each.sentence()} Source: {each.source}" for each in found]
    raise EngineError(
        "ClusterRejected",
        f"{why}: {said[0]}",
        validation_messages=[
            {"level": "ERROR", "type": TYPE, "message": text} for text in (f"{why}: {said[0]}", *said[1:])
        ],
    )


def messages(version: str, configuration: Configuration, on_date: date) -> list[dict[str, str]]:
    """Returns the worst advisories that concern a new cluster, as validation messages.

    Args:
        version: ParallelCluster version of the cluster.
        configuration: The cluster's configuration.
        on_date: The day of the create, UTC.
    """
    found = [each for each in advisories_for(version, configuration, on_date) if each.severity <= _LEAST]
    return [{"level": "WARNING", "type": TYPE, "message": each.sentence()} for each in found[:MESSAGES_MAX]]
