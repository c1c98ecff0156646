"""DynamoDB tables."""

import collections
import copy
import threading
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.dynamodb import urls
from moto.dynamodb.exceptions import DynamodbException, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models import table as moto_table

from localcloud.clock import clock
from localcloud.faults import INDEX, faults
from localcloud.resources.model import Resource, Stored, Wanted, in_place_of

#: The account's own key for DynamoDB, which encryption without a named key uses.
_ACCOUNT_KEY = "alias/aws/dynamodb"
#: Source: Amazon DynamoDB API reference, TransactWriteItems (CancellationReasons) and PutItem (Errors).
_CONFLICT, _ONGOING = "TransactionConflict", "Transaction is ongoing for the item"
#: So many writes a lagging index can look back.
_EARLIER = 1000


@in_place_of(moto_table.Table, maker="moto.dynamodb.models")
class Table(Resource, moto_table.Table, CloudFormationModel):
    """`AWS::DynamoDB::Table`; moto's knows neither an update nor a time to live."""

    stored: ClassVar = Stored(dynamodb_backends, "tables", "delete_table")
    cfn_attributes: ClassVar = {"Arn": "table_arn", "StreamArn": "stream_arn"}

    #: While a transaction begins: the hash keys of what it may change. moto copies the table to go back to.
    at_stake: frozenset[str] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Table":
        """Copies the table; in a transaction, shares the items that it does not change."""
        twin = copy.copy(self)
        memo[id(self)] = twin
        if self.at_stake is None or self.stream_shard is not None:
            vars(twin).update({name: copy.deepcopy(value, memo) for name, value in vars(self).items()})
        else:
            twin.items = self.items.copy()
            for key in self.items:
                if key.value in self.at_stake:
                    twin.items[key] = copy.deepcopy(self.items[key], memo)
        twin.at_stake = None
        return twin

    def describe(self, base_key: str = "TableDescription") -> dict[str, Any]:
        """Returns the table as the API shows it, without the lists and the mode that DynamoDB leaves out."""
        described: dict[str, Any] = super().describe(base_key)
        shown = described[base_key]
        shown["TableId"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.table_arn}/{self.created_at}"))
        if self.billing_mode == "PROVISIONED":
            del shown["BillingModeSummary"]
        for name in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            if not shown[name]:
                del shown[name]
        return described

    @property
    def stream_arn(self) -> str:
        """The ARN of the table's stream."""
        return str(self.describe()["TableDescription"]["LatestStreamArn"])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Table":
        """Creates the table with its time to live and backups."""
        table: Table = super().create_resource(wanted)
        table.sse_specification = _encryption(wanted.properties)
        _keep(wanted.place.regional(dynamodb_backends), table, wanted.properties)
        return table

    def update_resource(self, wanted: Wanted) -> "Table":
        """Changes capacity, time to live, backups, protection and encryption; keys and indexes stay."""
        properties = wanted.properties
        backend = wanted.place.regional(dynamodb_backends)
        backend.update_table(
            self.name,
            attr_definitions=properties.get("AttributeDefinitions"),
            global_index=[],
            throughput=properties.get("ProvisionedThroughput"),
            billing_mode=properties.get("BillingMode"),
            stream_spec={},
            deletion_protection_enabled=properties.get("DeletionProtectionEnabled", False),
            warm_throughput=properties.get("WarmThroughput"),
        )
        self.sse_specification = _encryption(properties)
        _keep(backend, self, properties)
        return self


_WRITES = {"put_item": "PutItem", "update_item": "UpdateItem", "delete_item": "DeleteItem"}


