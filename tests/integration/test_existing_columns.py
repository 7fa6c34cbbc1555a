"""Contract section 5.1 where it needs a server: what the target's catalogue says of a column's values.

Value by value, without a server: tests/unit/schemas/convert_existing_test.c.
"""

from decimal import Decimal

import pytest

from harness.schemas import PlainTable, opt

COLOURS = {"type": "array", "items": "string"}


@pytest.fixture
def colours(streams, schemas, topic, target):
    """A table with an enum column and one of its arrays, and labels that need care."""
    streams.create(topic())
    target.run("CREATE TYPE colour AS ENUM ('red', 'green', 'it''s \"5:x\"', 'größe', '')")
    target.run("CREATE DOMAIN shade AS colour CHECK (VALUE <> 'green')")
    target.run("CREATE TABLE t(id int PRIMARY KEY, c colour, cs colour[], d shade)")
    return PlainTable(schemas, topic(), [("id", "int"), ("c", opt("string")), ("cs", opt(COLOURS)),
                                         ("d", opt("string"))], ["id"])


def colour(number: int, c: str | None, cs: list | None = None, d: str | None = None) -> dict:
    return {"id": number, "c": c, "cs": cs, "d": d}


def test_an_enum_takes_the_labels_that_the_target_has_and_no_other(streams, colours, millrace, target):
    """X-20, T-06: an unknown label is one record's fault, found before the server."""
    good = ["red", 'it\'s "5:x"', "größe", "", None]
    bad = ["Red", "re", "redd", "blue", "gr", "x" * 100]
    rows = [colour(i, c, None if c is None else [c, "green"]) for i, c in enumerate(good)]
    rows += [colour(100 + i, c) for i, c in enumerate(bad)]
    rows += [colour(200, None, ["red", "blue"]), colour(201, None, d="blue"), colour(300, "green", [], "red")]
    streams.produce(*map(colours.put, rows))
    millrace([{"topic": colours.topic, "table": "t"}]).load_to_end()
    n = len(good)
    assert target.codes(colours.topic) == [(n + i, "value.invalid") for i in range(len(bad) + 2)]
    assert target.query("SELECT id, c::text, cs::text[], d::text FROM t ORDER BY id") == [
        *((i, c, None if c is None else [c, "green"], None) for i, c in enumerate(good)), (300, "green", [], "red")]


def test_a_label_that_the_enum_got_meanwhile_is_known_at_once(streams, colours, millrace, target):
    """X-20: the set is read again for a record that misses a label, once."""
    topic = colours.topic
    one = millrace([{"topic": topic, "table": "t"}]).start()
    streams.produce(colours.put(colour(1, "red")), colours.put(colour(2, "blue")))
    target.await_positions(topic, {0: 2}, 60, one.must_run)
    for i, label in enumerate(["blue", "black"]):
        target.run(f"ALTER TYPE colour ADD VALUE '{label}'")
        streams.produce(colours.put(colour(3 + i, label, [label])),
                        colours.put(colour(3 + i, label, [label, "red"], label)))
        target.await_positions(topic, {0: 4 + 2 * i}, 60, one.must_run)
    assert target.codes(topic) == [(1, "value.invalid")]
    assert target.query("SELECT id, c::text, cs::text[], d::text FROM t ORDER BY id") == [
        (1, "red", None, None), (3, "blue", ["blue", "red"], "blue"), (4, "black", ["black", "red"], "black")]
    one.stop()


