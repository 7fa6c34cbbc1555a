"""Rows that only the server refuses: found in their batch, put aside with their reason, while the others land in
their order (docs/contract.md R-12, R-14, section 8)."""

import pytest

from harness.schemas import Record, texts


@pytest.fixture
def checked(target):
    """Table orders, which refuses a = 'bad'."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text CONSTRAINT good CHECK (a <> 'bad'), b text)")


def places(letters):
    return [(letter["offset"], letter["code"], letter["sqlstate"]) for letter in letters]


def test_the_rows_that_a_check_refuses_are_dead_letters_and_all_others_land(checked, debezium, streams, millrace,
                                                                           target):
    """Q-14, P4: in one run; the other table is loaded, too."""
    table, other = debezium(), debezium("other")
    bad = (17, 137, 138, 299)
    streams.produce(*(table.create(texts(i, "bad" if i in bad else "x")) for i in range(300)))
    streams.produce(*(other.create(texts(i)) for i in range(300)))
    one = millrace([{"topic": t.topic, "table": name} for t, name in ((table, "orders"), (other, "other"))])
    one.load_to_end()
    assert places(target.letters(table.topic)) == [(i, "db.23514", "23514") for i in bad]
    assert "good" in target.letters(table.topic)[0]["detail"]
    assert sorted(target.rows("orders", ["id"])) == [(i,) for i in range(300) if i not in bad]
    assert target.positions(table.topic) == {0: 300} and target.count("other") == 300


def test_165_of_a_key_with_a_refused_record_the_others_apply(checked, debezium, streams, millrace, target):
    """R-14."""
    table = debezium()
    streams.produce(table.create(texts(1, "x", "y")), table.update(texts(1, "bad", "z")))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert target.rows("orders", ["id", "a", "b"]) == [(1, "x", "y")]
    assert places(target.letters(table.topic)) == [(1, "db.23514", "23514")]


def test_stop_waits_at_a_record_that_the_server_refuses(checked, debezium, streams, millrace, target):
    """on_bad_record = stop: everything before it lands; once the table takes it, it and the rest do."""
    table = debezium()
    streams.produce(*(table.create(texts(i, "bad" if i == 137 else "x")) for i in range(300)))
    one = millrace([{"topic": table.topic, "table": "orders", "on_bad_record": "stop"}])
    one.load_to_end(expect=75)
    assert "db.23514" in one.error_codes()
    assert target.positions(table.topic) == {0: 137} and target.count("orders") == 137
    target.run("ALTER TABLE orders DROP CONSTRAINT good")
    one.load_to_end()
    assert target.count("orders") == 300 and target.letters(table.topic) == []


def test_skip_leaves_out_what_the_server_refuses(checked, debezium, streams, millrace, target):
    table = debezium()
    streams.produce(*(table.create(texts(i, "bad" if i == 5 else "x")) for i in range(10)))
    millrace([{"topic": table.topic, "table": "orders", "on_bad_record": "skip"}]).load_to_end()
    assert target.count("orders") == 9 and target.letters(table.topic) == []
    assert target.positions(table.topic) == {0: 10}


def test_153_a_row_without_its_partition_is_a_dead_letter(debezium, streams, millrace, target):
    """Q-14."""
    target.run("CREATE TABLE orders(id int, a text, b text, PRIMARY KEY (id)) PARTITION BY RANGE (id)")
    target.run("CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100)")
    table = debezium()
    streams.produce(*(table.create(texts(i)) for i in (1, 99, 100, 2)))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(1,), (2,), (99,)]
    assert places(target.letters(table.topic)) == [(2, "db.23514", "23514")]


def test_a_trigger_that_refuses_a_row_makes_it_a_dead_letter(debezium, streams, millrace, target):
    """Q-21."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text)")
    target.run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "IF NEW.a = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$")
    target.run("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse()")
    table = debezium()
    streams.produce(*(table.create(texts(i, "bad" if i == 3 else "x")) for i in range(10)))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert target.count("orders") == 9
    assert places(target.letters(table.topic)) == [(3, "db.P0001", "P0001")]


