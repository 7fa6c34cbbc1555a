"""Contract section 9: what breaks other products, each as a stream and what must come of it here.

As harness/cases.py, with a table and a topic for each; the number is that of the trap, and a second
scenario of one trap has a hundred more. What needs a process of its own is in test_traps.py.
"""

import dataclasses

from . import wire
from .cases import COLUMNS, FIXTURE, Case, at, row
from .schemas import Record, opt

TRAPS: dict[int, tuple[str, object]] = {}
P = "__debezium_unavailable_value"  # U-01


def trap(number: int, title: str):
    def keep(build):
        TRAPS[number] = (title, build)
        return build
    return keep


def named(base: str, name: str, **parameters) -> dict:
    more = {"connect.parameters": parameters} if parameters else {}
    return {"type": base, "connect.name": name, **more}


def debezium(base: str, name: str, **parameters) -> dict:
    return named(base, f"io.debezium.{name}", **parameters)


JSON = debezium("string", "data.Json")
STRINGS = {"type": "array", "items": "string"}
MICROS = debezium("long", "time.MicroTimestamp")
MAIL = [("id", "int"), ("a", opt("string")), ("doc", opt(JSON))]


# -- unavailable values
@trap(1, "P-01 U-01 the placeholder is neither stored nor cast to jsonb")
def _(lab, n):
    t = lab.envelope(n, MAIL)
    return Case([t.update({"id": 1, "a": P, "doc": P}), t.update({"id": 2, "a": "new", "doc": P})],
                [(1, "big", {"k": 1}), (2, "new", {"k": 2})], ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, "
                "doc jsonb NOT NULL)", pre=[(1, "big", '{"k": 1}'), (2, "big", '{"k": 2}')])


@trap(2, "P-02 U-12 U-13 a type that has no placeholder keeps its value where the route says so")
def _(lab, n):
    doubles = {"type": "array", "items": "double"}
    t = lab.envelope(n, [("id", "int"), ("a", opt("string")), ("ds", opt(doubles)), ("loose", opt(doubles))])

    def named(i: int, a: str, ds=None) -> dict:
        return {"id": i, "a": a, "ds": ds, "loose": None}
    return Case([t.update(named(1, "x")), t.update(named(2, "y", [2.5])), t.create(named(3, "z")),
                 t.update(named(2, "y2"))],
                [(1, "x", [0.5, 1.0], None), (2, "y2", [2.5], None), (3, "z", None, None)],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, ds float8[], loose float8[])",
                pre=[(i, "o", [0.5, 1.0], [1.0]) for i in (1, 2)], route={"unavailable_null_columns": ["ds"]})


@trap(3, "P-03 U-05 U-15a an array's placeholder is known as one item and as the bare text")
def _(lab, n):
    either = ["null", "string", STRINGS]
    t = lab.envelope(n, [("id", "int"), ("tags", opt(STRINGS)), ("any", either)])
    return Case([t.update({"id": 1, "tags": [P], "any": P}), t.update({"id": 2, "tags": [P], "any": [P]}),
                 t.update({"id": 3, "tags": [P, P], "any": "plain"})],
                [(1, ["old"], {"was": 1}), (2, ["old"], {"was": 2}), (3, [P, P], {"string": "plain"})],
                ddl='CREATE TABLE {table}(id int PRIMARY KEY, tags text[], "any" jsonb)',
                pre=[(i, ["old"], f'{{"was": {i}}}') for i in (1, 2, 3)])


@trap(4, "P-04 U-26 R-02 rows with and without a mask in one merge keep their values")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "x", P)), t.update(row(2, "y", "new")), t.create(row(3, "z", "w")),
                 t.update(row(2, "y2", P)), t.update(row(4, P, P)), t.update(row(1, P, "last"))],
                [(1, "x", "last"), (2, "y2", "new"), (3, "z", "w"), (4, "d", "BIG4")],
                pre=[(1, "a", "BIG1"), (2, "b", "BIG2"), (4, "d", "BIG4")])


