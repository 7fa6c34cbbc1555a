"""Contract section 10, envelope and reduction: cases 60 to 81, 83 to 87 and 90; from 170 on, rows without a case."""

import json

from . import wire
from .cases import COLUMNS, FIXTURE, Case, Lab, at, case, row
from .schemas import PlainTable, Record, opt


@case(60, "E-01 E-03 R-02 c then u is the last state")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1)), t.update(row(1, "x2"))], [(1, "x2", "y")])


@case(61, "R-03 R-06 c then d then tombstone is nothing")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1)), t.delete(row(1)), t.tombstone(row(1))], [])


@case(62, "R-04 d then tombstone then c is the new row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.delete(row(1)), t.tombstone(row(1)), t.create(row(1))], [(1, "x", "y")], pre=[(1, "o", "o")])


@case(63, "R-03 u then d is nothing")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "p", "q")), t.delete(row(1))], [], pre=[(1, "o", "o")])


@case(64, "E-04 d of a row that is not there is no error")
def _(lab, n):
    return Case([lab.envelope(n).delete(row(9))], [])


@case(65, "E-02 r three times is one row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.read(row(1)) for _ in range(3)], [(1, "x", "y")])


def bad_envelope(number: int, title: str, code: str, op: str | None, after: dict | None, key: bool = True) -> None:
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        t = lab.envelope(n)
        record = Record(t.topic, t.key_bytes(row(1)) if key else None, t.envelope(op, None, after))
        return Case([record, t.create(row(2))], [(2, "x", "y")], [(0, code)])


bad_envelope(66, "E-09 op x is envelope.bad_op", "envelope.bad_op", "x", row(1))
bad_envelope(67, "E-08 op c without after is envelope.missing_after", "envelope.missing_after", "c", None)
bad_envelope(68, "E-07 op d without key and before is envelope.delete_without_key", "envelope.delete_without_key",
             "d", None, key=False)


@case(69, "E-13 a change of the primary key")
def _(lab, n):
    return Case(lab.envelope(n).key_change(row(1), row(2)), [(2, "x", "y")], pre=[(1, "x", "y")])


def flattened(lab: Lab, n: int, name: str, avro_type) -> PlainTable:
    return lab.plain(n, [*COLUMNS, (name, avro_type)])


@case(70, "E-22 flattened __deleted true deletes")
def _(lab, n):
    t = flattened(lab, n, "__deleted", opt("string"))
    return Case([t.put({**row(1), "__deleted": "true"})], [], pre=[(1, "x", "y")])


@case(71, "E-23 E-25 flattened __deleted false is no column")
def _(lab, n):
    t = flattened(lab, n, "__deleted", "boolean")
    return Case([t.put({**row(1), "__deleted": False})], [(1, "x", "y")], ddl=None)


@case(72, "E-24 flattened __op d deletes")
def _(lab, n):
    t = flattened(lab, n, "__op", opt("string"))
    return Case([t.put({**row(2), "__op": "c"}), t.put({**row(1), "__op": "d"})], [(2, "x", "y")], ddl=FIXTURE,
                pre=[(1, "x", "y")])


def named(name: str, fields: list) -> dict:
    space, short = name.rsplit(".", 1)
    return {"type": "record", "name": short, "namespace": space, "connect.name": name, "fields": fields}


def control(lab: Lab, n: int, schema: dict, content: dict) -> list[Record]:
    """A record of Debezium's own, between two ordinary ones."""
    t = lab.envelope(n)
    key = {"type": "record", "name": "ControlKey", "fields": [{"name": "serverName", "type": "string"}]}
    key_id = lab.stub.register(f"{lab.topic(n)}-control-key", key)
    schema_id = lab.stub.register(f"{lab.topic(n)}-control", schema)
    own = Record(t.topic, wire.confluent(key_id, wire.string("shop")),
                 wire.confluent(schema_id, wire.datum(schema, content)))
    return [t.create(row(1)), own, t.create(row(2))]


@case(73, "E-15 a logical message is skipped")
def _(lab, n):
    schema = named("io.debezium.connector.postgresql.MessageValue", [
        {"name": "op", "type": "string"}, {"name": "ts_ms", "type": ["null", "long"], "default": None},
        {"name": "source", "type": named("io.debezium.connector.postgresql.Source", [
            {"name": "lsn", "type": ["null", "long"], "default": None}])},
        {"name": "message", "type": ["null", named("io.debezium.connector.postgresql.Message", [
            {"name": "prefix", "type": ["null", "string"], "default": None},
            {"name": "content", "type": ["null", "bytes"], "default": None}])], "default": None}])
    content = {"op": "m", "ts_ms": 1, "source": {"lsn": 5}, "message": {"prefix": "p", "content": b"c"}}
    return Case(control(lab, n, schema, content), [(1, "x", "y"), (2, "x", "y")])


@case(74, "E-16 a heartbeat is skipped")
def _(lab, n):
    schema = named("io.debezium.connector.common.Heartbeat", [{"name": "ts_ms", "type": "long"}])
    return Case(control(lab, n, schema, {"ts_ms": 1}), [(1, "x", "y"), (2, "x", "y")])


@case(75, "E-17 a schema change is skipped and changes no table")
def _(lab, n):
    schema = named("io.debezium.connector.postgresql.SchemaChangeValue", [
        {"name": "ts_ms", "type": "long"}, {"name": "databaseName", "type": ["null", "string"], "default": None},
        {"name": "schemaName", "type": ["null", "string"], "default": None},
        {"name": "ddl", "type": ["null", "string"], "default": None},
        {"name": "tableChanges", "type": {"type": "array", "items": "string"}}])
    content = {"ts_ms": 1, "databaseName": "d", "schemaName": "public", "ddl": "DROP TABLE case_75", "tableChanges": []}
    return Case(control(lab, n, schema, content), [(1, "x", "y"), (2, "x", "y")])


@case(76, "E-14 truncate skip leaves the rows")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.truncate(), t.create(row(2))], [(1, "x", "y"), (2, "x", "y")], pre=[(1, "x", "y")],
                route={"truncate": "skip"})


