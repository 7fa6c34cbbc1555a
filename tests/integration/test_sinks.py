"""The other targets: SQLite, with the same promises, and stdout, at least once."""

import json
import random
import time

import pytest

from harness.schemas import DebeziumTable, PlainTable, Record, opt
from harness.streams import Load
from harness.target import SqliteTarget
from harness.waiting import await_
from harness.workload import NAMES, Pair, Workload


@pytest.fixture
def sqlite(tmp_path):
    return SqliteTarget(tmp_path / "target.db")


def test_sqlite_holds_the_last_state_and_the_positions(streams, schemas, topic, millrace, sqlite):
    """5.2: the same semantics; positions in the same file."""
    name = topic("orders")
    streams.create(name, partitions=4)
    work = Workload(schemas, name, n_keys=200, seed=3)
    work.run(streams, 3000)
    millrace([{"topic": name, "table": "orders"}], target={"url": sqlite.url}).load_to_end()
    work.model.check(sqlite.rows("orders", NAMES))
    assert sqlite.positions(name) == streams.ends(name)


def test_sqlite_forms_of_values(streams, schemas, topic, millrace, sqlite):
    """L-01 to L-06."""
    from decimal import Decimal
    name = topic("orders")
    streams.create(name)
    columns = [("id", "int"), ("flag", "boolean"), ("d", "double"), ("raw", "bytes"),
               ("price", {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 10,
                          "connect.name": "org.apache.kafka.connect.data.Decimal",
                          "connect.parameters": {"scale": "10", "connect.decimal.precision": "30"}}),
               ("at", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}),
               ("j", {"type": "string", "connect.name": "io.debezium.data.Json"}), ("n", opt("string"))]
    table = DebeziumTable(schemas, name, columns, ["id"])
    streams.produce(table.create({"id": 1, "flag": True, "d": 0.5, "raw": b"\x00\xff", "j": '{"a":1}', "n": None,
                                  "price": Decimal("12345678901234567890.1234567890"), "at": 1_700_000_000_123_456}))
    millrace([{"topic": name, "table": "orders"}], target={"url": sqlite.url}).load_to_end()
    found, = sqlite.query("SELECT id, flag, d, raw, price, typeof(price), n FROM orders")
    assert found[:4] == (1, 1, 0.5, b"\x00\xff")
    assert found[5] == "text" and Decimal(found[4]) == Decimal("12345678901234567890.1234567890")
    assert found[6] is None
    (at, document), = sqlite.query('SELECT "at", j FROM orders')
    assert at.replace("T", " ") == "2023-11-14 22:13:20.123456" and json.loads(document) == {"a": 1}


NESTED = {"type": "record", "name": "Home",
          "fields": [{"name": "city", "type": "string"}, {"name": "n", "type": "int"}]}


def test_nested_records_and_constants_in_the_other_targets(streams, schemas, topic, millrace, sqlite):
    """S-20: the same columns as in PostgreSQL."""
    name = topic("orders")
    streams.create(name)
    table = PlainTable(schemas, name, [("id", "int"), ("home", opt(NESTED))], ["id"])
    streams.produce(table.put({"id": 1, "home": {"city": "x", "n": 5}}), table.put({"id": 2, "home": None}))
    route = {"topic": name, "table": "orders", "nested_mode": "flatten", "nested_delimiter": "__",
             "constants": [{"name": "live", "value": True}, {"name": "share", "value": 0.5}]}
    millrace([route], target={"url": sqlite.url}).load_to_end()
    assert sorted(sqlite.query("SELECT id, home__city, home__n, live, share FROM orders")) == [
        (1, "x", 5, 1, 0.5), (2, None, None, 1, 0.5)]
    streams.produce(table.put({"id": 1, "home": {"city": "x", "n": 5}}))  # stdout goes on where the group is
    lines = millrace([route], name="printed", target={"url": "stdout:"}).command("run", "--until-caught-up").stdout
    first = json.loads(lines.splitlines()[0])
    assert '"home__city": "x"' in json.dumps(first) and '"share": 0.5' in json.dumps(first)


def test_sqlite_puts_bad_records_aside(streams, schemas, topic, millrace, sqlite):
    """P4."""
    name = topic("orders")
    streams.create(name)
    table = PlainTable(schemas, name, [("id", "int"), ("a", opt("string"))], ["id"])
    streams.produce(table.put({"id": 1, "a": "x"}), Record(name, b"k", b"\x07junk"), table.put({"id": 2, "a": "x"}))
    millrace([{"topic": name, "table": "orders"}], target={"url": sqlite.url}).load_to_end()
    assert sorted(sqlite.rows("orders", ["id"])) == [(1,), (2,)]
    assert sqlite.codes(name) == [(1, "framing.unknown_magic")]


def test_sqlite_after_kills_has_nothing_twice_and_nothing_missing(streams, schemas, topic, millrace, sqlite):
    """P1, G-01 for the embedded target."""
    pair = Pair(streams, schemas, topic, partitions=2)
    chance = random.Random(5)
    one = millrace(pair.routes(), target={"url": sqlite.url}, batch={"max_rows": 300, "max_wait": "20ms"},
                   kafka={"session_timeout_ms": 1500})

    def count() -> int:
        rows = sqlite.query("SELECT count(*) FROM log")
        return rows[0][0] if rows else 0
    with Load(streams, pair.both, rate=2000) as load:
        for _ in range(5):
            before = count()
            one.start()
            await_(lambda n=before: count() > n, 60, lambda: f"progress\n{one.log_tail()}", one.must_run)
            time.sleep(chance.random() * 0.2)  # not a wait: the moment of the kill is what varies
            one.kill()
        load.stop()
    one.load_to_end()
    pair.changes.model.check(sqlite.rows("orders", NAMES), "orders")
    assert sorted(n for n, in sqlite.rows("log", ["seq"])) == list(range(1, pair.inserts.seq + 1))
    for name in (pair.orders, pair.log):
        assert sqlite.positions(name) == streams.ends(name)


def test_stdout_prints_each_change_as_a_json_line_and_commits_to_kafka(streams, schemas, topic, millrace):
    """Design 4, other sinks: starts at Kafka's commits, commits after the flush."""
    name = topic("orders")
    streams.create(name)
    table = PlainTable(schemas, name, [("id", "int"), ("a", opt("string"))], ["id"])
    streams.produce(*(table.put({"id": i, "a": f"value-{i}"}) for i in range(20)))
    one = millrace([{"topic": name, "table": "orders"}], target={"url": "stdout:"})
    done = one.command("run", "--until-caught-up")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 20
    for i, line in enumerate(lines):
        assert f'"value-{i}"' in json.dumps(line)
    await_(lambda: streams.committed(one.group, name).get(0, (0,))[0] == 20, 20, "the commit")
    streams.produce(table.put({"id": 99, "a": "later"}))
    again = one.command("run", "--until-caught-up")
    assert again.returncode == 0 and len(again.stdout.splitlines()) == 1 and "later" in again.stdout
