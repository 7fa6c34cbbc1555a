"""Ordering guards (contract 3.1): the records of one key come by two partitions, in every order."""

import json
import random

import pytest

from harness.cases import at
from harness.schemas import DebeziumTable, PlainTable, Record, opt
from harness.target import SqliteTarget

N_KEYS = 40
N_EVENTS = 1200
FIRST_LSN = 1000
COLUMNS = [("id", "int"), ("a", opt("string"))]


@pytest.fixture(params=["postgresql", "sqlite"])
def place(request, target, tmp_path):
    """Either target, with its settings for the configuration."""
    return target if request.param == "postgresql" else SqliteTarget(tmp_path / "target.db")


def event(table: DebeziumTable, op: str, key: int, lsn: int) -> Record:
    row = {"id": key, "a": f"{key}@{lsn}"}
    source = {"lsn": lsn, "sequence": json.dumps([str(lsn), str(lsn)])}
    if op == "t":
        return Record(table.topic, None, table.envelope("t", None, None, **source))
    before = table.filler(row) if op == "d" else None
    return Record(table.topic, table.key_bytes(row), table.envelope(op, before, None if op == "d" else row, **source))


def history(table: DebeziumTable, chance: random.Random, truncate_at: int | None) -> tuple[list[Record], list[tuple]]:
    """Events in the source's order, and the rows that must be left."""
    records, last = [], {}
    for n in range(N_EVENTS):
        lsn = FIRST_LSN + 8 * n
        if n == truncate_at:
            records.append(at(chance.randrange(2), event(table, "t", 0, lsn)))
            last.clear()
            continue
        key = chance.randrange(1, N_KEYS)
        op = "c" if key not in last else chance.choice("uuud")
        records.append(at(chance.randrange(2), event(table, op, key, lsn)))
        if op == "d":
            del last[key]
        else:
            last[key] = f"{key}@{lsn}"
    return records, sorted(last.items())


@pytest.mark.parametrize("truncate_at", [None, N_EVENTS // 2], ids=["", "with a truncate"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_two_partitions_end_in_the_state_of_the_source(streams, schemas, topic, millrace, place, shuffled, truncate_at):
    """O-01, O-07, R-09, R-22, G-05: whichever partition a record comes by, and whenever, by two lanes."""
    name = topic("orders")
    streams.create(name, partitions=2)
    table = DebeziumTable(schemas, name, COLUMNS, ["id"])
    chance = random.Random(f"{shuffled} {truncate_at}")
    one = millrace([{"topic": name, "table": "orders", "guard": "lsn"}], target={"url": place.url}, lanes=2,
                   batch={"max_rows": 7})
    streams.produce(at(0, event(table, "c", 0, 10)), at(0, event(table, "d", 0, 20)))  # the table is there
    one.load_to_end()
    records, expected = history(table, chance, truncate_at)
    if shuffled:
        chance.shuffle(records)
    streams.produce(*records)
    one.load_to_end()
    assert sorted(place.rows("orders", ["id", "a"])) == expected
    assert place.positions(name) == streams.ends(name)
    assert place.codes(name) == []


def test_a_field_is_the_guard_of_plain_records(streams, schemas, topic, millrace, target):
    """3.1, field list; R-09: dropped records are counted."""
    name = topic("orders")
    streams.create(name, partitions=2)
    table = PlainTable(schemas, name, [("id", "int"), ("version", "long"), ("a", opt("string"))], ["id"])
    rows = [(0, 1, 3, "c"), (1, 1, 2, "b"), (0, 1, 1, "a"), (1, 2, -1, "x"), (0, 2, -2, "w")]
    streams.produce(*(at(p, table.put({"id": i, "version": v, "a": a})) for p, i, v, a in rows))
    millrace([{"topic": name, "table": "orders", "guard": ["version"], "guard_column": "seen"}]).load_to_end()
    assert sorted(target.rows("orders", ["id", "a", "seen"])) == [(1, "c", 3), (2, "x", -1)]
