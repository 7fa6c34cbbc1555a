"""Updates that do not carry all columns, behind a dead letter of their key (docs/design.md section 6): they would keep
a value of the target that the letter's record has changed, so they are dead letters too, until all columns come."""

import pytest

from harness.schemas import DebeziumTable, opt
from harness.target import SqliteTarget
from harness.waiting import await_

P = "__debezium_unavailable_value"
AFTER = "unavailable.after_letter"
COLUMNS = [("id", "int"), ("a", opt("string")), ("b", opt("string"))]


def row(number, a, b):
    return {"id": number, "a": a, "b": b}


@pytest.fixture
def table(streams, schemas, topic):
    streams.create(topic("orders"))
    return DebeziumTable(schemas, topic("orders"), COLUMNS, ["id"])


@pytest.fixture
def checked(target):
    """Table orders, which refuses a = 'bad'."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text CONSTRAINT good CHECK (a <> 'bad'), b text)")


def broken(record):
    """One that does not decode."""
    record.value = record.value + b"\x00"
    return record


# design.md section 6; R-14
def test_masked_updates_behind_a_refused_record_are_letters_until_all_columns_come(table, streams, millrace, target):
    """In one batch, and without a letter more than needed: not those before it, nor of other keys."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text CONSTRAINT good CHECK (b <> 'bad'))")
    streams.produce(
        table.create(row(1, "x", "old")), table.create(row(2, "x", "old")),
        table.update(row(1, "y", P)),           # 2: before it
        table.update(row(1, "y", "bad")),       # 3: refused; the target's b is not the source's from now on
        table.update(row(1, "z", P)),           # 4
        table.update(row(2, "z", P)),
        table.update(row(1, "w", P)))           # 6
    one = millrace([{"topic": table.topic, "table": "orders"}], lanes=1, dlq={"max_ratio": 1.0})
    one.load_to_end()
    assert target.codes(table.topic) == [(3, "db.23514"), (4, AFTER), (6, AFTER)]
    assert sorted(target.rows("orders", ["id", "a", "b"])) == [(1, "y", "old"), (2, "z", "old")]
    streams.produce(table.update(row(1, "v", "newer")), table.update(row(1, "u", P)))
    one.load_to_end()
    assert target.query("SELECT a, b FROM orders WHERE id = 1") == [("u", "newer")]
    assert target.query("SELECT \"offset\", overtaken_by FROM millrace.dead_letters ORDER BY 1") == [
        (3, 7), (4, 7), (6, 7)]


# design.md section 6
def test_the_memory_survives_restarts_and_so_does_its_end(table, streams, millrace, target):
    streams.produce(table.create(row(1, "x", "old")), broken(table.update(row(1, "y", "new"))))
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"max_ratio": 1.0})
    one.load_to_end()
    streams.produce(table.update(row(1, "z", P)))
    one.load_to_end()
    assert target.codes(table.topic) == [(1, "avro.trailing"), (2, AFTER)]
    streams.produce(table.update(row(1, "w", "newer")))
    one.load_to_end()
    streams.produce(table.update(row(1, "v", P)))
    one.load_to_end()
    assert target.codes(table.topic) == [(1, "avro.trailing"), (2, AFTER)]
    assert target.rows("orders", ["id", "a", "b"]) == [(1, "v", "newer")]
    target.run("UPDATE millrace.dead_letters SET created_at = created_at - interval '25 hours', overtaken_by = NULL")
    streams.produce(table.update(row(1, "u", P)))
    one.load_to_end()
    assert target.rows("orders", ["id", "a", "b"]) == [(1, "u", "newer")]


# design.md section 6; R-14
def test_a_delete_ends_it_and_what_lands_behind_a_letter_is_counted(checked, table, streams, millrace, target):
    """Batch after batch: what was gathered before the letter was known is looked at again."""
    one = millrace([{"topic": table.topic, "table": "orders"}], batch={"max_rows": 2}, lanes=1).start()
    streams.produce(
        table.create(row(1, "x", "old")), table.create(row(2, "x", "old")),
        table.update(row(1, "bad", "new")), table.update(row(2, "y", P)),
        table.update(row(1, "z", P)), table.update(row(2, "z", P)),
        table.delete(row(1, "z", "new")), table.tombstone(row(1, "z", "new")),
        table.create(row(1, "w", "again")), table.update(row(1, "v", P)))
    target.await_loaded(streams, table.topic, alive=one.must_run)
    assert target.codes(table.topic) == [(2, "db.23514"), (4, AFTER)]
    assert sorted(target.rows("orders", ["id", "a", "b"])) == [(1, "v", "again"), (2, "z", "old")]

    def counted():
        return one.metrics().value("millrace_after_poison_total", topic=table.topic)
    await_(lambda: counted() == 4, 20, lambda: f"4 records after a letter: {counted()}", one.must_run)


# design.md section 6
def test_sqlite_keeps_it_too(table, streams, millrace, tmp_path):
    lite = SqliteTarget(tmp_path / "t.db")
    one = millrace([{"topic": table.topic, "table": "orders"}], target={"url": f"sqlite:{lite.path}"},
                   dlq={"max_ratio": 1.0})
    streams.produce(table.create(row(1, "x", "old")), broken(table.update(row(1, "y", "new"))))
    one.load_to_end()
    streams.produce(table.update(row(1, "z", P)))
    one.load_to_end()
    assert lite.query("SELECT a, b FROM orders") == [("x", "old")]
    streams.produce(table.update(row(1, "w", "newer")), table.update(row(1, "v", P)))
    one.load_to_end()
    streams.produce(table.update(row(1, "u", P)))
    one.load_to_end()
    assert lite.query("SELECT a, b FROM orders") == [("u", "newer")]


# U-30, U-32; design.md section 6
@pytest.mark.parametrize("refused", [False, True], ids=["undecodable", "refused"])
@pytest.mark.parametrize("max_rows", [1000, 1], ids=["one batch", "batch by batch"])
def test_a_row_that_changes_its_key_behind_a_letter_hands_on_no_old_value(
        table, streams, millrace, target, max_rows, refused):
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text CONSTRAINT good CHECK (b <> 'bad'))")
    bad = table.update(row(1, "y", "bad"))
    one = millrace([{"topic": table.topic, "table": "orders"}], batch={"max_rows": max_rows}, lanes=1,
                   dlq={"max_ratio": 1.0})
    streams.produce(table.create(row(1, "x", "old")), table.create(row(2, "x", "old")))
    one.load_to_end()
    streams.produce(
        bad if refused else broken(bad),                                  # 2
        *table.key_change(row(1, "y", "bad"), row(11, "y", P)),
        *table.key_change(row(2, "x", "old"), row(12, "y", P)))
    one.load_to_end()
    if refused and max_rows > 1:  # folded with its delete, the value was never the table's
        assert (11, "y", "old") not in target.rows("orders", ["id", "a", "b"])
        return
    codes = target.codes(table.topic)
    assert [code for _, code in codes] == ["db.23514" if refused else "avro.trailing", "unavailable.orphan"]
    streams.produce(table.update(row(11, "z", P)))
    one.load_to_end()
    assert [code for _, code in target.codes(table.topic)][2:] == ["unavailable.orphan"]
    assert target.rows("orders", ["id", "a", "b"]) == [(12, "y", "old")]