def test_a_wall_clock_is_the_instant_that_the_routes_zone_says(streams, schemas, topic, millrace, target):
    """X-11: as the server reads the same clock at that offset."""
    streams.create(topic())
    micros = {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}
    table = PlainTable(schemas, topic(), [("id", "int"), ("at", opt(micros)), ("said", opt("string"))], ["id"])
    target.run("CREATE TABLE t(id int PRIMARY KEY, at timestamptz, said timestamptz)")
    streams.produce(table.put({"id": 1, "at": 0, "said": "1970-01-01 00:00:00"}),
                    table.put({"id": 2, "at": 9_223_372_036_825_200_000, "said": "1970-01-01 00:00:00Z"}))
    millrace([{"topic": topic(), "table": "t", "timestamp_zone": "-03:30"}]).load_to_end()
    clock = "timestamptz '1970-01-01 00:00:00-03:30'"
    assert target.query(f"SELECT id, at = {clock}, NOT isfinite(at), said = {clock} FROM t ORDER BY id") == [
        (1, True, False, True), (2, False, True, False)]


TYPES = [  # a column type, the string that the source sends, what the server shows
    ("inet", "192.168.0.1/24", "192.168.0.1/24"), ("inet", "::1", "::1/128"), ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
    ("int4range", "[1,10)", "[1,10)"), ("numrange", "(,1.50]", "(,1.50]"), ("daterange", "empty", "empty"),
    ("tstzrange", '["2020-01-01 00:00:00+00",)', '["2020-01-01 00:00:00+00",)'),
    ("citext", "MiXed", "MiXed"), ("isbn", "978-0-393-04002-9", "0-393-04002-X"), ("money", "-$1,234.50", "-$1,234.50"),
    ("point", "(1,2)", "(1,2)"), ("tsvector", "'a b':2 'c'", "'a b':2 'c'"), ("xml", "<a>b</a>", "<a>b</a>"),
    ("pg_lsn", "16/B374D848", "16/B374D848"),
]


def test_strings_go_into_types_that_only_the_server_knows(streams, schemas, topic, millrace, target):
    """T-42, X-08, P-14: by way of a text column of the stage and a cast in the merge; inserted and updated."""
    for extension in ("citext", "isn"):
        if not target.query("SELECT 1 FROM pg_available_extensions WHERE name = %s", extension):
            pytest.skip(f"PostgreSQL's contrib extension {extension} is not installed")
        target.run(f"CREATE EXTENSION {extension}")
    streams.create(topic())
    names = [f"v{i}" for i in range(len(TYPES))]
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in zip(names, TYPES))
    target.run(f"CREATE TABLE t(id int PRIMARY KEY, {columns}); INSERT INTO t(id) VALUES (2)")
    table = PlainTable(schemas, topic(), [("id", "int"), *((name, opt("string")) for name in names)], ["id"])
    sent = dict(zip(names, (text for _, text, _ in TYPES)))
    streams.produce(*(table.put({"id": i, **sent}) for i in (1, 2)), table.put({"id": 3, **dict.fromkeys(names)}))
    millrace([{"topic": topic(), "table": "t"}]).load_to_end()
    shown = ", ".join(f"{name}::text" for name in names)
    target.run("SET timezone = 'UTC'")
    found = target.query(f"SELECT id, {shown} FROM t ORDER BY id")
    expected = tuple(text for _, _, text in TYPES)
    assert found == [(1, *expected), (2, *expected), (3, *[None] * len(TYPES))]


def test_a_decimal_goes_into_money_to_the_cent(streams, schemas, topic, millrace, target):
    """T-43, T-71: under lc_monetary = C; a third digit behind the point is the record's fault."""
    streams.create(topic())
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 19, "scale": 3}
    table = PlainTable(schemas, topic(), [("id", "int"), ("m", opt(decimal))], ["id"])
    target.run("CREATE TABLE t(id int PRIMARY KEY, m money)")
    amounts = ["1234.500", "-0.010", "0.001", "92233720368547.700", None]
    streams.produce(*(table.put({"id": i, "m": None if a is None else Decimal(a)}) for i, a in enumerate(amounts)))
    millrace([{"topic": topic(), "table": "t"}]).load_to_end()
    assert target.codes(topic()) == [(2, "numeric.excess_scale")]
    assert target.query("SELECT id, m::numeric FROM t ORDER BY id") == [
        (0, Decimal("1234.50")), (1, Decimal("-0.01")), (3, Decimal("92233720368547.70")), (4, None)]
