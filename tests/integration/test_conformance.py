"""Contract section 10, cases 1 to 81, 83 to 87, 90, 112 to 152, 154 and 164: framing, Avro, envelope and
reduction, types, names and evolution.

The cases are in harness/cases_*.py. One process loads a topic for each; the tests then look at what
became of their own: rows, dead letters, position, code of the halt.
"""

import time

import pytest
from stack import Fault, StubRegistry

from harness import cases_avro, cases_envelope, cases_evolve, cases_framing, cases_types  # noqa: F401  they fill CASES
from harness import cases_unavailable  # noqa: F401
from harness.cases import CASES, row
from harness.cases_unavailable import P
from harness.schemas import DebeziumTable, PlainTable, RegistryClient, opt
from harness.world import settled


@pytest.fixture(scope="module")
def world(run_dir, kafka, postgres, streams, long_form):
    with settled("conformance", CASES, run_dir, (kafka, postgres), streams, long_form) as whole:
        yield whole


def name_of(number: int) -> str:
    return f"{number:02d} {CASES[number][0]}"


@pytest.mark.timeout(600)  # the first one waits for the whole world, in the long form with 20 errors of case 16
@pytest.mark.parametrize("number", sorted(CASES), ids=name_of)
def test_case(world, number):
    """Contract section 10: the rows, dead letters and position that the case gives."""
    world.check(number)


def test_the_process_outlives_every_case(world):
    """G-06: no input may crash it."""
    assert not world.death and world.loader.is_running(), world.death


def test_case_80_a_crash_does_not_load_keyless_rows_again(world, streams):
    """Case 80, E-41: after kill -9 and a new record there are three rows, not five."""
    table = world.lab.envelope(80, key=())
    world.loader.kill()
    streams.produce(table.create(row(2)))
    world.loader.start()
    world.target.await_positions(table.topic, {0: 3}, 60, world.loader.must_run)
    assert sorted(world.target.query("SELECT * FROM case_80")) == [(1, "x", "y"), (1, "x", "y"), (2, "x", "y")]


# -- cases that need a registry of their own
@pytest.fixture
def table_at(streams, topic):
    """table_at(stub) -> a plain table registered there, with three records produced."""
    def make(stub: StubRegistry) -> PlainTable:
        streams.create(topic())
        password, stub.password = stub.password, None
        table = PlainTable(RegistryClient(stub.url), topic(), [("id", "int"), ("a", opt("string"))], ["id"])
        stub.password = password
        streams.produce(*(table.put({"id": i, "a": "x"}) for i in range(3)))
        return table
    return make


def test_case_17_a_registry_that_refuses_holds_the_offsets_and_then_the_rows_land(stub, table_at, millrace, target,
                                                                               long_form):
    """Case 17, H-01: refused for a while: RETRY, offsets unmoved, no dead letter; then the rows."""
    table = table_at(stub)
    stub.stop()
    one = millrace([{"topic": table.topic, "table": "t"}], registry={"url": stub.url}).start()
    one.await_error("registry.away", 30)
    end = time.monotonic() + (120 if long_form else 5)
    while time.monotonic() < end:
        assert target.positions(table.topic).get(0, 0) == 0 and target.letters(table.topic) == []
        one.must_run()
        time.sleep(0.2)
    stub.start()
    target.await_positions(table.topic, {0: 3}, 60, one.must_run)
    assert target.count("t") == 3 and target.letters(table.topic) == []
    one.stop()


def test_case_18_a_registry_that_wants_a_password_halts_the_table(table_at, millrace, target):
    """Case 18, H-02: HALT registry.auth, nothing loaded; with the password it loads."""
    guarded = StubRegistry(password="user:secret").start()
    try:
        table = table_at(guarded)
        one = millrace([{"topic": table.topic, "table": "t"}], registry={"url": guarded.url})
        one.load_to_end(expect=75)
        assert "registry.auth" in one.error_codes()
        assert target.positions(table.topic) == {0: 0} and target.letters(table.topic) == []
        again = millrace([{"topic": table.topic, "table": "t"}], name="with_password",
                         registry={"url": guarded.url, "basic_auth": "user:secret"})
        again.load_to_end()
        assert target.count("t") == 3
        assert "secret" not in again.log_text(), "P7: a secret is never printed"
    finally:
        guarded.stop()