@pytest.mark.parametrize("deferred", [False, True], ids=["at once", "at the commit"])
def test_values_that_swap_under_a_second_unique_index_land(deferred, debezium, streams, millrace, target):
    """R-12, P-07: by a value in between, in one batch; nothing is refused."""
    when = " DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    target.run(f"CREATE TABLE orders(id int PRIMARY KEY, a text, b text UNIQUE{when})")
    table = debezium()
    streams.produce(table.create(texts(1, b="one")), table.create(texts(2, b="two")))
    one = millrace([{"topic": table.topic, "table": "orders"}])
    one.load_to_end()
    streams.produce(table.update(texts(1, b="between")), table.update(texts(2, b="one")),
                    table.update(texts(1, b="two")))
    one.load_to_end()
    assert sorted(target.rows("orders", ["id", "b"])) == [(1, "two"), (2, "one")]
    assert target.letters(table.topic) == []


@pytest.mark.parametrize("deferred", [False, True], ids=["at once", "at the commit"])
def test_a_value_that_another_key_has_is_a_dead_letter(deferred, debezium, streams, millrace, target):
    """Q-16: also where only the COMMIT shows it."""
    when = " DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    target.run(f"CREATE TABLE orders(id int PRIMARY KEY, a text, b text UNIQUE{when})")
    table = debezium()
    streams.produce(*(table.create(texts(i, b="same" if i in (3, 7) else f"b{i}")) for i in range(10)))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(i,) for i in range(10) if i != 7]
    assert places(target.letters(table.topic)) == [(7, "db.23505", "23505")]


def test_an_appended_row_that_meets_a_unique_index_is_a_dead_letter(plain, streams, millrace, target):
    """Q-16 with strategy append."""
    target.run("CREATE TABLE orders(id int UNIQUE, a text, b text, _op text)")
    table = plain()
    streams.produce(*(table.put(texts(i)) for i in (1, 2, 1, 3)))
    millrace([{"topic": table.topic, "table": "orders", "strategy": "append"}]).load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(1,), (2,), (3,)]
    assert places(target.letters(table.topic)) == [(2, "db.23505", "23505")]


def flooded(target, table):
    return [letter["offset"] for letter in target.letters(table.topic)]


def test_161_too_many_bad_records_halt_the_route_and_the_others_go_on(debezium, plain, streams, millrace, target):
    """poison.flood: the sixteen before it are dead letters, what opens the breaker is held, nothing is lost."""
    table, other = plain(), debezium("other")
    streams.produce(*(Record(table.topic, b"k", b"\x07junk") if i % 5 == 4 else table.put(texts(i))
                      for i in range(1000)))
    streams.produce(*(other.create(texts(i)) for i in range(300)))
    one = millrace([{"topic": t.topic, "table": name} for t, name in ((table, "orders"), (other, "other"))])
    one.load_to_end(expect=75)
    assert "poison.flood" in one.error_codes()
    assert flooded(target, table) == list(range(4, 80, 5))
    assert target.positions(table.topic) == {0: 84} and target.count("orders") == 68
    assert target.count("other") == 300


def test_161_too_many_rows_that_the_server_refuses_halt_the_route(checked, debezium, streams, millrace, target):
    """poison.flood, found by taking batches apart; mended in the target, the rest lands."""
    table = debezium()
    streams.produce(*(table.create(texts(i, "bad" if i % 2 else "x")) for i in range(1000)))
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"max_ratio": 0.001})
    one.load_to_end(expect=75)
    assert "poison.flood" in one.error_codes()
    assert flooded(target, table) == list(range(1, 32, 2))
    assert target.positions(table.topic) == {0: 33} and target.count("orders") == 17
    target.run("ALTER TABLE orders DROP CONSTRAINT good")
    one.load_to_end()
    assert target.count("orders") == 1000 - 16


def test_what_one_table_is_held_against_leaves_the_others_as_they_are(debezium, streams, millrace, target):
    """Q-16: a duplicate that the COMMIT shows, beside a child that comes before its parent."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    target.run("CREATE TABLE parent(id int PRIMARY KEY, a text, b text)")
    target.run("CREATE TABLE child(id int PRIMARY KEY, a text, p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    table, child, parent = debezium(), debezium("child", [("id", "int"), ("p", "int")]), debezium("parent")
    streams.produce(*(table.create(texts(i, b="same" if i in (3, 7) else f"b{i}")) for i in range(10)))
    streams.produce(child.create({"id": 1, "p": 1}), parent.create(texts(1)))
    millrace([{"topic": t.topic, "table": n} for t, n in ((table, "orders"), (child, "child"), (parent, "parent"))],
             lanes=1).load_to_end()
    assert (target.count("orders"), target.count("child"), target.count("parent")) == (9, 1, 1)
    assert places(target.letters(table.topic)) == [(7, "db.23505", "23505")]