def _one_at_a_time(name: str) -> Any:
    """Returns a method of moto's backend that runs alone among these, so that its checks hold."""

    @wraps(getattr(DynamoDBBackend, name))
    def alone(self: "Backend", *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            if name in _WRITES:
                self.begin_write(_WRITES[name], kwargs.get("table_name") or args[0])
            # Looked up now: others may have put theirs in its place, see head_node.py.
            return getattr(DynamoDBBackend, name)(self, *args, **kwargs)

    return alone


class Backend(DynamoDBBackend):
    """moto's DynamoDB, which executes one request at a time."""

    # moto looks for a service's URLs beside its backend's module.
    _url_module = urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        #: By table, what it had before each of the latest writes, while there are faults.
        self._earlier: dict[str, collections.deque[tuple[datetime, Any]]] = collections.defaultdict(
            lambda: collections.deque(maxlen=_EARLIER)
        )

    get_item = _one_at_a_time("get_item")
    scan = _one_at_a_time("scan")
    put_item = _one_at_a_time("put_item")
    update_item = _one_at_a_time("update_item")
    delete_item = _one_at_a_time("delete_item")

    def query(self, table_name: str, *args: Any, **kwargs: Any) -> Any:
        """Returns the items of a table or an index; an index may lag behind the table, see ``faults``."""
        with self.lock:
            table, index_name = self.tables.get(table_name), kwargs.get("index_name")
            lag_s = sum(faults.deliveries(INDEX, index_name, table_name)) if index_name else 0
            if table is None or not lag_s:
                return super().query(table_name, *args, **kwargs)
            present, cut = table.items, clock.now() - timedelta(seconds=lag_s)
            table.items = next((items for at, items in self._earlier[table_name] if at > cut), present)
            try:
                return super().query(table_name, *args, **kwargs)
            finally:
                table.items = present

    def begin_write(self, operation: str, table_name: str) -> None:
        """Refuses a single write that meets a transaction, and remembers what the table had before it."""
        table = self.tables.get(table_name)
        if faults.is_empty or not isinstance(table, Table):
            self._earlier.clear()
            return
        if table.at_stake is None and faults.conflicts(operation, table_name):
            raise DynamodbException("TransactionConflictException", _ONGOING)
        self._earlier[table_name].append((clock.now(), copy.deepcopy(table.items)))

    def transact_write_items(self, transact_items: list[dict[str, Any]]) -> None:
        """Executes a transaction, and copies only the tables that it changes for a rollback.

        Raises:
            TransactionCanceledException: A condition failed, or it meets another transaction.
        """
        with self.lock:
            tables = self._at_stake(transact_items)
            if any(faults.conflicts("TransactWriteItems", table.name) for table in tables):
                none = [(None, None, None)] * (len(transact_items) - 1)
                raise TransactionCanceledException([(_CONFLICT, _ONGOING, None), *none])
            for table, keys in tables.items():
                table.at_stake = frozenset(keys)
            try:
                super().transact_write_items(transact_items)
            finally:
                for table in tables:
                    table.at_stake = None

    def _at_stake(self, transact_items: Iterable[dict[str, Any]]) -> dict[Table, list[str]]:
        tables: dict[Table, list[str]] = {}
        for operation in (operation for item in transact_items for operation in item.values()):
            table = self.tables.get(operation.get("TableName", ""))
            key = (
                (operation.get("Key") or operation.get("Item") or {}).get(table.hash_key_attr)
                if table
                else None
            )
            if isinstance(table, Table) and key:
                tables.setdefault(table, []).append(next(iter(key.values())))
        return tables


def install() -> None:
    """Replaces moto's DynamoDB; call it before the first request."""
    dynamodb_backends.backend = Backend


def _encryption(properties: dict[str, Any]) -> dict[str, Any] | None:
    """A template's encryption in the API's words; None is DynamoDB's own key."""
    wanted = properties.get("SSESpecification")
    if not wanted or str(wanted["SSEEnabled"]).lower() != "true":
        return None
    return {"Enabled": True, "KMSMasterKeyId": wanted.get("KMSMasterKeyId", _ACCOUNT_KEY)}


def _keep(backend: DynamoDBBackend, table: Table, properties: dict[str, Any]) -> None:
    """Sets how long items and backups are kept."""
    if "TimeToLiveSpecification" in properties:
        backend.update_time_to_live(table.name, properties["TimeToLiveSpecification"])
    if "PointInTimeRecoverySpecification" in properties:
        backend.update_continuous_backups(table.name, properties["PointInTimeRecoverySpecification"])
