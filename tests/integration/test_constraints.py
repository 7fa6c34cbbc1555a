"""Constraints between tables and rows of the target: foreign keys within one batch and across streams, second unique
keys and exclusion constraints whose values move, triggers (docs/contract.md R-11 to R-14, Q-21, Q-24)."""

import itertools
import sqlite3

import pytest

from harness.schemas import DebeziumTable, opt
from harness.target import SqliteTarget
from harness.waiting import await_

PARENT = [("id", "int"), ("a", opt("string"))]
CHILD = [("id", "int"), ("p", opt("int"))]
DEFERRABLE = " DEFERRABLE INITIALLY IMMEDIATE"


class Named(DebeziumTable):
    """A table of the source whose records stand in another's topic."""

    def __init__(self, client, topic, table, columns):
        super().__init__(client, topic, columns, ("id",))
        self.table = table

    def envelope(self, op, before, after, **source):
        return super().envelope(op, before, after, **{"schema": "public", "table": self.table, **source})


@pytest.fixture
def debezium(streams, schemas, topic):
    """debezium("child", CHILD) -> a Debezium table whose topic exists."""
    def make(name, columns, partitions=1):
        streams.create(topic(name), partitions=partitions)
        return DebeziumTable(schemas, topic(name), columns, ("id",))
    return make


@pytest.fixture
def family(debezium):
    """Streams of a parent and a child; by their names the child would be loaded first."""
    return debezium("z_parent", PARENT), debezium("a_child", CHILD)


@pytest.fixture
def together(streams, schemas, topic):
    """The same tables, and others, in one partition of one topic: their order is known, and one batch has them."""
    streams.create(topic("all"))
    def make(name, columns):
        return Named(schemas, topic("all"), name, columns)
    return make


def make_tables(run, more=""):
    run("CREATE TABLE z_parent(id int PRIMARY KEY, a text)")
    run(f"CREATE TABLE a_child(id int PRIMARY KEY, p int REFERENCES z_parent(id){more})")


def parent_row(number, a="x"):
    return {"id": number, "a": a}


def child_row(number, of):
    return {"id": number, "p": of}


def routes(*tables, **settings):
    return [{"topic": t.topic, "table": t.topic.rsplit(".", 1)[-1], **settings} for t in tables]


def places(letters):
    return [(letter["offset"], letter["code"], letter["sqlstate"]) for letter in letters]


def held(one):
    """Of /status: the partitions that wait, with the reason."""
    return [part for part in one.status()["partitions"] if part["state"] == "held"]


def load_all(millrace, *tables, **settings):
    """One route for the topic that has all the tables, in large batches; answers the instance."""
    one = millrace([{"topic": tables[0].topic, "route": "source", **settings}], lanes=1, batch={"max_wait": "1s"})
    one.load_to_end()
    return one


# -- one batch

def test_children_before_their_parents_in_one_batch_land_at_once(together, streams, millrace, target):
    """R-13: a chain of three, with deletes and moves; by their names they would be loaded the other way round."""
    grand, parent, child = together("z_grand", PARENT), together("m_parent", CHILD), together("a_child", CHILD)
    target.run("CREATE TABLE z_grand(id int PRIMARY KEY, a text)")
    target.run("CREATE TABLE m_parent(id int PRIMARY KEY, p int REFERENCES z_grand)")
    target.run("CREATE TABLE a_child(id int PRIMARY KEY, p int REFERENCES m_parent)")
    streams.produce(*(child.create(child_row(i, i)) for i in range(50)),
                    *(parent.create(child_row(i, i)) for i in range(50)),
                    *(grand.create(parent_row(i)) for i in range(50)))
    one = load_all(millrace, grand)
    # parents go before their children do, or before these move to another one
    streams.produce(*(grand.delete(parent_row(i)) for i in range(20)),
                    *(parent.delete(child_row(i, None)) for i in range(10)),
                    *(parent.update(child_row(i, 30)) for i in range(10, 20)),
                    *(child.delete(child_row(i, None)) for i in range(5)),
                    *(child.update(child_row(i, 99)) for i in range(5, 10)),
                    parent.create(child_row(99, 98)), grand.create(parent_row(98)))
    one.load_to_end()
    assert one.events("partition_held") == [] and target.letters(grand.topic) == []
    assert sorted(target.rows("z_grand", ["id"])) == [(i,) for i in (*range(20, 50), 98)]
    assert sorted(target.rows("m_parent", ["id", "p"])) == [*((i, 30) for i in range(10, 20)),
                                                            *((i, i) for i in range(20, 50)), (99, 98)]
    assert sorted(target.rows("a_child", ["id", "p"])) == [*((i, 99) for i in range(5, 10)),
                                                           *((i, i) for i in range(10, 50))]