@trap(35, "P-35 DBZ-7193 an array's placeholder counts also where before is complete")
def _(lab, n):
    """REPLICA IDENTITY FULL: detection is by value."""
    t = lab.envelope(n, [("id", "int"), ("a", opt("string")), ("tags", opt(STRINGS))])
    full = {"id": 1, "a": "x", "tags": ["old"]}
    after = {"id": 1, "a": "x2", "tags": [P]}
    record = t.record("u", after, t.envelope("u", full, after))
    return Case([record], [(1, "x2", ["old"])], ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, tags text[])",
                pre=[(1, "x", ["old"])])


# -- order, reduction and deletes
@trap(5, "P-05 R-03 R-04 a row that comes back after its delete in one flush stays")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "p")), t.delete(row(1)), t.tombstone(row(1)), t.create(row(1, "again", None)),
                 t.create(row(2)), t.delete(row(2)), t.create(row(2, "again")), t.delete(row(3))],
                [(1, "again", None), (2, "again", "y")], pre=[(1, "o", "o"), (3, "o", "o")])


@trap(6, "P-06 F-01 E-05 E-10 a delete is one by its op and by a null value, never by an empty one")
def _(lab, n):
    t = lab.envelope(n)
    bare = Record(t.topic, t.key_bytes(row(2)), t.envelope("d", None, None))
    empty = Record(t.topic, t.key_bytes(row(3)), b"")
    return Case([t.tombstone(row(1)), bare, empty, t.delete(row(4))], [(3, "o", "o")], [(2, "framing.empty")],
                pre=[(i, "o", "o") for i in (1, 2, 3, 4)])


@trap(8, "P-08 R-02 many changes of one key in one batch are one row, in whatever order they come")
def _(lab, n):
    t = lab.envelope(n)
    changes = [t.update(row(i % 3, f"a{i}", f"b{i}")) for i in range(300)]
    return Case(changes, [(k, f"a{297 + k}", f"b{297 + k}") for k in range(3)])


@trap(22, "P-22 partitions that touch the same keys in opposite order lock nobody out")
def _(lab, n):
    t = lab.envelope(n)
    there = [at(0, t.update(row(i))) for i in range(500)]
    back = [at(1, t.update(row(i))) for i in reversed(range(500))]

    def check(target, _lab):
        assert target.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
    return Case([r for pair in zip(there, back) for r in pair], [(i, "x", "y") for i in range(500)], partitions=2,
                check=check)


@trap(23, "P-23 E-14 R-20 a truncate empties the table and is no row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(2)), t.update(row(1, "late")), t.truncate(), t.truncate(), t.create(row(3)),
                 t.update(row(3, "x3"))], [(3, "x3", "y")], pre=[(1, "o", "o")])


@trap(24, "P-24 E-10 a tombstone as the first record, of a key that nobody knows")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.tombstone(row(9)), t.tombstone(row(9)), t.create(row(1)), t.tombstone(row(8))], [(1, "x", "y")],
                ddl=None)


def interleaved(lab, n: int) -> Case:
    """Transactions interleave in the log: what commits later may have been logged earlier (by lsn), and changes
    of one transaction can carry one sequence."""
    t = lab.envelope(n)

    def change(a: str, lsn: int, sequence: str) -> Record:
        return t.record("u", row(1, a), t.envelope("u", None, row(1, a), lsn=lsn, sequence=sequence))
    return Case([change("first", 200, '["100","200"]'), change("second", 150, '["300","150"]'),
                 change("third", 150, '["300","150"]')], [(1, "third", "y")], query="SELECT id, a, b FROM {table}")


@trap(37, "P-37 O-01 without a guard a lower lsn is no older record")
def _(lab, n):
    return interleaved(lab, n)


@trap(137, "P-37 O-01 with a guard the commit's lsn counts first, and equal ones are applied")
def _(lab, n):
    return dataclasses.replace(interleaved(lab, n), route={"guard": ["lsn"]})


# -- values
@trap(9, "P-09 S-16 a null stays null, whatever default the schema has")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("a", ["string", "null"]), ("b", ["int", "null"])])
    fields = t.envelope_schema["fields"][0]["type"][1]["fields"]
    fields[1]["default"], fields[2]["default"] = "filler", 7
    t.value_id = lab.client.register(f"{t.topic}-value", t.envelope_schema)
    return Case([t.create({"id": 1, "a": None, "b": None}), t.create({"id": 2, "a": "x", "b": 1}),
                 t.update({"id": 2, "a": None, "b": 1})], [(1, None, None), (2, None, 1)], ddl=None)


