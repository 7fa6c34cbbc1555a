"""Contract section 10, cases 1 to 78, 80, 81 and 90: framing, Avro, envelope and reduction.

The cases are in harness/cases_*.py. One process loads a topic for each; the tests then look at what
became of their own: rows, dead letters, position, code of the halt.
"""

import json
import time

import pytest
from stack import Fault, StubRegistry

from harness import cases_avro, cases_envelope, cases_framing  # noqa: F401  they fill CASES
from harness.cases import CASES, Lab, row
from harness.instances import Instances, need_program, new_database
from harness.millrace import binary
from harness.model import difference
from harness.schemas import PlainTable, RegistryClient, opt

SETTLE_S = 100  # case 15 alone may take 30 s by contract H-03
LONG_SETTLE_S = 420  # twenty errors with backoff up to 30 s and full jitter, case 16


class World:
    """All cases, produced and loaded by one process."""

    def __init__(self, lab, cases, target, loader):
        self.lab = lab
        self.cases = cases
        self.target = target
        self.loader = loader
        self.death = ""

    def is_settled(self, number: int) -> bool:
        one, topic = self.cases[number], self.lab.topic(number)
        found = self.target.positions(topic)
        if any(found.get(p, -1) < end for p, end in one.end.items()):
            return False
        return one.halt is None or bool(self.loader.events(None, err=one.halt, topic=topic))

    def settle(self) -> None:
        """Waits until every case is where it should be, or the deadline; each test tells its own."""
        end = time.monotonic() + (LONG_SETTLE_S if self.lab.long_form else SETTLE_S)
        open_cases = set(self.cases)
        while open_cases and time.monotonic() < end:
            if not self.loader.is_running():
                self.death = f"the process ended with {self.loader.process.returncode}\n{self.loader.log_tail()}"
                return
            open_cases = {n for n in open_cases if not self.is_settled(n)}
            time.sleep(0.1)


@pytest.fixture(scope="module")
def world(run_dir, kafka, postgres, streams, long_form):
    need_program(binary())
    stub = StubRegistry().start()
    lab = Lab(stub, "conformance", long_form)
    target = new_database(postgres)
    cases = {number: build(lab, number) for number, (_, build) in CASES.items()}
    for partitions in sorted({one.partitions for one in cases.values()}):
        streams.create(*(lab.topic(n) for n, one in cases.items() if one.partitions == partitions),
                       partitions=partitions)
    routes = []
    for number, one in cases.items():
        name = lab.table_name(number)
        if one.ddl is not None:
            target.run(one.ddl.format(table=name))
        for before in one.pre:
            target.run(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(before))})", *before)
        streams.send(*one.records)
        routes.append({"topic": lab.topic(number), "table": name, **one.route})
    streams.flush()
    instances = Instances(run_dir / "tests" / "conformance", kafka, stub.url, target.url)
    loader = instances(routes).start()
    whole = World(lab, cases, target, loader)
    whole.settle()
    yield whole
    try:
        instances.end()
    finally:
        target.close()
        stub.stop()


def name_of(number: int) -> str:
    return f"{number:02d} {CASES[number][0]}"


@pytest.mark.timeout(600)  # the first one waits for the whole world, in the long form with 20 errors of case 16
@pytest.mark.parametrize("number", sorted(CASES), ids=name_of)
def test_case(world, number):
    """Contract section 10: the rows, dead letters and position that the case gives."""
    one, topic, target = world.cases[number], world.lab.topic(number), world.target
    name = world.lab.table_name(number)
    state = f"\nposition {target.positions(topic)}, letters {target.codes(topic)}\n{world.death}"
    logged = world.loader.events(None, topic=topic)
    assert target.codes(topic) == one.letters, f"dead letters\n{logged[-5:]}{state}"
    if one.rows is not None:
        found = target.query(one.query.format(table=name))
        assert not (report := difference_of(one.rows, found)), f"{report}{state}"
    assert target.positions(topic) == one.end, f"position\n{logged[-5:]}{state}"
    if one.halt is not None:
        assert world.loader.events(None, err=one.halt, topic=topic), f"no {one.halt}\n{logged[-5:]}{state}"
    if one.check is not None:
        one.check(target, world.lab)


def difference_of(expected: list[tuple], found: list[tuple]) -> str:
    """As the oracle's, for values that cannot be hashed too (jsonb, arrays)."""
    def plain(rows):
        return [tuple(json.dumps(v, sort_keys=True) if isinstance(v, (dict, list)) else v for v in one)
                for one in rows]
    width = max((len(r) for r in [*expected, *found]), default=0)
    return difference(plain(expected), plain(found), [f"column {i + 1}" for i in range(width)])


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