@pytest.mark.parametrize("order", list(itertools.permutations(["child", "parent", "more"])), ids="-".join)
def test_two_streams_land_in_whatever_order_they_come(order, family, streams, millrace, target):
    """R-13, Q-24: with deletes of a parent's children, and of the parent."""
    parent, child = family
    make_tables(target.run)
    parts = {"child": [child.create(child_row(i, i % 10)) for i in range(100)]
             + [child.delete(child_row(i, None)) for i in range(100) if i % 10 == 3],
             "parent": [parent.create(parent_row(i)) for i in range(10)],
             "more": [parent.create(parent_row(i)) for i in range(20, 30)]}
    for name in order:
        streams.produce(*parts[name])
    one = millrace(routes(parent, child))
    one.load_to_end()
    streams.produce(parent.delete(parent_row(3)))
    one.load_to_end()
    assert target.letters(child.topic) == target.letters(parent.topic) == []
    assert sorted(target.rows("a_child", ["id", "p"])) == [(i, i % 10) for i in range(100) if i % 10 != 3]
    assert target.count("z_parent") == 19


def test_truncates_of_related_tables_empty_the_children_first(together, streams, millrace, target):
    """R-13, R-23."""
    parent, child = together("z_parent", PARENT), together("a_child", CHILD)
    make_tables(target.run)
    streams.produce(parent.create(parent_row(1)), child.create(child_row(1, 1)))
    one = load_all(millrace, parent)
    streams.produce(parent.truncate(), child.truncate(), child.create(child_row(2, 2)), parent.create(parent_row(2)))
    one.load_to_end()
    assert one.events("partition_halted") == []
    assert (target.rows("z_parent", ["id"]), target.rows("a_child", ["id", "p"])) == ([(2,)], [(2, 2)])


def test_a_bad_record_among_related_ones_is_the_only_one_that_is_left_out(together, streams, millrace, target):
    """R-13, R-14: where the child's table is taken apart, deletes of the parent still come after it."""
    parent, child = together("z_parent", PARENT), together("a_child", CHILD)
    make_tables(target.run, " CHECK (p <> 13)")
    streams.produce(*(parent.create(parent_row(i)) for i in range(20)),
                    *(child.create(child_row(i, i)) for i in range(20)),
                    *(child.delete(child_row(i, None)) for i in (4, 5)),
                    *(parent.delete(parent_row(i)) for i in (4, 5)))
    load_all(millrace, parent)
    assert places(target.letters(parent.topic)) == [(33, "db.23514", "23514")]
    assert sorted(target.rows("a_child", ["id"])) == [(i,) for i in range(20) if i not in (4, 5, 13)]
    assert sorted(target.rows("z_parent", ["id"])) == [(i,) for i in range(20) if i not in (4, 5)]


@pytest.mark.parametrize("when", ["", DEFERRABLE, " DEFERRABLE INITIALLY DEFERRED"], ids=["plain", "may", "deferred"])
def test_rows_of_tables_that_refer_to_each_other_land(when, together, streams, millrace, target):
    """R-13: also where nothing can be put off, as the source did it: first a row without its reference."""
    egg, hen = together("egg", CHILD), together("hen", CHILD)
    target.run("CREATE TABLE egg(id int PRIMARY KEY, p int)")
    target.run(f"CREATE TABLE hen(id int PRIMARY KEY, p int REFERENCES egg{when})")
    target.run(f"ALTER TABLE egg ADD CONSTRAINT egg_hen FOREIGN KEY (p) REFERENCES hen{when}")
    first = egg.create(child_row(1, 1 if when else None))
    streams.produce(first, hen.create(child_row(1, 1)), egg.update(child_row(1, 1)))
    one = load_all(millrace, egg)
    assert (target.rows("egg", ["id", "p"]), target.rows("hen", ["id", "p"])) == ([(1, 1)], [(1, 1)])
    assert target.letters(egg.topic) == []
    assert bool(one.events("partition_held")) == (when == "")


