"""Random changes of a table, with the oracle of what they leave."""

import random

from .model import Model, difference
from .schemas import DebeziumTable, RegistryClient, opt
from .streams import Streams

COLUMNS = [("id", "int"), ("seq", "long"), ("name", opt("string")), ("amount", opt("double"))]
NAMES = [c for c, _ in COLUMNS]


class Workload:
    """c, u, d with its tombstone, and key changes, over `n_keys` keys. `seq` numbers every change
    of the table, so that one lost or applied twice can be named."""

    def __init__(self, client: RegistryClient, topic: str, n_keys: int = 500, seed: int = 1):
        self.table = DebeziumTable(client, topic, COLUMNS, ["id"])
        self.model = Model(NAMES)
        self.random = random.Random(seed)
        self.n_keys = n_keys
        self.seq = 0

    def row(self, key: int) -> dict:
        self.seq += 1
        text = None if self.seq % 11 == 0 else f"n{self.seq} é"
        return {"id": key, "seq": self.seq, "name": text, "amount": self.seq / 4}

    def step(self, streams: Streams) -> None:
        """One change: 80 % upserts, the rest deletes; a tombstone follows a delete."""
        key = self.random.randrange(self.n_keys)
        known = (key,) in self.model.rows
        if known and self.random.random() < 0.2:
            gone = {"id": key, "seq": 0, "name": None, "amount": None}
            streams.send(self.table.delete(gone), self.table.tombstone(gone), model=self.model)
        else:
            row = self.row(key)
            record = self.table.update(row) if known else self.table.create(row)
            streams.send(record, model=self.model)

    def run(self, streams: Streams, n_changes: int) -> None:
        for _ in range(n_changes):
            self.step(streams)
        streams.flush()


class Inserts:
    """Creations only, for `append` tables: `seq` 1..n, each exactly once."""

    def __init__(self, client: RegistryClient, topic: str):
        self.table = DebeziumTable(client, topic, COLUMNS, ["id"])
        self.seq = 0

    def step(self, streams: Streams) -> None:
        self.seq += 1
        streams.send(self.table.create({"id": self.seq, "seq": self.seq, "name": f"n{self.seq}", "amount": None}))

    def run(self, streams: Streams, n_changes: int) -> None:
        for _ in range(n_changes):
            self.step(streams)
        streams.flush()


class Both:
    """Steps several workloads by turn."""

    def __init__(self, *parts):
        self.parts = parts
        self.turn = 0

    def step(self, streams: Streams) -> None:
        self.parts[self.turn % len(self.parts)].step(streams)
        self.turn += 1

    def run(self, streams: Streams, n_changes: int) -> None:
        for _ in range(n_changes):
            self.step(streams)
        streams.flush()


class Pair:
    """An upsert table with random changes and an append table that counts every record."""

    def __init__(self, streams, schemas, topic, partitions: int):
        self.streams = streams
        self.orders, self.log = topic("orders"), topic("log")
        streams.create(self.orders, self.log, partitions=partitions)
        self.changes = Workload(schemas, self.orders, n_keys=300, seed=5)
        self.inserts = Inserts(schemas, self.log)
        self.both = Both(self.changes, self.inserts)

    def routes(self) -> list[dict]:
        return [{"topic": self.orders, "table": "orders"},
                {"topic": self.log, "table": "log", "strategy": "append"}]

    def await_end(self, target, alive, deadline_s: float = 90) -> None:
        for name in (self.orders, self.log):
            target.await_loaded(self.streams, name, deadline_s, alive)

    def check(self, target) -> None:
        """Equal to the oracle, and no record twice or missing."""
        self.changes.model.check(target.rows("orders", NAMES), "orders")
        found = target.rows("log", ["seq"])
        report = difference([(i + 1,) for i in range(self.inserts.seq)], found, ["seq"])
        assert not report, f"log\n{report}"
        for name in (self.orders, self.log):
            assert target.letters(name) == []
            have = target.positions(name)
            wrong = {p: (have.get(p), end) for p, end in self.streams.ends(name).items() if have.get(p, 0) != end}
            assert not wrong, f"{name}: partition -> (position, end): {wrong}"
