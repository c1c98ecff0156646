"""EventBridge: events of services and of users reach the targets of matching rules, and schedules run."""

from typing import Any

from moto.cloudformation import parsing
from moto.events.models import events_backends
from moto.events.responses import EventsHandler
from moto.events.utils import PAGINATION_MODEL

from localcloud.events.rules import Rule, RulesBackend, answer_test_event_pattern, envelope
from localcloud.resources.model import Place, take_place

__all__ = ["Rule", "install", "put_service_event"]


class _Installed:
    place: Place | None = None


def install(account: str, region: str) -> None:
    """Makes moto's EventBridge deliver; call it once, before the first request."""
    _Installed.place = Place(account, region)
    take_place()
    events_backends.backend = RulesBackend
    handler: Any = EventsHandler
    handler.test_event_pattern = answer_test_event_pattern
    # Several targets may have one ARN, so it does not say where a page ended.
    PAGINATION_MODEL["list_targets_by_rule"]["unique_attribute"] = "Id"
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def put_service_event(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Puts an event of an AWS service on the default bus.

    Args:
        source: For instance ``aws.cloudformation``.
        detail_type: For instance ``CloudFormation Stack Status Change``.
        resources: ARNs the event is about.
        detail: Its content.

    Raises:
        RuntimeError: ``install`` has not been called.
    """
    if _Installed.place is None:
        raise RuntimeError("localcloud.events.install() has not been called")
    event = envelope(_Installed.place, source, detail_type, resources, detail)
    backend = _Installed.place.regional(events_backends)
    for rule in list(backend.describe_event_bus("default").rules.values()):
        rule.send_to_targets(event)
