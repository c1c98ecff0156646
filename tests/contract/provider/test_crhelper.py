"""Pins what the provider overrides to the crhelper it was written against."""

import inspect
from importlib.metadata import version
from typing import Any

import pytest
from crhelper import CfnResource

from cluster_provider.core.errors import Unavailable
from cluster_provider.resource import ClusterResource
from tests.support.world import Context, World

#: Attributes of crhelper's constructor that belong to what is replaced: logging, clients, polling rules.
REPLACED = {
    "_sleep_on_delete",
    "_json_logging",
    "_log_level",
    "_boto_level",
    "_polling_interval",
    "_sam_local",
    "_region",
    "_ssl_verify",
    "_lambda_client",
    "_events_client",
    "_logs_client",
}

#: Attributes that crhelper sets for each event before anything reads them.
PER_EVENT = {"Status", "Reason", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId"} | {
    "_event",
    "_context",
    "_response_url",
}


def test_the_release_is_the_one_that_was_read() -> None:
    assert version("crhelper") == "2.0.12"


def test_every_attribute_of_the_inherited_constructor_is_set_or_accounted_for() -> None:
    inherited = set(vars(CfnResource()))
    ours = set(vars(ClusterResource(lambda _: None)))
    assert inherited - ours == REPLACED | PER_EVENT


@pytest.mark.parametrize(
    "name", ["__call__", "_wrap_function", "_send", "_set_timeout", "generate_physical_id", "__init__"]
)
def test_what_is_overridden_still_exists(name: str) -> None:
    assert callable(getattr(CfnResource, name))
    assert name in vars(ClusterResource)


def test_the_inherited_dispatch_is_what_we_rely_on() -> None:
    source = inspect.getsource(CfnResource._crhelper_init)  # noqa: SLF001 - pinned on purpose
    assert "self._set_timeout()" in source
    assert "self._wrap_function(self._get_func())" in source
    assert "CrHelperPoll" in inspect.getsource(CfnResource._get_func)  # noqa: SLF001
    assert "self._send()" in inspect.getsource(CfnResource._cfn_response)  # noqa: SLF001


def test_a_table_error_leaves_the_handler_and_nothing_is_sent() -> None:
    world = World()

    def unavailable(*_: Any) -> None:
        raise Unavailable("ProvisionedThroughputExceededException")

    world.store.change = unavailable  # type: ignore[method-assign]  # the fact that the table is down
    with pytest.raises(Unavailable):
        world.create()
    assert world.sink.bodies == {}


def test_a_second_event_through_the_same_instance_gets_nothing_of_the_first() -> None:
    world = World()
    world.made()
    waiting = world.event("Create", logical_id="Second")
    waiting["ResourceProperties"] |= {"ClusterName": "second"}
    world.provider.handle(waiting, Context("invocation-x"))
    assert world.sink.answers(waiting["RequestId"]) == []
