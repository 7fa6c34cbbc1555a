"""Many cases, each with a topic, a route and a table of its own, loaded by one process."""

import contextlib
import json
import time

from stack import StubRegistry

from .cases import Lab
from .instances import Instances, need_program, new_database
from .millrace import binary
from .model import difference

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

    def check(self, number: int) -> None:
        """The rows, dead letters, position and halt that the case gives."""
        one, topic, target = self.cases[number], self.lab.topic(number), self.target
        name = self.lab.table_name(number)
        state = f"\nposition {target.positions(topic)}, letters {target.codes(topic)}\n{self.death}"
        logged = self.loader.events(None, topic=topic)
        assert target.codes(topic) == one.letters, f"dead letters\n{logged[-5:]}{state}"
        if one.rows is not None:
            found = target.query(one.query.format(table=name))
            assert not (report := difference_of(one.rows, found)), f"{report}{state}"
        assert target.positions(topic) == one.end, f"position\n{logged[-5:]}{state}"
        if one.halt is not None:
            assert self.loader.events(None, err=one.halt, topic=topic), f"no {one.halt}\n{logged[-5:]}{state}"
        if one.check is not None:
            one.check(target, self.lab)


def difference_of(expected: list[tuple], found: list[tuple]) -> str:
    """As the oracle's, for values that cannot be hashed too (jsonb, arrays)."""
    def plain(rows):
        return [tuple(json.dumps(v, sort_keys=True) if isinstance(v, (dict, list)) else v for v in one)
                for one in rows]
    width = max((len(r) for r in [*expected, *found]), default=0)
    return difference(plain(expected), plain(found), [f"column {i + 1}" for i in range(width)])


@contextlib.contextmanager
def settled(name: str, builders: dict, run_dir, servers, streams, long_form: bool = False):
    """A World in which the cases of `builders` (number -> (title, function)) are loaded. `servers`: Kafka and
    PostgreSQL. It has a database, a stub registry and one process of its own."""
    need_program(binary())
    kafka, postgres = servers
    stub = StubRegistry().start()
    lab = Lab(stub, name, long_form)
    target = new_database(postgres)
    cases = {number: build(lab, number) for number, (_, build) in builders.items()}
    for partitions in sorted({one.partitions for one in cases.values()}):
        streams.create(*(lab.topic(n) for n, one in cases.items() if one.partitions == partitions),
                       partitions=partitions)
    routes = []
    for number, one in cases.items():
        table = lab.table_name(number)
        if one.ddl is not None:
            target.run(one.ddl.format(table=table))
        for before in one.pre:
            target.run(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(before))})", *before)
        streams.send(*one.records)
        routes.append({"topic": lab.topic(number), "table": table, **one.route})
    streams.flush()
    instances = Instances(run_dir / "tests" / name, kafka, stub.url, target.url)
    loader = instances(routes).start()
    whole = World(lab, cases, target, loader)
    whole.settle()
    try:
        yield whole
    finally:
        try:
            instances.end()
        finally:
            target.close()
            stub.stop()