@trap(10, "P-10 microseconds, arrays and bytes in many rows of one batch")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("at", opt(MICROS)), ("tags", opt(STRINGS)), ("raw", opt("bytes"))])
    rows = [{"id": i, "at": 1_478_260_290_123_456 + i, "tags": [f"t{i}", 'a"b', "c,d"], "raw": bytes([0, i, 255])}
            for i in range(50)]
    expected = [(i, f"2016-11-04 11:51:30.{123456 + i}".rstrip("0"), [f"t{i}", 'a"b', "c,d"], bytes([0, i, 255]))
                for i in range(50)]
    return Case([t.create(one) for one in rows] + [t.create({"id": 50, "at": None, "tags": [], "raw": b""})],
                [*expected, (50, None, [], b"")], ddl=None,
                query="SELECT id, at::text, tags, raw FROM {table} ORDER BY id")


@trap(11, "P-11 T-12 T-18 T-21 infinity in the first row, in a later one, and back to finite")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("d", opt(debezium("int", "time.Date"))), ("ts", opt(MICROS)),
                         ("tz", opt(debezium("string", "time.ZonedTimestamp")))])
    up, down = 9_223_372_036_825_200_000, -9_223_372_036_832_400_000
    rows = [(1, -2147472692, up, "infinity"), (2, 0, 0, "1970-01-01T00:00:00Z"),
            (3, -2147472691, down, "-infinity"), (4, None, None, None), (5, -2147472692, up, "infinity")]
    finite = ("1970-01-01", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00")
    return Case([t.create(dict(zip(["id", "d", "ts", "tz"], one))) for one in rows],
                [(1, *["infinity"] * 3), (2, *finite), (3, *["-infinity"] * 3), (4, None, None, None),
                 (5, *["infinity"] * 3)], ddl=None,
                query="SELECT id, d::text, ts::text, (tz AT TIME ZONE 'UTC')::text || CASE WHEN isfinite(tz) "
                      "THEN '+00' ELSE '' END FROM {table} ORDER BY id")


@trap(12, "P-12 T-33 bits come out in the target's order")
def _(lab, n):
    ten = debezium("bytes", "data.Bits", length="10")
    free = debezium("bytes", "data.Bits", length="2147483647")
    t = lab.envelope(n, [("id", "int"), ("ten", opt(ten)), ("free", opt(free))])
    return Case([t.create({"id": 1, "ten": b"\x01\x02", "free": b"\x05"}),
                 t.create({"id": 2, "ten": b"\x03", "free": b""})],
                [(1, "1000000001", "101"), (2, "0000000011", "")], ddl=None,
                query="SELECT id, ten::text, free::text FROM {table} ORDER BY id")


@trap(13, "P-13 T-26 a duration is an interval with its microseconds")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("d", opt(debezium("long", "time.MicroDuration")))])
    return Case([t.create({"id": 1, "d": 1_500_001}), t.create({"id": 2, "d": -1}), t.create({"id": 3, "d": None})],
                [(1, "interval", "00:00:01.500001"), (2, "interval", "-00:00:00.000001"), (3, "interval", None)],
                ddl=None, query="SELECT id, pg_typeof(d)::text, d::text FROM {table} ORDER BY id")


@trap(14, "P-14 T-37 a tsvector keeps its quotes")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("v", opt(debezium("string", "data.Tsvector")))])
    return Case([t.create({"id": 1, "v": "'a b':2 'it''s':1A"}), t.update({"id": 1, "v": "'it''s':1A 'a b':2"})],
                [(1, "'a b':2 'it''s':1A")], ddl="CREATE TABLE {table}(id int PRIMARY KEY, v tsvector)",
                query="SELECT id, v::text FROM {table}")


