"""Rules: which events reach which targets, and the schedules that make events of their own."""

import json
import logging
import re
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from moto.awslambda.exceptions import LambdaClientError
from moto.core.common_models import CloudFormationModel
from moto.events import models as moto_events
from moto.events import urls
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.responses import EventsHandler
from moto.sns.models import sns_backends

from localcloud import functions
from localcloud.clock import clock
from localcloud.events.inputs import check_input, target_input
from localcloud.events.patterns import InvalidPatternError, Pattern, matches, parse
from localcloud.faults import BUS, faults
from localcloud.functions.destinations import send_to_queue
from localcloud.gaps import gap
from localcloud.resources.model import Place, Resource, Wanted, in_place_of

_LOG = logging.getLogger(__name__)

_RATE = re.compile(r"rate\((?P<count>\d+) (?P<unit>minute|hour|day)s?\)")
_UNIT_S = {"minute": 60, "hour": 3600, "day": 86_400}
_SERVICE = "events.amazonaws.com"
#: What an event must have. Source: EventBridge API reference, TestEventPattern. It names ``resources`` too,
#: but AWS was recorded not to need it.
_REQUIRED = {"id", "account", "source", "time", "region", "detail-type"}


def envelope(
    place: Place, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]
) -> dict[str, Any]:
    """Returns an event as its targets see it.

    Source: Amazon EventBridge user guide, "AWS service event metadata".
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": place.account_id,
        "time": _iso(clock.now()),
        "region": place.region_name,
        "resources": resources,
        "detail": detail,
    }


@in_place_of(moto_events.Rule)
class Rule(Resource, moto_events.Rule, CloudFormationModel):
    """A rule whose targets are reached, functions among them."""

    cfn_attributes: ClassVar[dict[str, str]] = {"Arn": "arn"}

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The rule's name, which is what ``Ref`` gives."""
        return str(self.name)

    def send_to_targets(self, original_event: Any, transform_input: bool = True) -> None:  # noqa: ARG002
        """Delivers an event that was put, if the rule is enabled and its pattern matches."""
        event = {key: value for key, value in original_event.items() if key != "ingestion-time"}
        if not isinstance(event["time"], str):
            event["time"] = _iso(datetime.fromtimestamp(float(event["time"]), clock.now().tzinfo))
        pattern = self.event_pattern.dump()
        if pattern and matches(parse(pattern), event):
            self.deliver(event)

    def deliver(self, event: dict[str, Any]) -> None:
        """Sends an event to all targets, each on its own, soon; nothing if the rule is disabled."""
        if self.state != "ENABLED":
            return
        for target in list(self.targets):
            name = target["Arn"].split(":")[-1]
            for after_s in faults.deliveries(BUS, event["detail-type"], name):
                clock.call_later(after_s, lambda target=target: self._send(target, event))  # type: ignore[misc]

    def _send(self, target: dict[str, Any], event: dict[str, Any]) -> None:
        text = target_input(target, event, self.arn)
        match target["Arn"].split(":")[2]:
            case "sqs":
                send_to_queue(target["Arn"], text)
                return
            case "sns":
                _place_of(target["Arn"]).regional(sns_backends).publish(text, arn=target["Arn"])
                return
        try:
            functions.invoke_async(target["Arn"], text.encode(), functions.Caller(_SERVICE, self.arn))
        except LambdaClientError as error:
            # EventBridge does not retry what will never be allowed; it asks the target's dead-letter queue.
            _LOG.warning("rule %s does not reach %s: %s", self.name, target["Arn"], error.message)
            if dead_letters := (target.get("DeadLetterConfig") or {}).get("Arn"):
                attributes = {
                    "RULE_ARN": ("String", self.arn),
                    "TARGET_ARN": ("String", target["Arn"]),
                    "ERROR_CODE": ("String", error.error_type),
                    "ERROR_MESSAGE": ("String", error.message),
                }
                send_to_queue(dead_letters, text, attributes)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Rule":
        """Creates the rule with its targets."""
        return cls._put(wanted.properties.get("Name") or wanted.name, wanted)

    def update_resource(self, wanted: Wanted) -> "Rule":
        """Changes the rule in place; under another name it is made anew."""
        if wanted.properties.get("Name", self.name) != self.name:
            return cast(Rule, super().update_resource(wanted))
        self.remove_targets([target["Id"] for target in self.targets])
        return self._put(self.name, wanted)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the rule of this name, unless it is gone."""
        backend = place.regional(moto_events.events_backends)
        for bus in list(backend.event_buses.values()):
            if rule := bus.rules.get(physical_id):
                rule.remove_targets([target["Id"] for target in list(rule.targets)])
                backend.delete_rule(physical_id, bus.name)

    @classmethod
    def _put(cls, name: str, wanted: Wanted) -> "Rule":
        properties = wanted.properties
        bus = properties.get("EventBusName") or "default"
        pattern = properties.get("EventPattern")
        backend = wanted.place.regional(moto_events.events_backends)
        rule: Rule = backend.put_rule(
            name,
            description=properties.get("Description"),
            event_bus_arn=bus,
            event_pattern=json.dumps(pattern) if isinstance(pattern, dict) else pattern,
            role_arn=properties.get("RoleArn"),
            scheduled_expression=properties.get("ScheduleExpression"),
            state=properties.get("State"),
            tags=properties.get("Tags"),
        )
        if properties.get("Targets"):
            backend.put_targets(name=name, event_bus_arn=bus, targets=properties["Targets"])
        return rule


class RulesBackend(moto_events.EventsBackend):
    """moto's EventBridge, whose schedules run."""

    # moto looks for a service's URLs beside its backend's module.
    _url_module = urls

    def put_rule(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Creates or replaces a rule and starts its schedule; see moto for the arguments.

        Raises:
            InvalidEventPatternException: Its pattern is not valid.
        """
        if kwargs.get("event_pattern"):
            valid_pattern(kwargs["event_pattern"])
        rule = super().put_rule(name, *args, **kwargs)
        if rule.scheduled_expression:
            rate = _RATE.fullmatch(rule.scheduled_expression)
            if rate is None:
                _LOG.warning("rule %s never fires %s", name, gap("eventbridge.cron"))
            else:
                period_s = int(rate["count"]) * _UNIT_S[rate["unit"]]
                self._schedule(rule, clock.now() + timedelta(seconds=period_s), period_s)
        return rule

    def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        """Adds targets to a rule, refusing those that could not be reached.

        Raises:
            ValidationException: A target is no function, queue or topic, or its input is not valid.
        """
        for target in targets:
            try:
                check_input(target)
            except ValueError as error:
                raise ValidationException(str(error)) from error
            if not re.match(r"arn:[^:]+:(lambda|sns|sqs):", target["Arn"]):
                raise ValidationException(
                    f"target {target['Arn']} is not emulated {gap('eventbridge.targets')}"
                )
        super().put_targets(name, event_bus_arn, targets)

    def put_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Delivers events, except for those whose detail is not an object; see moto."""
        # moto calls only what is not JSON malformed.
        return super().put_events(
            [event if _has_detail(event) else {**event, "Detail": "{"} for event in events]
        )

    def _schedule(self, rule: Any, when: datetime, period_s: int) -> None:
        clock.call_at(when, lambda: self._fire(rule, when, period_s), background=True)

    def _fire(self, rule: Any, when: datetime, period_s: int) -> None:
        # A rule that was put again is another object with a schedule of its own.
        current: Any = self._get_event_bus(rule.event_bus_name).rules.get(rule.name)
        if current is not rule:
            return
        self._schedule(rule, when + timedelta(seconds=period_s), period_s)
        place = Place(self.account_id, self.region_name)
        rule.deliver(envelope(place, "aws.events", "Scheduled Event", [rule.arn], {}))


def _place_of(arn: str) -> Place:
    _, _, _, region_name, account_id, _ = arn.split(":", maxsplit=5)
    return Place(account_id, region_name)


def _has_detail(event: dict[str, Any]) -> bool:
    try:
        return not event.get("Detail") or isinstance(json.loads(event["Detail"]), dict)
    except ValueError:
        return False


def valid_pattern(text: str) -> Pattern:
    """Returns a pattern, read.

    Raises:
        InvalidEventPatternException: It is not valid.
    """
    try:
        return parse(text)
    except InvalidPatternError as error:
        raise InvalidEventPatternException(str(error)) from error


def answer_test_event_pattern(response: EventsHandler) -> str:
    """Answers TestEventPattern."""
    pattern = valid_pattern(response._get_param("EventPattern"))  # noqa: SLF001 - moto offers no other way
    try:
        event = json.loads(response._get_param("Event"))  # noqa: SLF001
    except ValueError as error:
        raise ValidationException("Parameter Event is not valid.") from error
    if not isinstance(event, dict) or not event.keys() >= _REQUIRED:
        raise ValidationException("Parameter Event is not valid.")
    return json.dumps({"Result": matches(pattern, event)})


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
