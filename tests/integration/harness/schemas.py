"""Tables as Debezium describes them: key, row and envelope schemas, and records in those forms.

    orders = DebeziumTable(registry_client, "shop.public.orders", [("id", "int"), ("note", opt("string"))], key=["id"])
    producer.send(orders.create({"id": 1, "note": "x"}))
"""

import dataclasses
import json

import requests

from . import wire


def opt(avro_type) -> list:
    """A nullable type, as Debezium writes it: null first."""
    return ["null", avro_type]


def field(name: str, avro_type) -> dict:
    nullable = isinstance(avro_type, list) and avro_type[0] == "null"
    return {"name": name, "type": avro_type, **({"default": None} if nullable else {})}


SOURCE_FIELDS = [
    ("version", "string"), ("connector", "string"), ("name", "string"), ("ts_ms", "long"),
    ("snapshot", opt("string")), ("db", "string"), ("sequence", opt("string")),
    ("schema", "string"), ("table", "string"), ("txId", opt("long")), ("lsn", opt("long")),
]


def source_schema() -> dict:
    return {"type": "record", "name": "Source", "namespace": "io.debezium.connector.postgresql",
            "connect.name": "io.debezium.connector.postgresql.Source",
            "fields": [field(n, t) for n, t in SOURCE_FIELDS]}