@trap(114, "P-14 X-08 T-36 a text that is no ltree is one record's fault")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("v", opt(debezium("string", "data.Ltree")))])
    texts = ["a.b", "a b", "a..b", "", "c_1"]
    return Case([t.create({"id": i, "v": text}) for i, text in enumerate(texts)],
                [(0, "a.b"), (3, ""), (4, "c_1")], [(1, "value.invalid"), (2, "value.invalid")],
                ddl="CREATE EXTENSION IF NOT EXISTS ltree; CREATE TABLE {table}(id int PRIMARY KEY, v ltree)",
                query="SELECT id, v::text FROM {table} ORDER BY id")


@trap(214, "P-14 X-08 T-37 so is a text that is no tsvector")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("v", opt(debezium("string", "data.Tsvector")))])
    return Case([t.create({"id": i, "v": "'cut" if i == 2 else "'it':1A"}) for i in range(4)],
                [(i, "'it':1A") for i in (0, 1, 3)], [(2, "value.invalid")], ddl=None,
                query="SELECT id, v::text FROM {table} ORDER BY id")


@trap(15, "P-15 T-06 a NUL is one record's fault, named by its offset")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(i, "a\0b" if i == 2 else "x")) for i in range(5)],
                [(i, "x", "y") for i in (0, 1, 3, 4)], [(2, "value.nul")])


@trap(26, "P-26 T-18 T-21 microseconds are kept")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("ts", opt(MICROS)), ("tz", opt(debezium("string", "time.ZonedTimestamp"))),
                         ("tm", opt(debezium("long", "time.MicroTime")))])
    return Case([t.create({"id": 1, "ts": -1, "tz": "2016-11-04T11:51:30.123456Z", "tm": 86_399_999_999})],
                [(1, "1969-12-31 23:59:59.999999", "30.123456", "23:59:59.999999")], ddl=None,
                query="SELECT id, ts::text, extract(second FROM tz)::text, tm::text FROM {table}")


@trap(33, "P-33 T-71 digits that the server would cut or round are the record's fault")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("n", opt(debezium("string", "data.Unknown")))])
    texts = ["1.10", "1.005", "-999.99", "1000", "0.004"]
    return Case([t.create({"id": i, "n": text}) for i, text in enumerate(texts)], [(0, "1.10"), (2, "-999.99")],
                [(1, "numeric.excess_scale"), (3, "value.out_of_range"), (4, "numeric.excess_scale")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, n numeric(5,2))",
                query="SELECT id, n::text FROM {table} ORDER BY id")


@trap(133, "P-33 T-71 the same of a decimal in bytes")
def _(lab, n):
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}
    bodies = [b"\x04\x03\xed", b"\x04\x03\xf2", b"\x08\x00\x0f\x42\x40"]  # 1.005, 1.010, 1000.000
    return Case(lab.raw(n, decimal, *bodies), [(1, "1.01")],
                [(0, "numeric.excess_scale"), (2, "value.out_of_range")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, x numeric(5,2))",
                query="SELECT id, x::text FROM {table}")


# -- hostile bytes
INTS = {"type": "array", "items": "int"}


@trap(29, "P-29 S-33 a negative block count is read, its smallest one refused")
def _(lab, n):
    bodies = [bytes.fromhex("0304020400"), bytes.fromhex("ffffffffffffffffff010000"), bytes.fromhex("01020600"),
              bytes.fromhex("0206030406" "0800")]
    return Case(lab.raw(n, INTS, *bodies), [(0, [1, 2]), (2, [3]), (3, [3, 3, 4])], [(1, "avro.block_count")],
                ddl=None, query="SELECT id, x FROM {table} ORDER BY id")


@trap(30, "P-30 S-34 S-35 a block that goes backwards, lies about its size, or never ends")
def _(lab, n):
    bodies = [bytes.fromhex("0303020400"), bytes.fromhex("0306020400"), wire.zigzag(1 << 40) + b"\x02\x00",
              bytes.fromhex("0204" "00")]
    return Case(lab.raw(n, INTS, *bodies), [(3, [2])],
                [(0, "avro.block_size"), (1, "avro.block_size"), (2, "avro.block_count")],
                ddl=None, query="SELECT id, x FROM {table} ORDER BY id")


