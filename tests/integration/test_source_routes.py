"""Routes by source (contract.md E-30): the tables that one topic's records name."""

import pytest

from harness.schemas import DebeziumTable, PlainTable, opt

COLUMNS = [("id", "int"), ("a", opt("string"))]


class Named(DebeziumTable):
    """A table of the source whose records stand in another's topic."""

    def __init__(self, client, topic, table, columns=None):
        super().__init__(client, topic, columns or COLUMNS, ["id"])
        self.table = table

    def envelope(self, op, before, after, **source):
        return super().envelope(op, before, after, **{"schema": "public", "table": self.table, **source})


@pytest.fixture
def both(streams, schemas, topic):
    name = topic("all")
    streams.create(name)
    return Named(schemas, name, "orders"), Named(schemas, name, "items", [*COLUMNS, ("n", "long")])


def row(i, a="x", **more):
    return {"id": i, "a": a, **more}


def test_each_record_goes_to_the_table_that_its_source_names(both, streams, millrace, target):
    """E-30: two tables of unlike schemas in one topic, with deletes and their tombstones."""
    orders, items = both
    streams.produce(orders.create(row(1)), items.create(row(1, n=7)), orders.update(row(1, "x2")),
                    orders.create(row(2)), orders.delete(row(2)), orders.tombstone(row(2)), items.create(row(2, n=8)))
    millrace([{"topic": orders.topic, "route": "source"}]).load_to_end()
    assert target.rows("orders", ["id", "a"]) == [(1, "x2")]
    assert sorted(target.rows("items", ["id", "a", "n"])) == [(1, "x", 7), (2, "x", 8)]
    assert target.positions(orders.topic) == {0: 7}
    assert target.letters(orders.topic) == []
    assert not target.exists("all"), "no table for the topic itself"


def test_names_are_made_of_templates_and_truncates_empty_their_own_table(both, streams, millrace, target):
    """E-30, E-14, R-20."""
    orders, items = both
    streams.produce(orders.create(row(1)), items.create(row(1, n=7)), orders.truncate(), items.create(row(2, n=8)))
    millrace([{"topic": orders.topic, "route": "source", "table": "$db_$table"}]).load_to_end()
    assert target.rows("shop_orders", ["id"]) == []
    assert sorted(target.rows("shop_items", ["id"])) == [(1,), (2,)]


def test_records_without_a_source_are_put_aside(both, streams, schemas, millrace, target):
    """E-30: route.missing, for a plain value and for a source without its table."""
    orders, _ = both
    plain = PlainTable(schemas, orders.topic, COLUMNS, ["id"])
    lost = orders.record("c", row(3), orders.envelope("c", None, row(3), table=""))
    streams.produce(orders.create(row(1)), plain.put(row(2)), lost, orders.create(row(4)))
    millrace([{"topic": orders.topic, "route": "source"}]).load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(1,), (4,)]
    assert target.codes(orders.topic) == [(1, "route.missing"), (2, "route.missing")]


def test_a_halted_table_holds_its_partition_at_its_first_record(both, streams, millrace, target):
    """E-30, design 4: what stands before it lands, what comes behind waits, until the table is mended."""
    orders, items = both
    target.run("CREATE TABLE items(id int PRIMARY KEY, a text, n date)")
    streams.produce(orders.create(row(1)), items.create(row(1, n=7)), orders.create(row(2)))
    one = millrace([{"topic": orders.topic, "route": "source"}]).start()
    one.await_error("type.incompatible", table="public.items")
    target.await_positions(orders.topic, {0: 1}, alive=one.must_run)
    assert target.rows("orders", ["id"]) == [(1,)]
    assert target.rows("items", ["id"]) == []
    target.run("ALTER TABLE items ALTER n TYPE bigint USING NULL")
    target.await_positions(orders.topic, {0: 3}, alive=one.must_run)
    assert sorted(target.rows("orders", ["id"])) == [(1,), (2,)]
    assert target.rows("items", ["id", "n"]) == [(1, 7)]