class RegistryClient:
    """Registers schemas over the registry's REST API, at Apicurio's or the stub's address alike."""

    def __init__(self, url: str):
        self.url = url
        self._session = requests.Session()
        self._known: dict[tuple[str, str], int] = {}

    def register(self, subject: str, schema, references: list | None = None) -> int:
        text = schema if isinstance(schema, str) else json.dumps(schema)
        known = self._known.get((subject, text))
        if known is not None and not references:
            return known
        body = {"schema": text, "schemaType": "AVRO"}
        if references:
            body["references"] = references
        answer = self._session.post(
            f"{self.url}/subjects/{subject}/versions", data=json.dumps(body), timeout=30,
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        assert answer.status_code == 200, f"registering {subject}: {answer.status_code} {answer.text[:300]}"
        schema_id = answer.json()["id"]
        self._known[(subject, text)] = schema_id
        return schema_id


@dataclasses.dataclass
class Record:
    """One record, framed. `change` is what it means: (op, key tuple, row or None), for the oracle."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] = dataclasses.field(default_factory=list)
    change: tuple | None = None
    partition: int | None = None
    timestamp_ms: int | None = None


class _Keyed:
    """What a Debezium table and a plain one share: name, columns, key, ids of both schemas."""

    def __init__(self, client: RegistryClient, topic: str, columns, key):
        self.client = client
        self.topic = topic
        self.columns = list(columns)
        self.key = list(key)
        self.namespace = topic.replace("-", "_")
        types = dict(self.columns)
        self.key_schema = {"type": "record", "name": "Key", "namespace": self.namespace,
                           "connect.name": f"{self.namespace}.Key",
                           "fields": [field(k, types[k]) for k in self.key]}
        self.key_id = client.register(f"{topic}-key", self.key_schema) if self.key else None

    def key_of(self, row: dict) -> tuple:
        return tuple(row[k] for k in self.key)

    def key_bytes(self, row: dict) -> bytes | None:
        if not self.key:
            return None
        return wire.confluent(self.key_id, wire.datum(self.key_schema, {k: row[k] for k in self.key}))

    def record(self, op: str, row: dict, value: bytes | None, headers=()) -> Record:
        state = None if op in ("d", "tombstone") else row
        return Record(self.topic, self.key_bytes(row), value, list(headers),
                      (op, self.key_of(row), state))

    def tombstone(self, row: dict) -> Record:
        return self.record("tombstone", row, None)


class DebeziumTable(_Keyed):
    """Envelope records, as the PostgreSQL connector writes them with REPLICA IDENTITY DEFAULT: a
    delete's `before` has the key, and fillers elsewhere (null, here)."""

    def __init__(self, client: RegistryClient, topic: str, columns, key):
        super().__init__(client, topic, columns, key)
        self.lsn = 1000
        row = {"type": "record", "name": "Value", "connect.name": f"{self.namespace}.Value",
               "fields": [field(n, t) for n, t in self.columns]}
        self.envelope_schema = {
            "type": "record", "name": "Envelope", "namespace": self.namespace,
            "connect.name": f"{self.namespace}.Envelope",
            "fields": [
                {"name": "before", "type": ["null", row], "default": None},
                {"name": "after", "type": ["null", "Value"], "default": None},
                {"name": "source", "type": source_schema()},
                {"name": "op", "type": "string"},
                {"name": "ts_ms", "type": opt("long"), "default": None},
                {"name": "transaction", "type": opt({
                    "type": "record", "name": "block", "namespace": "event",
                    "fields": [field("id", "string"), field("total_order", "long"),
                               field("data_collection_order", "long")]}), "default": None},
            ]}
        self.value_id = client.register(f"{topic}-value", self.envelope_schema)

    def envelope(self, op: str | None, before: dict | None, after: dict | None, **source) -> bytes:
        """The framed envelope. `source` overrides fields of the source block."""
        self.lsn += 8
        schema, table = (self.topic.split(".") + ["", ""])[1:3]
        block = {"version": "3.5.0.Final", "connector": "postgresql", "name": self.topic.split(".", maxsplit=1)[0],
                 "ts_ms": 1_700_000_000_000, "snapshot": "false", "db": "shop",
                 "sequence": json.dumps([str(self.lsn - 8), str(self.lsn)]), "schema": schema or "public",
                 "table": table or "t", "txId": 7, "lsn": self.lsn, **source}
        value = {"before": before, "after": after, "source": block, "op": op,
                 "ts_ms": 1_700_000_000_100, "transaction": None}
        return wire.confluent(self.value_id, wire.datum(self.envelope_schema, value))

    def filler(self, row: dict) -> dict:
        """`before` of a delete: the key, and what Debezium fills in for the rest."""
        fillers = {"string": "", "int": 0, "long": 0, "double": 0.0, "boolean": False, "bytes": b""}
        out = {}
        for name, avro_type in self.columns:
            nullable = isinstance(avro_type, list)
            plain = avro_type if isinstance(avro_type, str) else None
            out[name] = row[name] if name in self.key else None if nullable else fillers[plain]
        return out

    def create(self, row: dict, headers=()) -> Record:
        return self.record("c", row, self.envelope("c", None, row), headers)

    def read(self, row: dict) -> Record:
        """A row of a snapshot."""
        return self.record("r", row, self.envelope("r", None, row, snapshot="true"))

    def update(self, row: dict) -> Record:
        return self.record("u", row, self.envelope("u", None, row))

    def delete(self, row: dict, headers=()) -> Record:
        return self.record("d", row, self.envelope("d", self.filler(row), None), headers)

    def truncate(self) -> Record:
        return Record(self.topic, None, self.envelope("t", None, None), [], ("t", None, None))

    def key_change(self, old: dict, new: dict) -> list[Record]:
        """E-13: delete of the old key, tombstone, creation under the new one, tied by headers."""
        def shown(row):
            return json.dumps({k: row[k] for k in self.key}).encode()
        return [self.delete(old, [("__debezium.newkey", shown(new))]), self.tombstone(old),
                self.create(new, [("__debezium.oldkey", shown(old))])]


class PlainTable(_Keyed):
    """Flat records: the value is the row (E-21), a null value deletes."""

    def __init__(self, client: RegistryClient, topic: str, columns, key):
        super().__init__(client, topic, columns, key)
        self.value_schema = {"type": "record", "name": "Value", "namespace": self.namespace,
                             "fields": [field(n, t) for n, t in self.columns]}
        self.value_id = client.register(f"{topic}-value", self.value_schema)

    def put(self, row: dict) -> Record:
        return self.record("u", row, wire.confluent(self.value_id, wire.datum(self.value_schema, row)))


# -- three columns that do for most tests
TEXT = [("id", "int"), ("a", opt("string")), ("b", opt("string"))]


def texts(i: int, a: str | None = "x", b: str | None = "y") -> dict:
    return {"id": i, "a": a, "b": b}
