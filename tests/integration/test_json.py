"""JSON records (F-11): Debezium's envelopes with Connect's schema and without, plain rows and keys, into
PostgreSQL and SQLite, and what value_schema makes of them."""

import base64
import json
from decimal import Decimal

import pytest

from harness.schemas import Record
from harness.target import SqliteTarget

JSON = {"value_format": "json", "key_format": "json"}


@pytest.fixture(params=["postgresql", "sqlite"])
def place(request, target, tmp_path):
    """The database to load into, whichever it is."""
    return target if request.param == "postgresql" else SqliteTarget(tmp_path / "target.db")


def is_sqlite(place) -> bool:
    return isinstance(place, SqliteTarget)


def text(value) -> bytes:
    return json.dumps(value).encode()


def field(label: str, kind: str, optional: bool = True, **more) -> dict:
    return {"field": label, "type": kind, "optional": optional, **more}


ROW = [field("id", "int32", optional=False), field("name", "string"), field("small", "int16"),
       field("price", "bytes", name="org.apache.kafka.connect.data.Decimal", version=1,
             parameters={"scale": "2", "connect.decimal.precision": "9"}),
       field("raw", "bytes"), field("day", "int32", name="io.debezium.time.Date", version=1),
       field("at", "int64", name="io.debezium.time.MicroTimestamp", version=1),
       field("tags", "array", items={"type": "string", "optional": False})]


def struct(name: str, fields: list, **more) -> dict:
    return {"type": "struct", "fields": fields, "optional": True, "name": name, **more}


def with_schema(op: str, before: dict | None, after: dict | None) -> bytes:
    schema = struct("shop.public.t.Envelope", [
        struct("shop.public.t.Value", ROW, field="before"), struct("shop.public.t.Value", ROW, field="after"),
        struct("io.debezium.connector.postgresql.Source",
               [field("ts_ms", "int64"), field("connector", "string")], field="source"),
        field("op", "string", optional=False), field("ts_ms", "int64")])
    return text({"schema": schema, "payload": {"before": before, "after": after, "op": op, "ts_ms": 9,
                                               "source": {"ts_ms": 8, "connector": "postgresql"}}})


def key(number: int) -> bytes:
    schema = struct("shop.public.t.Key", [field("id", "int32", optional=False)])
    return text({"schema": schema, "payload": {"id": number}})


def whole_row(number: int, name: str | None = "ü\n") -> dict:
    return {"id": number, "name": name, "small": -7, "price": base64.b64encode((12345).to_bytes(2, "big")).decode(),
            "raw": base64.b64encode(b"\x00\xff").decode(), "day": 19_000, "at": 1_700_000_000_123_456,
            "tags": ["a", "b"]}


def test_debezium_json_with_its_schema(streams, topic, millrace, place):
    """F-11, decision 012: the types of the schema make the table, as Avro's would."""
    name = topic("shop.public.t")
    streams.create(name)
    streams.produce(
        Record(name, key(1), with_schema("c", None, whole_row(1))),
        Record(name, key(2), with_schema("r", None, whole_row(2))),
        Record(name, key(3), with_schema("c", None, {k: 3 if k == "id" else None for k in whole_row(3)})),
        Record(name, key(1), with_schema("u", None, whole_row(1, "new"))),
        Record(name, key(2), with_schema("d", whole_row(2), None)), Record(name, key(2), None),
        Record(name, key(4), b'{"schema": nope}'))
    millrace([{"topic": name, "table": "t", **JSON}], target={"url": place.url}).load_to_end()
    assert place.codes(name) == [(6, "framing.bad_json")]
    rows = place.query("SELECT id, name, small, price, raw FROM t ORDER BY id")
    assert [(r[0], r[1], r[2], None if r[3] is None else Decimal(r[3]), None if r[4] is None else bytes(r[4]))
            for r in rows] == [(1, "new", -7, Decimal("123.45"), b"\x00\xff"), (3, None, None, None, None)]
    (day, at), = place.query('SELECT CAST("day" AS text), CAST("at" AS text) FROM t WHERE id = 1')
    assert day == "2022-01-08" and at.replace("T", " ") == "2023-11-14 22:13:20.123456"
    (tags,), = place.query("SELECT tags FROM t WHERE id = 1")
    assert (json.loads(tags) if is_sqlite(place) else tags) == ["a", "b"]
    if not is_sqlite(place):
        kinds = dict(place.query("SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
                                 " WHERE attrelid = 't'::regclass AND attnum > 0"))
        assert kinds == {"id": "integer", "name": "text", "small": "smallint", "price": "numeric(9,2)",
                         "raw": "bytea", "day": "date", "at": "timestamp without time zone", "tags": "text[]"}


def bare(op: str, before: dict | None, after: dict | None) -> bytes:
    return text({"before": before, "after": after, "op": op, "ts_ms": 9, "transaction": None,
                 "source": {"connector": "postgresql", "ts_ms": 8, "lsn": 5, "snapshot": "false"}})


