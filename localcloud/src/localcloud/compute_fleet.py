"""The state of a cluster's compute fleet, which the head node and the library share through a table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends

#: Source: aws-parallelcluster 3.16.1, pcluster/constants.py PCLUSTER_DYNAMODB_PREFIX, and
#: pcluster/models/compute_fleet_status_manager.py JsonComputeFleetStatusManager.
_TABLE_PREFIX = "parallelcluster-"
_KEY = {"Id": {"S": "COMPUTE_FLEET"}}


@dataclass(frozen=True)
class ComputeFleet:
    """The fleet of one cluster."""

    cluster_name: str
    account_id: str
    region_name: str

    @property
    def _backend(self) -> DynamoDBBackend:
        backend: DynamoDBBackend = dynamodb_backends[self.account_id][self.region_name]
        return backend

    @property
    def _table(self) -> str:
        return f"{_TABLE_PREFIX}{self.cluster_name}"

    @property
    def status(self) -> str | None:
        """What the table says, in the library's words; None before the first boot and after the cluster."""
        if self._table not in self._backend.tables:
            return None
        item = self._backend.get_item(self._table, _KEY)
        if item is None:
            return None
        status: str = item.to_json()["Attributes"]["Data"]["M"]["status"]["S"]
        return status

    def put(self, status: str, at: datetime) -> None:
        """Writes the status, unless the cluster is gone."""
        if self._table not in self._backend.tables:
            return
        state = {"status": {"S": status}, "lastStatusUpdatedTime": {"S": str(at)}}
        self._backend.put_item(self._table, {**_KEY, "Data": {"M": state}}, overwrite=True)


def watch(listener: Callable[[str], None]) -> None:
    """Has a listener called with the cluster's name after each request to start or stop its fleet.

    Requests are the updates of the fleet's item; the head node's own writes replace it, and tell nobody.
    """
    update_item = DynamoDBBackend.update_item

    def update_and_tell(
        self: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        item = update_item(self, table_name, key, *args, **kwargs)
        if key == _KEY and table_name.startswith(_TABLE_PREFIX):
            listener(table_name.removeprefix(_TABLE_PREFIX))
        return item

    backend_class: Any = DynamoDBBackend
    backend_class.update_item = update_and_tell