@case(77, "R-20 truncate apply empties the table between two records")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(4)), t.truncate(), t.create(row(5))], [(5, "x", "y")],
                pre=[(1, "x", "y"), (2, "x", "y"), (3, "x", "y")])


@case(78, "R-21 truncate apply with two partitions and no guard halts")
def _(lab, n):
    t = lab.envelope(n)
    return Case([at(0, t.create(row(1))), at(0, t.truncate()), at(1, t.create(row(2)))],
                [(1, "x", "y"), (2, "x", "y")], partitions=2, ends={0: 1, 1: 1}, halt="truncate.unordered")


def placed(t, op: str, number: int, a: str, *, lsn: int | None, at_partition: int, sequence: bool = True) -> Record:
    """An envelope whose place in the source's log is given; a truncate has no key and no row."""
    block = {"lsn": lsn, "sequence": json.dumps([str(lsn), str(lsn)]) if sequence and lsn is not None else None}
    before = t.filler(row(number)) if op == "d" else None
    after = row(number, a) if op not in ("d", "t") else None
    record = Record(t.topic, None if op == "t" else t.key_bytes(row(number)), t.envelope(op, before, after, **block))
    return at(at_partition, record)


GUARDED = {"guard": "lsn"}
ROWS = "SELECT id, a, b FROM {table} ORDER BY 1"


@case(79, "R-22 truncate apply with a guard drops what is older")
def _(lab, n):
    t = lab.envelope(n)
    return Case([placed(t, "t", 1, "", lsn=100, at_partition=0), placed(t, "u", 1, "late", lsn=90, at_partition=1)], [],
                partitions=2, route=GUARDED, query=ROWS)


@case(83, "R-09 O-01 an update with the smaller lsn is dropped")
def _(lab, n):
    t = lab.envelope(n)
    return Case([placed(t, "u", 1, "new", lsn=200, at_partition=0), placed(t, "u", 1, "old", lsn=150, at_partition=1)],
                [(1, "new", "y")], partitions=2, route=GUARDED, query=ROWS)


@case(84, "O-07 an update older than the delete does not bring the row back")
def _(lab, n):
    t = lab.envelope(n)
    return Case([placed(t, "d", 1, "", lsn=200, at_partition=0), placed(t, "u", 1, "old", lsn=150, at_partition=1)],
                [], partitions=2, route=GUARDED, query=ROWS)


@case(85, "O-09 u without an lsn is guard.missing")
def _(lab, n):
    t = lab.envelope(n)
    return Case([placed(t, "u", 1, "x", lsn=None, at_partition=0), placed(t, "u", 2, "x", lsn=5, at_partition=0)],
                [(2, "x", "y")], [(0, "guard.missing")], route=GUARDED, query=ROWS)


@case(86, "O-06 equal guards: the same event twice, and a snapshot's row")
def _(lab, n):
    t = lab.envelope(n)
    twice = placed(t, "u", 1, "x", lsn=200, at_partition=0)
    return Case([twice, twice, placed(t, "r", 1, "r", lsn=200, at_partition=0)], [(1, "x", "y")], route=GUARDED,
                query=ROWS)


@case(87, "O-04 Oracle's scn 10 is newer than 9")
def _(lab, n):
    t = lab.envelope(n)
    source = {"type": "record", "name": "OracleSource", "fields": [
        {"name": "scn", "type": opt("string"), "default": None},
        {"name": "commit_scn", "type": opt("string"), "default": None},
        {"name": "ssn", "type": opt("long"), "default": None}]}
    fields = [{**f, "type": source} if f["name"] == "source" else f for f in t.envelope_schema["fields"]]
    schema = {**t.envelope_schema, "fields": fields}
    schema_id = lab.register(n, schema)

    def record(a: str, scn: str, partition: int) -> Record:
        value = {"before": None, "after": row(1, a), "op": "u", "ts_ms": 1, "transaction": None,
                 "source": {"scn": scn, "commit_scn": scn, "ssn": 0}}
        return at(partition, Record(t.topic, t.key_bytes(row(1)), wire.confluent(schema_id, wire.datum(schema, value))))
    return Case([record("nine", "9", 0), record("ten", "10", 1)], [(1, "ten", "y")], partitions=2,
                route={"guard": "scn"}, query=ROWS)


