"""The generators from the scheduler's side: their topics, processes, and what is sent beside them."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

from confluent_kafka import Producer

from harness import wire
from harness.schemas import DebeziumTable, opt, source_schema
from harness.streams import QUIET
from stack.process import PR_SET_PDEATHSIG, _libc

from .generator import ID_BITS, State

COLUMNS = {
    "entries": [("id", "long"), ("account", "long"), ("amount", "long")],
    "accounts": [("id", "long"), ("version", "long"), ("balance", "long")],
    "items": [("id", "long"), ("version", "long"), ("note", opt("string"))],
}
TABLES = list(COLUMNS)
STRATEGY = {"entries": "append", "accounts": "upsert", "items": "upsert"}
FORBIDDEN = 1_000_000_000       # an amount that the target's CHECK refuses
NOBODY = 1 << (ID_BITS + 10)    # ids from here on are sent by the scheduler: none of them may be loaded
N_ACCOUNTS, N_ITEMS = 4000, 20000


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, 9)


class Source:
    """Three topics, the processes that fill them, and every record that must become a dead letter."""

    def __init__(self, streams, client, prefix: str, folder: pathlib.Path, settings: dict):
        self.streams = streams
        self.client = client
        self.folder = folder
        self.topics = {name: f"{prefix}.public.{name}" for name in TABLES}
        streams.create(*self.topics.values(), partitions=settings["partitions"])
        self.tables = {name: DebeziumTable(client, self.topics[name], COLUMNS[name], ["id"]) for name in TABLES}
        self.n_generators = settings["generators"]
        self.expected_letters: dict[tuple, str] = {}   # (topic, partition, offset) -> code
        self.sent_beside = 0
        self.forged = 0
        self.last_counts: list[dict] = []
        self._failures: list[str] = []
        self._producer = Producer({"bootstrap.servers": streams.bootstrap, "enable.idempotence": True, "linger.ms": 0,
                                   "message.timeout.ms": 600_000, **QUIET})
        self._children = [self._spawn(n, settings) for n in range(self.n_generators)]

    def _spawn(self, number: int, settings: dict) -> subprocess.Popen:
        told = {"bootstrap": self.streams.bootstrap, "number": number, "seed": f"{settings['seed']}/{number}",
                "n_accounts": N_ACCOUNTS, "n_items": N_ITEMS, "tables": {
                    name: {"topic": self.topics[name], "key_id": table.key_id, "value_id": table.value_id,
                           "source_schema": source_schema(), "partitions": settings["partitions"]}
                    for name, table in self.tables.items()}}
        with open(self.folder / f"generator-{self.topics['items']}-{number}.log", "ab") as log:
            return subprocess.Popen([sys.executable, "-m", "faults.generator", json.dumps(told)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                                    preexec_fn=_die_with_parent)

    # -- the generators
    def tell(self, **what) -> None:
        for child in self._children:
            child.stdin.write(json.dumps(what) + "\n")
            child.stdin.flush()

    def _answers(self) -> list[dict]:
        found = []
        for child in self._children:
            line = child.stdout.readline()
            if not line:
                raise AssertionError(f"a generator ended with status {child.wait(10)}: see {self.folder}")
            found.append(json.loads(line))
        return found

    def go(self, per_s: float) -> None:
        self.tell(do="rate", per_s=per_s / self.n_generators)

    def settle(self) -> list[State]:
        """Pauses all; gives what each has produced once all of it is delivered."""
        paths = [str(self.folder / f"state-{n}") for n in range(self.n_generators)]
        for child, path in zip(self._children, paths):
            child.stdin.write(json.dumps({"do": "state", "path": path}) + "\n")
            child.stdin.flush()
        self.last_counts = self._answers()
        for one in self.last_counts:
            assert one["left"] == 0 and not one["failures"], f"the generator could not deliver: {one}"
        assert self._producer.flush(120) == 0 and not self._failures, f"not delivered: {self._failures[:3]}"
        return [State.read(path) for path in paths]

    @property
    def sent(self) -> int:
        """Records produced by the last settling."""
        return sum(one["sent"] for one in self.last_counts) + self.sent_beside

    def evolve_entries(self) -> None:
        """Entries get one more field; from now on each one fills it with its id."""
        columns = [*COLUMNS["entries"], ("added", opt("long"))]
        wider = DebeziumTable(self.client, self.topics["entries"], columns, ["id"])
        self.tables["entries"] = wider
        self.tell(do="schema", entries=wider.value_id, added=True)

    def renew_schema(self, number: int) -> None:
        """The same fields of entries under a schema id that nobody has seen yet."""
        schema = json.loads(json.dumps(self.tables["entries"].envelope_schema))
        schema["doc"] = f"version {number}"
        schema_id = self.client.register(f"{self.topics['entries']}-value", schema)
        self.tell(do="schema", entries=schema_id, added=self.is_evolved)

    @property
    def is_evolved(self) -> bool:
        return len(self.tables["entries"].columns) > len(COLUMNS["entries"])

    def add_partition(self) -> int:
        total = self.streams.partition_count(self.topics["entries"]) + 1
        self.streams.add_partitions(self.topics["entries"], total)
        self.tell(do="partitions", entries=total)
        return total

    # -- what is sent beside them
    def bad(self, name: str, value: bytes, code: str, partition: int = 0) -> None:
        """A record that must be a dead letter with this code, where the broker says that it put it."""
        topic = self.topics[name]

        def delivered(error, message) -> None:
            if error is not None:
                self._failures.append(str(error))
            else:
                self.expected_letters[(topic, message.partition(), message.offset())] = code
        self.forged += 1
        key = self.tables[name].key_bytes({"id": NOBODY + self.forged})
        self._producer.produce(topic, key=key, value=value, partition=partition, on_delivery=delivered)
        self.sent_beside += 1

    def flush(self) -> None:
        self._producer.flush(120)

    def truncated(self) -> bytes:
        """An envelope that ends in the middle."""
        table = self.tables["entries"]
        return wire.confluent(table.value_id, b"\x00\x02" + wire.zigzag(NOBODY))

    def forbidden(self) -> bytes:
        """An entry that only the target refuses."""
        row = {"id": NOBODY + self.forged, "account": NOBODY, "amount": FORBIDDEN}
        table = self.tables["entries"]
        return table.envelope("c", None, {name: row.get(name) for name, _ in table.columns})

    def unknown_schema(self) -> bytes:
        return wire.confluent(990_099, b"\x00")

    @contextlib.contextmanager
    def open_transaction(self, n_records: int):
        """Entries of a transaction that stays open inside the `with`, and is aborted at its end."""
        producer = Producer({"bootstrap.servers": self.streams.bootstrap, "transactional.id": f"faults-{os.getpid()}",
                             "transaction.timeout.ms": 60_000, **QUIET})
        producer.init_transactions(30)
        producer.begin_transaction()
        topic, table = self.topics["entries"], self.tables["entries"]
        for n in range(n_records):
            row = {"id": NOBODY + (1 << 20) + n, "account": NOBODY, "amount": 0}
            value = table.envelope("c", None, {name: row.get(name) for name, _ in table.columns})
            producer.produce(topic, key=table.key_bytes(row), value=value, partition=n % 2)
        producer.flush(30)
        try:
            yield
        finally:
            producer.abort_transaction(30)

    def ends(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> end offset, as an end-of-partition event would say it."""
        return {(topic, p): end for topic in self.topics.values() for p, end in self.streams.ends(topic).items()}

    def end(self) -> None:
        for child in self._children:
            with contextlib.suppress(OSError):
                child.stdin.close()
        until = time.monotonic() + 10
        for child in self._children:
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)