def test_case_19_an_address_that_is_no_registry_halts_the_table(stub, table_at, millrace, target):
    """Case 19, H-05: 404 with an HTML body is a wrong base path, never a bad record."""
    table = table_at(stub)
    stub.fault(Fault("^/", status=404, body="<html><body>Not Found</body></html>", content_type="text/html"))
    one = millrace([{"topic": table.topic, "table": "t"}], registry={"url": stub.url})
    one.load_to_end(expect=75)
    assert "registry.not_a_registry" in one.error_codes()
    assert target.positions(table.topic) == {0: 0} and target.letters(table.topic) == []


# -- a change of the key whose halves land in batches of their own
def test_u_32_a_key_change_across_the_border_of_two_batches_keeps_what_was_not_sent_again(millrace, target, streams,
                                                                                          schemas, topic):
    """U-32: d and tombstone, then c, with a commit between them; the chain too. One row at a time is the worst case."""
    table = DebeziumTable(schemas, topic(), [("id", "int"), ("a", opt("string")), ("b", opt("string"))], ["id"])
    streams.create(table.topic)
    moves = [(1, 9), (2, 1), (9, 2), (3, 4), (4, 5)]
    streams.produce(*(table.create(row(k, "x", b)) for k, b in ((1, "one"), (2, "two"), (3, "three"))),
                    *(r for old, new in moves for r in table.key_change(row(old, "x", P), row(new, "x", P))))
    one = millrace([{"topic": table.topic, "table": "t"}], batch={"max_rows": 1})
    one.load_to_end()
    assert target.letters(table.topic) == []
    assert sorted(target.query("SELECT * FROM t")) == [(1, "x", "two"), (2, "x", "one"), (5, "x", "three")]
    assert target.query("SELECT count(*) FROM millrace.tombs") == [(0,)], "each is used up"


def test_u_32_without_keep_deleted_such_a_change_is_an_orphan(millrace, target, streams, schemas, topic):
    """U-31, U-32: unavailable_keep_deleted = false."""
    table = DebeziumTable(schemas, topic(), [("id", "int"), ("a", opt("string")), ("b", opt("string"))], ["id"])
    streams.create(table.topic)
    streams.produce(table.create(row(1, "x", "one")), *table.key_change(row(1, "x", P), row(2, "x", P)))
    one = millrace([{"topic": table.topic, "table": "t", "unavailable_keep_deleted": False}], batch={"max_rows": 1})
    one.load_to_end()
    assert target.codes(table.topic) == [(3, "unavailable.orphan")]
    assert target.query("SELECT * FROM t") == []


def test_case_154_a_batch_that_loses_two_deadlocks_lands_once(millrace, target, streams, schemas, topic):
    """Case 154, Q-02: 40P01 twice -> RETRY, rows once. The trigger's counter outlives the rollbacks."""
    target.run("CREATE SEQUENCE deadlocks")
    target.run("CREATE TABLE t(id int PRIMARY KEY, a text)")
    target.run("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "IF NEW.id = 7 AND nextval('public.deadlocks') <= 2 THEN "
               "RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$")
    target.run("CREATE TRIGGER lose BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION lose()")
    streams.create(topic())
    table = PlainTable(schemas, topic(), [("id", "int"), ("a", opt("string"))], ["id"])
    streams.produce(*(table.put({"id": i, "a": f"v{i}"}) for i in range(20)))
    one = millrace([{"topic": table.topic, "table": "t", "strategy": "append"}])
    one.load_to_end()
    assert sorted(target.query("SELECT id, a FROM t")) == [(i, f"v{i}") for i in range(20)]
    assert target.query("SELECT last_value FROM deadlocks") == [(3,)]
    assert target.letters(table.topic) == []
    retries = one.events("batch_retry")
    assert retries and all("40P01" in str(event) for event in retries)