@case(177, "R-20 R-23 a referenced table is emptied by DELETE")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(4)), t.truncate(), t.create(row(5))], [(5, "x", "y")],
                pre=[(1, "x", "y")], ddl=f"{FIXTURE}; CREATE TABLE child_177(id int REFERENCES {{table}})")


@case(178, "E-14 a truncate before any row makes no table without a key")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.truncate(), t.create(row(1)), t.update(row(1, "z"))], [(1, "z", "y")], ddl=None)


@case(80, "E-40 two equal records of a keyless table are two rows")
def _(lab, n):
    t = lab.envelope(n, key=())
    return Case([t.create(row(1)), t.create(row(1))], [(1, "x", "y"), (1, "x", "y")],
                ddl="CREATE TABLE {table}(id int, a text, b text)")


@case(81, "E-40 u of a keyless table is envelope.keyless_change")
def _(lab, n):
    t = lab.envelope(n, key=())
    return Case([t.create(row(1)), t.update(row(1, "x2"))], [(1, "x", "y")], [(1, "envelope.keyless_change")],
                ddl="CREATE TABLE {table}(id int, a text, b text)")


@case(90, "R-02 ten thousand updates of one key are one row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, f"x{i}")) for i in range(10_000)], [(1, "x9999", "y")])


ADDRESS = {"type": "record", "name": "Address", "fields": [
    {"name": "city", "type": "string"},
    {"name": "at", "type": ["null", {"type": "record", "name": "At", "fields": [
        {"name": "lat", "type": "double"}, {"name": "note", "type": opt("string")}]}]}]}


@case(179, "S-20 E-01 nested records are columns, and constants stand beside them")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("home", opt(ADDRESS)), ("z", "int")])

    def put(number: int, home: dict | None) -> Record:
        return t.create({"id": number, "home": home, "z": number})
    records = [put(1, {"city": "a", "at": {"lat": 0.5, "note": None}}), put(2, {"city": "b", "at": None}), put(3, None),
               t.update({"id": 1, "home": None, "z": 9})]
    return Case(records, [(1, None, None, None, 9, "eu", 7), (2, "b", None, None, 2, "eu", 7),
                          (3, None, None, None, 3, "eu", 7)], ddl=None,
                query="SELECT id, home_city, home_at_lat, home_at_note, z, region, shard FROM {table} ORDER BY 1",
                route={"nested_mode": "flatten", "constants": [{"name": "region", "value": "eu"},
                                                               {"name": "shard", "value": 7, "cast": "int"}]})


@case(180, "E-24 E-25 the prefix of a flattened record's fields is the route's")
def _(lab, n):
    t = lab.plain(n, [*COLUMNS, ("dbz_op", "string"), ("dbz_lsn", "long")])
    records = [t.put({**row(i), "dbz_op": op, "dbz_lsn": 5}) for i, op in ((1, "c"), (2, "r"), (1, "d"))]
    return Case(records, [(2, "x", "y")], ddl=None, route={"envelope_prefix": "dbz_"})


@case(181, "E-29 a MongoDB document is jsonb under its id's text")
def _(lab, n):
    json_text = {"type": "string", "connect.name": "io.debezium.data.Json"}
    schema = named("shop.db.Envelope", [
        {"name": "before", "type": opt(json_text)}, {"name": "after", "type": opt(json_text)},
        {"name": "source", "type": named("io.debezium.connector.mongo.Source", [
            {"name": "db", "type": "string"}, {"name": "collection", "type": "string"}])},
        {"name": "op", "type": opt("string")}])
    key = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "string"}]}
    key_id = lab.stub.register(f"{lab.topic(n)}-key", key)
    schema_id = lab.register(n, schema)

    def change(op: str, number: str, after: str | None) -> Record:
        content = {"before": None, "after": after, "source": {"db": "db", "collection": "c"}, "op": op}
        return Record(lab.topic(n), wire.confluent(key_id, wire.string(number)),
                      wire.confluent(schema_id, wire.datum(schema, content)))
    oid = '{"$oid": "596e275826f08b2730779e1f"}'
    return Case([change("c", oid, '{"n": 1}'), change("c", "1004", '{"n": 2}'), change("u", oid, '{"n": 3}'),
                 change("u", oid, None), change("d", "1004", None)], [(oid, {"n": 3})],
                [(3, "envelope.missing_after")], ddl=None, query="SELECT _id, doc FROM {table}")
