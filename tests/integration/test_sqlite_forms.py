"""Contract section 5.2: in which of SQLite's storage classes each type's values stand, and how."""

import decimal
import math

import pytest

from harness.schemas import PlainTable, opt
from harness.target import SqliteTarget


def debezium(base: str, name: str, **parameters) -> dict:
    more = {"connect.parameters": parameters} if parameters else {}
    return {"type": base, "connect.name": f"io.debezium.{name}", **more}


MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10}
FORMS = [  # row of the contract, Avro type, value, typeof(), what SQLite gives back
    ("L-01", "int", -5, "integer", -5),
    ("L-01", "long", -(1 << 63), "integer", -(1 << 63)),
    ("L-01", "boolean", True, "integer", 1),
    ("L-01", "boolean", False, "integer", 0),
    ("L-02", "float", 1.5, "real", 1.5),
    ("L-02", "double", 0.1, "real", 0.1),
    ("L-02", "double", 3.0, "real", 3.0),
    ("L-02", "double", math.inf, "real", math.inf),
    ("L-02", "double", -math.inf, "real", -math.inf),
    ("L-03", MONEY, decimal.Decimal("1234567890123456789012345678.0000000001"), "text",
     "1234567890123456789012345678.0000000001"),
    ("L-03", MONEY, decimal.Decimal("0.1000000000"), "text", "0.1000000000"),
    ("L-04", debezium("int", "time.Date"), 0, "text", "1970-01-01"),
    ("L-04", debezium("int", "time.Date"), -2147472692, "text", "infinity"),
    ("L-04", debezium("int", "time.Date"), -719528, "text", "0001-01-01 BC"),
    ("L-04", debezium("long", "time.MicroTime"), 86_400_000_000, "text", "24:00:00"),
    ("L-04", debezium("long", "time.MicroTimestamp"), 1_700_000_000_123_456, "text", "2023-11-14 22:13:20.123456"),
    ("L-04", debezium("long", "time.MicroTimestamp"), -9_223_372_036_832_400_000, "text", "-infinity"),
    ("L-04", debezium("string", "time.ZonedTimestamp"), "2016-11-04T13:51:30+02:00", "text", "2016-11-04 11:51:30+00"),
    ("L-04", debezium("string", "time.ZonedTime"), "13:51:30+02:00", "text", "13:51:30+02"),
    ("L-04", debezium("string", "time.Interval"), "P1Y2M3DT4H5M6.78S", "text", "1 year 2 mons 3 days 04:05:06.78"),
    ("L-05", "string", "007", "text", "007"),
    ("L-05", "string", "", "text", ""),
    ("L-05", debezium("string", "data.Uuid"), "B68A35A7-17AD-35B3-AF2A-AE46EDB4545A", "text",
     "b68a35a7-17ad-35b3-af2a-ae46edb4545a"),
    ("L-05", debezium("string", "data.Json"), '{"a": 1.50}', "text", '{"a": 1.50}'),
    ("L-05", debezium("bytes", "data.Bits", length="10"), b"\x01\x02", "text", "1000000001"),
    ("L-05", {"type": "array", "items": ["null", "int"]}, [1, None, -3], "text", "[1,null,-3]"),
    ("L-05", {"type": "array", "items": "string"}, ['a"b', "c"], "text", '["a\\"b","c"]'),
    ("L-05", {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}, "GREEN", "text", "GREEN"),
    ("L-05", {"type": "map", "values": "int"}, {"k": 2}, "text", '{"k": 2}'),
    ("L-06", "bytes", b"\x00\xff", "blob", b"\x00\xff"),
    ("L-06", "bytes", b"", "blob", b""),
    ("L-06", {"type": "fixed", "name": "Three", "size": 3}, b"abc", "blob", b"abc"),
]


@pytest.fixture
def sqlite(tmp_path):
    return SqliteTarget(tmp_path / "target.db")


def test_each_type_stands_in_its_storage_class(streams, schemas, topic, millrace, sqlite):
    """L-01 to L-06: by typeof(), in a table that millrace made, and as NULL too."""
    name = topic()
    streams.create(name)
    columns = [("id", "int"), *((f"v{i}", opt(form[1])) for i, form in enumerate(FORMS))]
    table = PlainTable(schemas, name, columns, ["id"])
    whole = {f"v{i}": form[2] for i, form in enumerate(FORMS)}
    streams.produce(table.put({"id": 1, **whole}), table.put({"id": 2, **dict.fromkeys(whole)}))
    millrace([{"topic": name, "table": "t"}], target={"url": sqlite.url}).load_to_end()
    assert sqlite.codes(name) == []
    wrong = []
    for i, (row, avro, _, storage, expected) in enumerate(FORMS):
        found = sqlite.query(f"SELECT typeof(v{i}), v{i} FROM t ORDER BY id")
        if found != [(storage, expected), ("null", None)]:
            wrong.append(f"{row} {avro}: {found}, expected {(storage, expected)}")
    assert not wrong, "\n".join(wrong)


def test_nan_is_one_records_fault(streams, schemas, topic, millrace, sqlite):
    """L-02: SQLite would store NULL."""
    name = topic()
    streams.create(name)
    table = PlainTable(schemas, name, [("id", "int"), ("d", "double")], ["id"])
    streams.produce(*(table.put({"id": i, "d": d}) for i, d in enumerate([0.5, math.nan, math.inf])))
    millrace([{"topic": name, "table": "t"}], target={"url": sqlite.url}).load_to_end()
    assert sqlite.query("SELECT id, d FROM t ORDER BY id") == [(0, 0.5), (2, math.inf)]
    assert sqlite.codes(name) == [(1, "value.out_of_range")]


@pytest.mark.parametrize("avro, keys, kept", [
    (MONEY, [decimal.Decimal("1.5"), decimal.Decimal("1.50"), decimal.Decimal("-1.5")],
     ["-1.5", "1.5"]),
    ("long", [1, -1, 1], [-1, 1]),
    ("string", ["a", "A", "a"], ["A", "a"]),
    (debezium("string", "data.Uuid"), ["B68A35A7-17AD-35B3-AF2A-AE46EDB4545A", "b68a35a7-17ad-35b3-af2a-ae46edb4545b",
                                      "b68a35a7-17ad-35b3-af2a-ae46edb4545a"],
     ["b68a35a7-17ad-35b3-af2a-ae46edb4545a", "b68a35a7-17ad-35b3-af2a-ae46edb4545b"]),
], ids=["numeric", "integer", "text", "uuid"])
def test_keys_are_one_by_their_canonical_form(streams, schemas, topic, millrace, sqlite, avro, keys, kept):
    """L-07, F-33: in one batch and over two, in a table WITHOUT ROWID."""
    name = topic()
    streams.create(name)
    table = PlainTable(schemas, name, [("k", avro), ("n", "int")], ["k"])
    one = millrace([{"topic": name, "table": "t"}], target={"url": sqlite.url})
    for n in range(2):
        streams.produce(*(table.put({"k": k, "n": 10 * n + i}) for i, k in enumerate(keys)))
        one.load_to_end()
        assert [k for k, in sqlite.query("SELECT k FROM t ORDER BY k")] == kept
    (ddl,), = sqlite.query("SELECT sql FROM sqlite_master WHERE name = 't'")
    assert "WITHOUT ROWID" in ddl and "PRIMARY KEY" in ddl