# -- faults and their reach
@trap(18, "P-18 a value that the column cannot take is that record's fault, not the task's end")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1, "ab")), t.create(row(2, "abc")), t.create(row(3, "cd")), t.update(row(1, "xyz")),
                 t.create(row(4, "ef"))], [(1, "ab"), (3, "cd"), (4, "ef")],
                [(1, "value.too_long"), (3, "value.too_long")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a varchar(2), b text)",
                query="SELECT id, a FROM {table} ORDER BY id")


@trap(19, "P-19 G-01 where nothing is written no position moves")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1)), t.create(row(2))], [], position=0, halt="target.not_null_missing",
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, b text, must int NOT NULL)")


@trap(20, "P-20 G-01 tables that halt beside it do not load another table's rows again")
def _(lab, n):
    """Appended rows have no key that would hide a second load; P-19 and P-28 halt in the same process."""
    t = lab.envelope(n, key=())
    return Case([t.create(row(i)) for i in range(20)], [(i, "x", "y") for i in range(20)],
                ddl="CREATE TABLE {table}(id int, a text, b text)")


@trap(28, "P-28 V-17 a key without its unique index is told when the table is opened")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1))], [], position=0, halt="target.no_unique_key",
                ddl="CREATE TABLE {table}(id int, a text, b text, UNIQUE (id, a))")


@trap(128, "P-28 V-17 a partial index is none")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1))], [], position=0, halt="target.no_unique_key",
                ddl="CREATE TABLE {table}(id int NOT NULL, a text, b text); "
                    "CREATE UNIQUE INDEX ON {table}(id) WHERE id > 0")


# -- other streams, other tables
@trap(25, "P-25 E-17 a topic of schema changes makes no table")
def _(lab, n):
    name = "io.debezium.connector.mysql.SchemaChangeValue"
    schema = {"type": "record", "name": "SchemaChangeValue", "namespace": name.rsplit(".", 1)[0],
              "connect.name": name, "fields": [
                  {"name": "ts_ms", "type": "long"}, {"name": "databaseName", "type": opt("string"), "default": None},
                  {"name": "ddl", "type": opt("string"), "default": None},
                  {"name": "tableChanges", "type": {"type": "array", "items": "string"}}]}
    key = {"type": "record", "name": "SchemaChangeKey", "fields": [{"name": "databaseName", "type": "string"}]}
    key_id = lab.stub.register(f"{lab.topic(n)}-key", key)
    value_id = lab.register(n, schema)
    change = {"ts_ms": 1, "databaseName": "d", "ddl": "CREATE TABLE evil(id int)", "tableChanges": ["x"]}
    record = Record(lab.topic(n), wire.confluent(key_id, wire.string("d")),
                    wire.confluent(value_id, wire.datum(schema, change)))

    def check(target, the_lab):
        assert not target.exists(the_lab.table_name(n)) and not target.exists("evil")
    return Case([record, dataclasses.replace(record, key=None)], ddl=None, check=check)


@trap(27, "P-27 V-16 an identity column that is ALWAYS generated takes the source's value")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(7)), t.update(row(7, "x2")), t.create(row(9))], [(7, "x2", "y"), (9, "x", "y")],
                ddl="CREATE TABLE {table}(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text, b text)")


@trap(36, "P-36 V-06 a default that fills a gap is neither a column's default nor an old row's value")
def _(lab, n):
    t = lab.envelope(n, [*COLUMNS, ("made", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"})])
    fields = t.envelope_schema["fields"][0]["type"][1]["fields"]
    fields[3]["default"] = 0
    t.value_id = lab.client.register(f"{t.topic}-value", t.envelope_schema)

    def check(target, the_lab):
        found = target.query("SELECT column_default FROM information_schema.columns WHERE table_name = %s "
                             "AND column_name = 'made'", the_lab.table_name(n))
        assert found == [(None,)]
    return Case([t.create({**row(1), "made": 1})], [(1, "1970-01-01 00:00:00.000001"), (5, None)],
                pre=[(5, "o", "o")], ddl=FIXTURE, query="SELECT id, made::text FROM {table} ORDER BY id", check=check)
