"""Constraints and triggers that rows of one table meet in the target: second unique keys and exclusion constraints
whose values move, across batches and partitions too, and what triggers do (docs/contract.md R-11, R-12, Q-14, V-18)."""

import pytest

from harness.schemas import DebeziumTable, opt
from harness.waiting import await_

TEXT = [("id", "int"), ("a", opt("string")), ("b", opt("string"))]


def texts(number, a="x", b="y"):
    return {"id": number, "a": a, "b": b}


@pytest.fixture
def debezium(streams, schemas, topic):
    """debezium(2) -> a Debezium table `orders` whose topic has two partitions."""
    def make(partitions=1):
        streams.create(topic("orders"), partitions=partitions)
        return DebeziumTable(schemas, topic("orders"), TEXT, ("id",))
    return make


def route(table, **settings):
    return [{"topic": table.topic, "table": "orders", **settings}]


def at(partition, record):
    record.partition = partition
    return record


def test_values_that_swap_across_batches_land(debezium, streams, millrace, target):
    """R-11, R-12: a delete and a create that a value moves between, in batches of three records."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text UNIQUE)")
    table = debezium()
    streams.produce(*(table.create(texts(i, b=f"b{i}")) for i in range(4)))
    for i in range(0, 4, 2):
        streams.produce(table.update(texts(i, b="between")), table.update(texts(i + 1, b=f"b{i}")),
                        table.update(texts(i, b=f"b{i + 1}")))
    streams.produce(table.delete(texts(0)), table.create(texts(9, b="b1")))
    one = millrace(route(table), batch={"max_rows": 3, "max_wait": "100ms"})
    one.load_to_end()
    assert sorted(target.rows("orders", ["id", "b"])) == [(1, "b0"), (2, "b3"), (3, "b2"), (9, "b1")]
    assert target.letters(table.topic) == []


def test_a_value_that_moves_between_partitions_lands_in_their_order(debezium, streams, millrace, target):
    """R-10, R-12: of one batch, the first partition gives it away and the second takes it."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text UNIQUE)")
    table = debezium(2)
    streams.produce(at(0, table.create(texts(1, b="one"))), at(1, table.create(texts(2, b="two"))))
    one = millrace(route(table), lanes=1)
    one.load_to_end()
    streams.produce(at(0, table.update(texts(1, b="free"))), at(1, table.update(texts(2, b="one"))))
    one.load_to_end()
    assert sorted(target.rows("orders", ["id", "b"])) == [(1, "free"), (2, "one")]
    assert target.letters(table.topic) == []


def test_ranges_that_move_between_rows_land_and_one_that_overlaps_is_put_aside(debezium, streams, millrace, target):
    """Q-14: an exclusion constraint; nothing overlaps in the source's order but the last."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b int4range, EXCLUDE USING gist (b WITH &&))")
    table = debezium()
    streams.produce(table.create(texts(1, b="[1,10)")), table.create(texts(2, b="[10,20)")))
    one = millrace(route(table))
    one.load_to_end()
    streams.produce(table.update(texts(1, b="[30,40)")), table.update(texts(2, b="[1,10)")),
                    table.update(texts(1, b="[10,20)")), table.create(texts(3, b="[15,16)")),
                    table.create(texts(4, b="[20,21)")))
    one.load_to_end()
    assert sorted(target.query("SELECT id, b::text FROM orders")) == [(1, "[10,20)"), (2, "[1,10)"), (4, "[20,21)")]
    assert target.codes(table.topic) == [(5, "db.23P01")]


def function(target, name, body):
    target.run(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")


def test_triggers_change_rows_keep_them_out_and_write_down_what_landed(debezium, streams, millrace, target):
    """V-18, Q-21: a BEFORE that changes a value or returns NULL, an AFTER that writes an audit, one that raises."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text, b text)")
    target.run("CREATE TABLE audit(id int, op text)")
    function(target, "change", "IF NEW.a = 'out' THEN RETURN NULL; END IF; NEW.b := upper(NEW.b); RETURN NEW;")
    function(target, "note", "IF NEW.a = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; "
                             "INSERT INTO public.audit VALUES (NEW.id, TG_OP); RETURN NEW;")
    target.run("CREATE TRIGGER change BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION change()")
    target.run("CREATE TRIGGER note AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note()")
    table = debezium()
    special = {3: "bad", 5: "out"}
    streams.produce(*(table.create(texts(i, special.get(i, "x"))) for i in range(10)))
    one = millrace(route(table)).start()
    target.await_positions(table.topic, {0: 10}, alive=one.must_run)
    kept = [i for i in range(10) if i not in special]
    assert sorted(target.rows("orders", ["id", "b"])) == [(i, "Y") for i in kept]
    assert sorted(target.query("SELECT id, op FROM audit")) == [(i, "INSERT") for i in kept]
    assert target.codes(table.topic) == [(3, "db.P0001")]
    await_(lambda: one.metrics().value("millrace_rows_left_out_total", table="orders") == 1, 20, "one is left out",
           one.must_run)
    one.stop()


PATHS = {"database": 'ALTER DATABASE "{}" SET search_path = audit, public',
         "role": 'ALTER ROLE CURRENT_USER IN DATABASE "{}" SET search_path = audit, public',
         "url": "SELECT 1"}


@pytest.mark.parametrize("where", PATHS)
def test_what_a_trigger_names_without_a_schema_is_found_where_its_author_finds_it(where, debezium, streams, millrace,
                                                                                   target):
    """I-12: on the path of the database, of the role or of the URL; also at the COMMIT, and in the function of a
    check. test_search_path.py has what must not be found there."""
    name = target.url.rsplit("/", 1)[1]
    for statement in (
            PATHS[where].format(name), "CREATE SCHEMA audit",
            "CREATE TABLE audit.changes(id int, op text)", "CREATE TABLE audit.kinds(kind text)",
            "INSERT INTO audit.kinds VALUES ('x')",
            "CREATE FUNCTION public.is_kind(k text) RETURNS bool LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN k IN (SELECT kind FROM kinds); END $$",
            "CREATE TABLE public.orders(id int PRIMARY KEY, a varchar, b text, CHECK (public.is_kind(a)))"):
        target.run(statement)
    function(target, "public.note", "INSERT INTO changes VALUES (COALESCE(NEW.id, OLD.id), TG_OP); RETURN NULL;")
    for timing in ("TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.orders",
                   "CONSTRAINT TRIGGER later AFTER INSERT ON public.orders DEFERRABLE INITIALLY DEFERRED"):
        target.run(f"CREATE {timing} FOR EACH ROW EXECUTE FUNCTION public.note()")
    table = debezium()
    streams.produce(table.create(texts(1)), table.create(texts(2)))
    url = target.url + ("?options=-csearch_path%3Daudit" if where == "url" else "")
    one = millrace(route(table), target={"url": url})
    one.load_to_end()
    streams.produce(table.update(texts(1, b="z")), table.delete(texts(2)))
    one.load_to_end()
    assert target.letters(table.topic) == []
    assert target.query("SELECT id, a, b FROM public.orders") == [(1, "x", "z")]
    assert sorted(target.query("SELECT id, op FROM audit.changes")) == [
        (1, "INSERT"), (1, "INSERT"), (1, "UPDATE"), (2, "DELETE"), (2, "INSERT"), (2, "INSERT")]