def test_debezium_json_without_a_schema(streams, topic, millrace, place):
    """F-11: the table is what the values are; numbers stay exact; null alone makes no column."""
    name = topic("shop.public.u")
    streams.create(name)
    exact = "12345678901234567890123456789.0625"
    long_number = b'{"before":null,"op":"c","after":{"id":5,"name":null,"n":' + exact.encode() + b',"o":null}}'
    first = {"id": 1, "name": "a", "n": 1.5, "o": {"k": [1, "x"]}, "never": None}
    streams.produce(
        Record(name, text({"id": 1}), bare("c", None, first)),
        Record(name, text({"id": 2}), bare("c", None, {"id": 2, "name": None, "n": 7, "o": None, "never": None})),
        Record(name, text({"id": 3}), bare("c", None, {"never": None, "o": None, "n": None, "name": "c", "id": 3})),
        Record(name, text({"id": 1}), bare("u", first, {**first, "name": "A"})),
        Record(name, text({"id": 3}), bare("d", {"id": 3, "name": "c", "n": None, "o": None, "never": None}, None)),
        Record(name, text({"id": 3}), None),
        Record(name, text({"id": 5}), long_number),
        Record(name, text({"id": 6}), bare("x", None, {"id": 6})))
    millrace([{"topic": name, "table": "u", **JSON}], target={"url": place.url}).load_to_end()
    assert place.codes(name) == [(7, "envelope.bad_op")]
    rows = place.query("SELECT id, name, CAST(n AS text), o FROM u ORDER BY id")
    assert [r[:3] for r in rows] == [(1, "A", "1.5"), (2, None, "7"), (5, None, exact)]
    assert (json.loads(rows[0][3]) if is_sqlite(place) else rows[0][3]) == {"k": [1, "x"]}
    columns = place.query("SELECT name FROM pragma_table_info('u')" if is_sqlite(place) else
                          "SELECT attname::text FROM pg_attribute WHERE attrelid = 'u'::regclass AND attnum > 0")
    assert sorted(c for c, in columns) == ["id", "n", "name", "o"]


def test_a_fraction_behind_integers_is_never_cut(streams, topic, millrace, place):
    """F-11, V-04, P5: the column is what the first values were; what it cannot hold is that record's fault."""
    name = topic("counts")
    streams.create(name)
    values = [b"1", b"1.5", b"2", b'"x"', b"2.0", b"9223372036854775808", b"1e2", b"null"]
    streams.produce(*(Record(name, b'{"id":%d}' % i, b'{"id":%d,"n":%s}' % (i, value))
                      for i, value in enumerate(values)))
    millrace([{"topic": name, "table": "counts", **JSON}], target={"url": place.url}).load_to_end()
    assert place.codes(name) == [(1, "value.out_of_range"), (3, "value.invalid"), (5, "value.out_of_range")]
    assert place.query("SELECT id, n FROM counts ORDER BY id") == [(0, 1), (2, 2), (4, 2), (6, 100), (7, None)]


def test_a_null_fills_a_column_that_is_there(streams, topic, millrace, target):
    """F-11: a member that is null sets NULL where the table has its column, of whatever type."""
    name = topic("rows")
    streams.create(name)
    target.run("CREATE TABLE rows(id bigint PRIMARY KEY, tags text[], at timestamptz, u uuid)")
    target.run("INSERT INTO rows VALUES (1, '{a}', now(), gen_random_uuid())")
    streams.produce(Record(name, b"1", b'{"id":1,"tags":null,"at":null,"u":null}'),
                    Record(name, b"2", b'{"id":2,"u":"b68a35a7-17ad-35b3-af2a-ae46edb4545a"}'),
                    Record(name, b"1", b"null"),
                    Record(name, b"1", b'{"id":1,"tags":null,"at":null,"u":null}'))
    millrace([{"topic": name, "table": "rows", **JSON}]).load_to_end()
    assert target.query("SELECT id, tags, at, u::text FROM rows ORDER BY id") == [
        (1, None, None, None), (2, None, None, "b68a35a7-17ad-35b3-af2a-ae46edb4545a")]


def test_value_schema_types_bare_json(streams, topic, millrace, target):
    """S-01, F-11: value_schema says what the members are, and gives defaults to absent ones."""
    name = topic("typed")
    streams.create(name)
    schema = {"type": "record", "name": "T", "fields": [
        {"name": "id", "type": "int"}, {"name": "raw", "type": ["null", "bytes"], "default": None},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "k", "type": "string", "default": "k"}]}
    streams.produce(Record(name, b"\x00\x00\x00\x01", b'{"id":1,"raw":"AP8=","at":0,"extra":1}'),
                    Record(name, b"\x00\x00\x00\x02", b'{"id":2.0,"at":1e6,"k":"x"}'),
                    Record(name, b"\x00\x00\x00\x03", b'{"id":3.5,"at":0}'))
    millrace([{"topic": name, "table": "typed", "value_format": "json", "key_format": "int32", "key_columns": ["id"],
               "value_schema": json.dumps(schema)}]).load_to_end()
    assert target.codes(name) == [(2, "value.invalid")]
    rows = target.query("SELECT id, raw, extract(epoch FROM at)::int, k FROM typed ORDER BY id")
    assert [(r[0], None if r[1] is None else bytes(r[1]), r[2], r[3]) for r in rows] == [
        (1, b"\x00\xff", 0, "k"), (2, None, 1, "x")]


def test_a_single_value_and_a_raw_key(streams, topic, millrace, target):
    """F-22, E-27: a string is a value, not a delete."""
    name = topic("words")
    streams.create(name)
    streams.produce(Record(name, b"a", b"one"), Record(name, b"b", b""), Record(name, b"a", b"two"),
                    Record(name, b"c", b"x"), Record(name, b"c", None))
    millrace([{"topic": name, "table": "words", "key_format": "string", "value_format": "string",
               "key_columns": ["k"], "value_column": "v"}]).load_to_end()
    assert target.query("SELECT k, v FROM words ORDER BY k") == [("a", "two"), ("b", "")]