@pytest.mark.parametrize("when", ["", DEFERRABLE], ids=["plain", "may"])
def test_rows_that_refer_to_their_own_table_land_in_any_order(when, together, streams, millrace, target):
    """R-13: a tree that comes leaves first, grows, and loses its root's branch."""
    tree = together("tree", CHILD)
    target.run(f"CREATE TABLE tree(id int PRIMARY KEY, p int REFERENCES tree{when})")
    streams.produce(*(tree.create(child_row(i, i // 2 or None)) for i in range(63, 0, -1)))
    one = load_all(millrace, tree)
    streams.produce(*(tree.delete(child_row(i, None)) for i in (2, 4, 5, 8, 9, 10, 11, *range(16, 24), *range(32, 48))))
    one.load_to_end()
    assert target.letters(tree.topic) == [] and target.count("tree") == 63 - 31
    assert one.events("partition_held") == []


# -- across batches, streams and instances

def test_a_child_waits_for_a_parent_that_another_stream_brings_later(family, streams, millrace, target):
    """Q-24: others of its lane land, the process stays ready, and what is behind it keeps its order."""
    parent, child = family
    make_tables(target.run)
    streams.produce(parent.create(parent_row(1)), child.create(child_row(1, 1)), child.create(child_row(2, 7)),
                    child.create(child_row(3, 1)))
    one = millrace(routes(parent, child), lanes=1).start().await_ready()
    target.await_positions(child.topic, {0: 1}, alive=one.must_run)
    await_(lambda: held(one), 30, "the child waits", one.must_run)
    assert "waits for its parent" in str(held(one)) and "a_child_p_fkey" in str(held(one)) and one.answers("/readyz")
    assert one.metrics().value("millrace_parent_waits_total", table="a_child") >= 1
    streams.produce(*(parent.create(parent_row(i)) for i in range(2, 6)))
    target.await_positions(parent.topic, {0: 5}, alive=one.must_run)
    assert target.positions(child.topic) == {0: 1} and target.rows("a_child", ["id", "p"]) == [(1, 1)]
    streams.produce(parent.create(parent_row(7)))
    target.await_positions(child.topic, {0: 3}, alive=one.must_run)
    assert sorted(target.rows("a_child", ["id", "p"])) == [(1, 1), (2, 7), (3, 1)]
    assert target.letters(child.topic) == []
    one.stop()


def test_a_parent_whose_children_are_there_waits_for_them_to_go(family, streams, millrace, target):
    """Q-24."""
    parent, child = family
    make_tables(target.run)
    streams.produce(parent.create(parent_row(1)), parent.create(parent_row(2)))
    millrace(routes(parent)).load_to_end()
    target.run("INSERT INTO a_child VALUES (1, 1)")
    streams.produce(parent.delete(parent_row(1)), parent.update(parent_row(2, "later")))
    one = millrace(routes(parent, child), lanes=1).start().await_ready()
    await_(lambda: held(one), 30, "the parent waits", one.must_run)
    assert "waits for the rows that refer to it to go" in str(held(one))
    assert target.positions(parent.topic) == {0: 2}
    streams.produce(child.delete(child_row(1, None)))
    target.await_positions(parent.topic, {0: 4}, alive=one.must_run)
    assert target.rows("z_parent", ["id", "a"]) == [(2, "later")] and target.letters(parent.topic) == []
    one.stop()


def test_a_parent_that_never_comes_makes_a_dead_letter_after_fk_wait(family, streams, millrace, target):
    """Q-24: what is behind it lands; orphans that came with it have waited as long."""
    parent, child = family
    make_tables(target.run)
    orphans = (3, 4, 9)
    streams.produce(parent.create(parent_row(1)))
    streams.produce(*(child.create(child_row(i, 77 if i in orphans else 1)) for i in range(20)))
    one = millrace(routes(parent, child, fk_wait="3s")).start()
    target.await_positions(child.topic, {0: 3}, alive=one.must_run)
    assert target.letters(child.topic) == []
    target.await_positions(child.topic, {0: 20}, alive=one.must_run)
    assert places(target.letters(child.topic)) == [(i, "db.23503", "23503") for i in orphans]
    assert target.count("a_child") == 17
    one.stop()


def test_fk_wait_0_puts_aside_at_once_but_not_those_whose_parent_came_along(together, streams, millrace, target):
    """Q-24."""
    parent, child = together("z_parent", PARENT), together("a_child", CHILD)
    make_tables(target.run, " CHECK (p <> 13)")
    streams.produce(parent.create(parent_row(1)), child.create(child_row(1, 1)))
    one = load_all(millrace, parent, fk_wait="0s")
    streams.produce(*(child.create(child_row(i, i)) for i in (13, 2, 5, 3)), child.delete(child_row(1, None)),
                    *(parent.create(parent_row(i)) for i in (2, 3)), parent.delete(parent_row(1)))
    one.load_to_end()
    assert places(target.letters(parent.topic)) == [(2, "db.23514", "23514"), (4, "db.23503", "23503")]
    assert sorted(target.rows("a_child", ["id"])) == sorted(target.rows("z_parent", ["id"])) == [(2,), (3,)]


def test_stop_halts_at_an_orphan_when_its_time_is_over(family, streams, millrace, target):
    """Q-24 with on_bad_record = stop."""
    parent, child = family
    make_tables(target.run)
    streams.produce(child.create(child_row(1, 1)), child.create(child_row(2, 1)))
    one = millrace(routes(parent, child, fk_wait="1s", on_bad_record="stop"))
    one.load_to_end(expect=75)
    assert "db.23503" in one.error_codes() and target.count("a_child") == 0
    streams.produce(parent.create(parent_row(1)))
    one.load_to_end()
    assert target.count("a_child") == 2


def test_a_deferred_key_whose_parent_is_missing_waits_likewise(family, streams, millrace, target):
    """Q-24 where only the COMMIT shows it; the others land."""
    parent, child = family
    make_tables(target.run, " DEFERRABLE INITIALLY DEFERRED")
    streams.produce(parent.create(parent_row(1)), *(child.create(child_row(i, i)) for i in (1, 2, 3)))
    one = millrace(routes(parent, child, fk_wait="3s")).start()
    target.await_positions(child.topic, {0: 3}, alive=one.must_run)
    assert places(target.letters(child.topic)) == [(1, "db.23503", "23503"), (2, "db.23503", "23503")]
    assert target.rows("a_child", ["id"]) == [(1,)]
    one.stop()


def test_two_instances_bring_child_and_parent_apart(family, streams, millrace, target):
    """Q-24: the parent comes by another process."""
    parent, child = family
    make_tables(target.run)
    streams.produce(*(child.create(child_row(i, i)) for i in range(50)))
    a = millrace(routes(child), name="children", pipeline="children").start()
    await_(lambda: a.events("partition_held"), 30, "the children wait", a.must_run)
    streams.produce(*(parent.create(parent_row(i)) for i in range(50)))
    millrace(routes(parent), name="parents", pipeline="parents").load_to_end()
    target.await_positions(child.topic, {0: 50}, alive=a.must_run)
    assert target.count("a_child") == 50 and target.letters(child.topic) == []
    a.stop()


# -- SQLite

@pytest.fixture
def sqlite(tmp_path):
    return SqliteTarget(tmp_path / "target.db")


def sqlite_run(sqlite, *statements):
    link = sqlite3.connect(sqlite.path)
    for statement in statements:
        link.execute(statement)
    link.commit()
    link.close()


def test_sqlite_orders_tables_and_waits_as_well(together, streams, millrace, sqlite):
    """R-13, Q-24: a tree of its own, a child before its parent, deletes the other way round, an orphan."""
    parent, child, tree = together("z_parent", PARENT), together("a_child", CHILD), together("tree", CHILD)
    make_tables(lambda statement: sqlite_run(sqlite, statement))
    sqlite_run(sqlite, "CREATE TABLE tree(id int PRIMARY KEY, p int REFERENCES tree)")
    streams.produce(*(child.create(child_row(i, i)) for i in range(20)),
                    *(parent.create(parent_row(i)) for i in range(20)),
                    *(tree.create(child_row(i, i // 2 or None)) for i in range(15, 0, -1)))
    one = millrace([{"topic": parent.topic, "route": "source", "fk_wait": "2s"}], target={"url": sqlite.url}, lanes=1,
                   batch={"max_wait": "1s"})
    one.load_to_end()
    streams.produce(*(parent.delete(parent_row(i)) for i in range(10)),
                    *(child.delete(child_row(i, None)) for i in range(10)))
    one.load_to_end()
    assert one.events("partition_held") == []
    assert [len(sqlite.rows(name, ["id"])) for name in ("z_parent", "a_child", "tree")] == [10, 10, 15]
    streams.produce(child.create(child_row(30, 77)), child.create(child_row(31, 11)))
    one.load_to_end()
    assert sqlite.codes(parent.topic) == [(75, "db.23503")]
    assert len(one.events("partition_held")) >= 1 and (31, 11) in sqlite.rows("a_child", ["id", "p"])
