"""Letters that do not carry all columns are not replayed before what their key had before them (design 6): they would
keep values of the target that the earlier letter's record has changed."""

import json
import sqlite3

import psycopg
import pytest

from harness.schemas import DebeziumTable, opt
from harness.target import SqliteTarget

P = "__debezium_unavailable_value"
AFTER = "unavailable.after_letter"
COLUMNS = [("id", "int"), ("a", opt("string")), ("b", opt("string")), ("v", "long")]
DATA_ERROR = 65


class Loading:
    """A route into table orders of either target, with or without a guard, and its letters."""

    def __init__(self, millrace, target, table, guarded: bool):
        self.target = target
        self.sqlite = isinstance(target, SqliteTarget)
        self.letters_table = "millrace_dead_letters" if self.sqlite else "millrace.dead_letters"
        self.force = [] if guarded else ["--force"]
        route = {"topic": table.topic, "table": "orders", **({"guard": ["v"]} if guarded else {})}
        self.one = millrace([route], target={"url": target.url}, dlq={"max_ratio": 1.0})

    def run(self, statement: str) -> None:
        link = sqlite3.connect(self.target.path, timeout=30) if self.sqlite else \
            psycopg.connect(self.target.url, autocommit=True, connect_timeout=10)
        try:
            link.execute(statement)
            link.commit()
        finally:
            link.close()

    def letters(self) -> list[tuple]:
        return self.target.query(f'SELECT "offset", code, state FROM {self.letters_table} ORDER BY 1')

    def ids(self) -> dict[int, str]:
        return {offset: str(number)
                for offset, number in self.target.query(f'SELECT "offset", id FROM {self.letters_table}')}

    def dlq(self, *args: str, expect: int = 0) -> dict:
        done = self.one.command("dlq", *args, "--json")
        assert done.returncode == expect, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def replay(self, *args: str, expect: int = 0) -> dict:
        return self.dlq("replay", *args, *self.force, expect=expect)

    def row(self) -> tuple:
        return self.target.query("SELECT a, b FROM orders WHERE id = 1")[0]


@pytest.fixture
def table(streams, schemas, topic):
    streams.create(topic("orders"))
    return DebeziumTable(schemas, topic("orders"), COLUMNS, ["id"])


@pytest.fixture(params=["postgresql", "postgresql guarded", "sqlite", "sqlite guarded"])
def loading(request, millrace, target, tmp_path, table):
    place = target if request.param.startswith("postgresql") else SqliteTarget(tmp_path / "target.db")
    return Loading(millrace, place, table, request.param.endswith("guarded"))


def row(number: int, a: str, b: str, v: int) -> dict:
    return {"id": number, "a": a, "b": b, "v": v}


def refused(loading, streams, table, *then) -> None:
    """Offset 2 is refused for its b, which offset 0 has; `then` comes behind it, one batch."""
    streams.produce(table.create(row(9, "x", "taken", 1)), table.create(row(1, "x", "old", 1)))
    loading.one.load_to_end()
    loading.run("CREATE UNIQUE INDEX only_one ON orders (b)")
    streams.produce(table.update(row(1, "y", "taken", 2)), *then)
    loading.one.load_to_end()


# design 6
def test_a_masked_letter_is_not_replayed_before_an_earlier_one_of_its_key(loading, streams, table):
    """However old that is; once it is replayed, or discarded, the other lands."""
    refused(loading, streams, table, table.update(row(1, "z", P, 3)), table.update(row(1, "w", P, 4)))
    assert loading.letters() == [(2, "db.23505", "new"), (3, AFTER, "new"), (4, AFTER, "new")]
    loading.run("DROP INDEX only_one")
    loading.run(f"UPDATE {loading.letters_table} SET created_at = '2020-01-01 00:00:00+00'")
    ids = loading.ids()
    result = loading.replay(ids[3], expect=DATA_ERROR)
    assert (result["replayed"], result["failed"]) == (0, 1)
    assert f"letter {ids[2]} of its key, offset 2, is to be replayed first" in result["notes"][0]["detail"]
    assert loading.row() == ("x", "old")
    assert loading.replay(ids[2])["replayed"] == 1
    result = loading.replay(ids[4], expect=DATA_ERROR)
    assert f"letter {ids[3]} of its key" in result["notes"][0]["detail"]
    assert loading.row() == ("y", "taken")
    loading.dlq("discard", ids[3])
    assert loading.replay(ids[4])["replayed"] == 1
    assert loading.row() == ("w", "taken")


# design 6; R-14
def test_letters_of_a_key_are_replayed_together(loading, streams, table):
    """Those behind one that fails again fail, too: found by the target, or before it."""
    broken = table.update(row(1, "q", "lost", 4))
    broken.value = broken.value + b"\x00"
    refused(loading, streams, table, table.update(row(1, "z", P, 3)), broken, table.update(row(1, "w", P, 5)),
            table.update(row(9, "other", P, 6)))
    result = loading.replay("--all", expect=DATA_ERROR)
    assert (result["found"], result["replayed"], result["failed"]) == (4, 0, 4)
    assert [n["code"] for n in result["notes"]] == ["db.23505", AFTER, "avro.trailing", AFTER]
    assert loading.row() == ("x", "old")
    loading.run("DROP INDEX only_one")
    result = loading.replay("--all", expect=DATA_ERROR)
    assert (result["replayed"], result["failed"]) == (2, 2)
    assert loading.letters() == [(2, "db.23505", "replayed"), (3, AFTER, "replayed"), (4, "avro.trailing", "new"),
                                 (5, AFTER, "new")]
    assert loading.row() == ("z", "taken")


# design 6
def test_a_letter_with_all_columns_makes_up_for_those_before_it(loading, streams, table):
    """In the same replay, and in one of its own."""
    refused(loading, streams, table, table.update(row(1, "z", "taken", 3)), table.update(row(1, "w", P, 4)),
            table.update(row(1, "u", P, 5)))
    loading.run("DROP INDEX only_one")
    ids = loading.ids()
    assert loading.replay(ids[3], ids[4])["replayed"] == 2
    assert loading.row() == ("w", "taken")
    assert loading.replay(ids[5])["replayed"] == 1
    assert loading.row() == ("u", "taken")
    assert [state for _, _, state in loading.letters()] == ["new", "replayed", "replayed", "replayed"]
