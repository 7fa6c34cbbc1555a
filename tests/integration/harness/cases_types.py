"""Contract section 10, types: cases 112 to 141; from 190 on, their other halves and rows without a case."""

import struct

from . import wire
from .cases import Case, Lab, case


def named(base: str, name: str, **parameters) -> dict:
    """A type that its connect.name gives a meaning."""
    more = {"connect.parameters": parameters} if parameters else {}
    return {"type": base, "connect.name": name, **more}


def time_type(base: str, name: str) -> dict:
    return named(base, f"io.debezium.time.{name}")


def decimal(precision: int, scale: int) -> dict:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def typed(number: int, title: str, x_type, *values, column: str | None = None, route: dict | None = None) -> None:
    """Record i has the i-th value's bytes; what is said of it is the column's text, or the code of its
    dead letter where it begins with "!"."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        wanted = list(enumerate(want for _, want in values))
        return Case(lab.raw(n, x_type, *(body for body, _ in values)),
                    rows=[(i, want) for i, want in wanted if want is None or not want.startswith("!")],
                    letters=[(i, want[1:]) for i, want in wanted if want is not None and want.startswith("!")],
                    route=route or {}, query="SELECT id, x::text FROM {table} ORDER BY id",
                    ddl=f"CREATE TABLE {{table}}(id int PRIMARY KEY, x {column})" if column else None)


def z(value: int) -> bytes:
    return wire.zigzag(value)


DATE = time_type("int", "Date")
typed(112, "T-12 the sentinels of a date are infinities", DATE,
      (z(-2147472692), "infinity"), (z(-2147472691), "-infinity"))
typed(113, "T-12 the last date, and the day after it", DATE,
      (z(2145042905), "5874897-12-31"), (z(2145042906), "!value.out_of_range"))
typed(114, "T-12 the first date, and the day before it", DATE,
      (z(-2440588), "4714-11-24 BC"), (z(-2440589), "!value.out_of_range"))
typed(115, "T-18 the sentinels of a timestamp in microseconds", time_type("long", "MicroTimestamp"),
      (z(9223372036825200000), "infinity"), (z(-9223372036832400000), "-infinity"))
typed(116, "T-20 a nanosecond before 1970 is floored", time_type("long", "NanoTimestamp"),
      (z(-1), "1969-12-31 23:59:59.999999"))
typed(117, "T-16 T-80 a timestamp in milliseconds reaches to 294276", time_type("long", "Timestamp"),
      (z(9223372036825200), "infinity"), (z(9224318015999999), "294276-12-31 23:59:59.999"),
      (z(9224318016000000), "!value.out_of_range"))
ZONED = time_type("string", "ZonedTimestamp")
typed(118, "T-21 T-80 a zoned timestamp of the last years", ZONED,
      (wire.string("+294247-01-01T23:59:59.999999Z"), "294247-01-01 23:59:59.999999+00"),
      (wire.string("+294276-12-31T23:59:59.999999Z"), "294276-12-31 23:59:59.999999+00"))
typed(119, "T-21 T-83 the year 0 is 1 BC", ZONED, (wire.string("0000-01-01T00:00:00Z"), "0001-01-01 00:00:00+00 BC"))
typed(120, "T-22 a time with its offset", time_type("string", "ZonedTime"),
      (wire.string("13:51:30+02:00"), "13:51:30+02"))
typed(121, "T-14 24:00 is a time, nothing behind it", time_type("long", "MicroTime"),
      (z(86400000000), "24:00:00"), (z(86400000001), "!value.out_of_range"))
typed(122, "T-27 an interval's months, days and time", time_type("string", "Interval"),
      (wire.string("P1Y2M3DT4H5M6.78S"), "1 year 2 mons 3 days 04:05:06.78"))
BITS = "io.debezium.data.Bits"
typed(123, "T-33 bits stand in the server's order", named("bytes", BITS, length="10"),
      (wire.string(b"\x01\x02"), "1000000001"))
typed(124, "T-33 a bit beyond the length", named("bytes", BITS, length="4"),
      (wire.string(b"\x10"), "!value.out_of_range"))
typed(125, "T-71 digits beyond the column's scale", decimal(9, 3),
      (wire.string(b"\x03\xed"), "!numeric.excess_scale"), column="numeric(5,2)")
typed(190, "T-71 digits beyond the column's scale, rounded", decimal(9, 3), (wire.string(b"\x03\xed"), "1.01"),
      column="numeric(5,2)", route={"numeric_excess_scale": "round"})
typed(126, "T-72 digits before the point beyond the column's", decimal(9, 2),
      (wire.string(b"\x01\x86\xa0"), "!value.out_of_range"), column="numeric(5,2)")
VARIABLE = {"type": "record", "name": "V", "connect.name": "io.debezium.data.VariableScaleDecimal", "fields": [
    {"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}]}
typed(127, "T-09 a decimal of negative scale", VARIABLE, (z(-2) + wire.string(b"\x05"), "500"))
typed(128, "T-10 T-11 infinity as text into numeric", "string",
      (wire.string("POSITIVE_INFINITY"), "Infinity"), (wire.string("NAN"), "NaN"), column="numeric")
typed(129, "T-06 U+0000 in text", "string", (wire.string(b"a\x00b"), "!value.nul"))
typed(191, "T-06 U+0000 in text, stripped", "string", (wire.string(b"a\x00b"), "ab"), route={"text_nul": "strip"})
JSON = named("string", "io.debezium.data.Json")
typed(130, "T-31 U+0000 in jsonb", JSON, (wire.string(r'{"a":"\u0000"}'), "!value.json_nul"))
typed(131, "T-31 of equal names the last one wins", JSON, (wire.string('{"a":1,"a":2}'), '{"a": 2}'))
SPARSE = {"type": "record", "name": "S", "connect.name": "io.debezium.data.SparseDoubleVector", "fields": [
    {"name": "dimensions", "type": {"type": "int", "connect.type": "int16"}},
    {"name": "vector", "type": {"type": "array", "items": {
        "type": "record", "name": "MapEntry", "namespace": "io.confluent.connect.avro", "fields": [
            {"name": "key", "type": {"type": "int", "connect.type": "int16"}}, {"name": "value", "type": "double"}]}}}]}
SPARSE_BODY = z(5) + z(2) + z(1) + struct.pack("<d", 1.5) + z(3) + struct.pack("<d", 2) + z(0)


@case(132, "T-45 a sparse vector, in pgvector's type where it is installed")
def _(lab, n):
    """The extension is made by the case, in a schema that is not on any search path."""
    def check(target, the_lab):
        name = the_lab.table_name(n)
        ((found, kind),) = target.query(
            f"SELECT x::text, (SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = '{name}'::regclass "
            f"AND attname = 'x') FROM {name}")
        if kind == "jsonb":
            assert found == '{"vector": {"1": 1.5, "3": 2}, "dimensions": 5}'
        else:
            assert (found, kind) == ("{1:1.5,3:2}/5", "vectors.sparsevec")
    make = ("CREATE SCHEMA vectors; DO $$ BEGIN CREATE EXTENSION vector SCHEMA vectors; "
            "EXCEPTION WHEN OTHERS THEN NULL; END $$")
    return Case(lab.raw(n, SPARSE, SPARSE_BODY), ddl=make, check=check)


INTS = {"type": "array", "items": ["null", "int"]}
typed(133, "T-60 an empty array", INTS, (b"\x00", "{}"))
typed(134, "T-60 an array with a null", INTS, (z(2) + b"\x02" + z(1) + b"\x00\x00", "{1,NULL}"))
typed(135, "T-29 a uuid in upper case", named("string", "io.debezium.data.Uuid"),
      (wire.string("B68A35A7-17AD-35B3-AF2A-AE46EDB4545A"), "b68a35a7-17ad-35b3-af2a-ae46edb4545a"))
typed(136, "T-28 an Avro duration", {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"},
      (struct.pack("<III", 1, 2, 3), "1 mon 2 days 00:00:00.003"))
typed(137, "T-05 NaN is kept", "double", (struct.pack("<d", float("nan")), "NaN"))
typed(138, "X-01 an integer that a double cannot hold", "long", (z(2**53 + 1), "!value.lossy"),
      (z(2**53), "9.007199254740992e+15"), column="float8")
typed(139, "X-09 a text that is too long", "string", (wire.string("abc"), "!value.too_long"), (wire.string("ab"), "ab"),
      column="varchar(2)")
typed(140, "X-08 texts into an integer column", "string",
      (wire.string("12"), "12"), (wire.string("x"), "!value.invalid"), (wire.string("13"), "13"), column="int")
typed(141, "X-11 a timestamp without zone into one with", time_type("long", "MicroTimestamp"),
      (z(0), "1970-01-01 00:00:00+00"), column="timestamptz")


# -- rows of section 5 that have no case

STAMP = {"type": "record", "name": "T", "connect.name": "io.debezium.time.StructuredTimestamp", "fields": [
    *({"name": part, "type": ["null", "int"]}
      for part in ("year", "month", "day", "hour", "minute", "second", "nanos")),
    {"name": "specialValue", "type": ["null", "string"]}]}


def parts(*values) -> bytes:
    return b"".join(b"\x00" if v is None else b"\x02" + (wire.string(v) if isinstance(v, str) else z(v))
                    for v in values)


typed(192, "T-24 a structured timestamp", STAMP,
      (parts(294276, 12, 31, 23, 59, 59, 999999000, None), "294276-12-31 23:59:59.999999"),
      (parts(*[None] * 7, "NEGATIVE_INFINITY"), "-infinity"),
      (parts(0, 1, 1, 0, 0, 0, 0, None), "0001-01-01 00:00:00 BC"),
      (parts(2023, 2, 29, 0, 0, 0, 0, None), "!value.invalid"))
POINT = {"type": "record", "name": "P", "connect.name": "io.debezium.data.geometry.Point", "fields": [
    {"name": "x", "type": "double"}, {"name": "y", "type": "double"}, {"name": "wkb", "type": ["null", "bytes"]},
    {"name": "srid", "type": ["null", "int"]}]}
typed(193, "T-40 a point", POINT, (struct.pack("<dd", 1.5, -2) + b"\x00\x00", "(1.5,-2)"))
typed(194, "T-60 arrays in arrays", {"type": "array", "items": {"type": "array", "items": "int"}},
      (z(2) + z(1) + z(1) + b"\x00" + z(1) + z(2) + b"\x00\x00", "{{1},{2}}"),
      (z(2) + z(1) + z(1) + b"\x00" + b"\x00\x00", "!value.invalid"), column="int[]")
typed(195, "T-42 T-60 network addresses, alone in an array", {"type": "array", "items": "string"},
      (z(2) + wire.string("10.0.0.1") + wire.string("::1") + b"\x00", "{10.0.0.1,::1}"), column="inet[]")
typed(196, "T-42 a range", "string", (wire.string("[1,5)"), "[1,5)"), column="int4range")
typed(197, "T-37 a search vector", named("string", "io.debezium.data.Tsvector"),
      (wire.string("'a':1 'b''c':2"), "'a':1 'b''c':2"))
typed(198, "T-43 money of a decimal", decimal(9, 2), (wire.string(b"\x04\xd2"), "$12.34"), column="money")
typed(199, "T-35 a set into an array", named("string", "io.debezium.data.EnumSet"), (wire.string("a,b"), "{a,b}"),
      column="text[]")


PART = {"type": "record", "name": "Part", "fields": [
    {"name": "u", "type": ["null", "string"]}, {"name": "v", "type": "boolean"}]}
WHOLE = {"type": "record", "name": "Whole", "fields": [
    {"name": "rs", "type": {"type": "array", "items": ["null", PART]}}, {"name": "r", "type": ["null", "Part"]},
    {"name": "s", "type": "string"}, {"name": "n", "type": decimal(5, 2)}, {"name": "b", "type": "bytes"},
    {"name": "d", "type": {"type": "int", "logicalType": "date"}},
    {"name": "t", "type": time_type("long", "MicroTimestamp")},
    {"name": "k", "type": named("string", "io.debezium.time.Interval")}, {"name": "f", "type": "double"},
    {"name": "j", "type": {"type": "map", "values": "int"}}, {"name": "a", "type": INTS},
    {"name": "p", "type": "string"}, {"name": "e", "type": "string"}]}


def whole(rs: bytes, r: bytes, s: bytes, e: bytes) -> bytes:
    return (b"\x02" + rs + r + wire.string(s) + wire.string(b"\x04\xd2") + wire.string(b"\x00\xff") + z(1) + z(-1)
            + wire.string("P1Y2M3DT-4H5M6.5S") + struct.pack("<d", -0.0) + z(1) + wire.string('q"') + z(7) + b"\x00"
            + z(2) + b"\x02" + z(1) + b"\x00\x00" + wire.string("10.0.0.1") + wire.string(e))


@case(210, "T-47 X-19 records into a row type of the target, with row types and arrays of them inside")
def _(lab, n):
    name = lab.table_name(n)
    schema = {"type": "record", "name": "X", "fields": [
        {"name": "id", "type": "int"}, {"name": "x", "type": ["null", WHOLE]}]}
    part = b"\x02" + wire.string('a"b\\,(') + b"\x01"
    empty = b"\x00\x00"
    bodies = [whole(z(2) + b"\x02" + part + b"\x00\x00", b"\x02" + empty, "x,y", "ok"), b"\x00",
              whole(b"\x00", b"\x00", "long", "ok"), whole(b"\x00", b"\x00", "", "bad"),
              whole(b"\x00", b"\x00", "", "sad")]
    query = f"""SELECT id, x IS NULL, (x).s, (x).n = 12.34, (x).b = '\\x00ff', (x).d::text, (x).t::text, (x).k::text,
                (x).f::text, (x).j::text, (x).a::text, (x).p::text, (x).e::text, (x).r::text, ((x).rs[1]).u,
                (x).rs::text, (x).more FROM {name} ORDER BY id"""
    same = (True, True, "1970-01-02", "1969-12-31 23:59:59.999999", "1 year 2 mons 3 days -03:54:53.5", "-0",
            '{"q\\"": 7}', "{1,NULL}", "10.0.0.1/32")
    return Case(lab.raw(n, None, *bodies, schema=schema),
                [(0, False, "x,y", *same, "ok", "(,f)", 'a"b\\,(', '{"(\\"a\\"\\"b\\\\\\\\,(\\",t)",NULL}', None),
                 (1, True, *(None,) * 15),
                 (4, False, "", *same, "sad", None, None, "{}", None)],
                letters=[(2, "value.too_long"), (3, "value.invalid")], query=query,
                ddl="CREATE TYPE {table}_e AS ENUM ('sad', 'ok'); CREATE TYPE {table}_p AS (u text, v boolean); "
                    "CREATE TYPE {table}_t AS (s varchar(3), n numeric(5,2), b bytea, d date, t timestamp, k interval, "
                    "f float8, j jsonb, a int[], p inet, e {table}_e, r {table}_p, rs {table}_p[], more int); "
                    "CREATE TABLE {table}(id int PRIMARY KEY, x {table}_t)")
