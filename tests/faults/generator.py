"""A process that produces records fast and knows what they must come to.

    python -m faults.generator '{"bootstrap": ..., "number": 0, ...}'

Commands and answers are lines of JSON on standard input and output:
    {"do": "rate", "per_s": 6000}              goes on at this rate; 0: pauses
    {"do": "settle"}                           pauses, delivers all; answers the counts
    {"do": "state", "path": FILE}              as settle; writes the last versions there (State)
    {"do": "schema", "entries": 17, "added": true}   writes later entries with this schema, with a field `added` or not
    {"do": "partitions", "entries": 6}         later entries go to so many partitions

One step is three changes: an entry of an account (`entries`, append), that account's new balance (`accounts`,
upsert), and a new version or the deletion of an item (`items`, upsert). So each account's version is the number
of its entries and its balance their sum, whatever this process remembers.
"""

import array
import json
import queue
import random
import sys
import threading
import time

from confluent_kafka import Producer

from harness import wire

ID_BITS = 40      # an entry's id: generator << 40 | number from 1 on
TICK_S = 0.005
MOST_A_TICK = 400
MOST_QUEUED = 300_000
AMOUNTS = 2000    # amounts lie between -AMOUNTS and AMOUNTS
SOURCE = {"version": "3.5.0.Final", "connector": "postgresql", "name": "f", "ts_ms": 1_700_000_000_000,
          "snapshot": "false", "db": "shop", "sequence": None, "schema": "public", "table": "t", "txId": 7, "lsn": 8}


class State:
    """What one generator has produced: the number of entries; each account's version and balance; each item's
    version, negative once it was deleted."""

    def __init__(self, n_accounts: int, n_items: int):
        self.entries = 0
        self.versions = array.array("q", bytes(8 * n_accounts))
        self.balances = array.array("q", bytes(8 * n_accounts))
        self.items = array.array("q", bytes(8 * n_items))

    def write(self, path: str) -> None:
        with open(path, "wb") as out:
            array.array("q", [self.entries, len(self.versions), len(self.items)]).tofile(out)
            for part in (self.versions, self.balances, self.items):
                part.tofile(out)

    @staticmethod
    def read(path: str) -> "State":
        with open(path, "rb") as octets:
            head = array.array("q")
            head.fromfile(octets, 3)
            state = State(0, 0)
            state.entries = head[0]
            for part, length in ((state.versions, head[1]), (state.balances, head[1]), (state.items, head[2])):
                part.fromfile(octets, length)
        return state


class Form:
    """The constant bytes around a row of one table: made once by fastavro, so that a record costs a few appends."""

    def __init__(self, told: dict):
        self.topic = told["topic"]
        self.key_head = wire.confluent(told["key_id"], b"")
        source = wire.datum(told["source_schema"], SOURCE)

        def end(op: str) -> bytes:
            return source + wire.string(op) + b"\x02" + wire.zigzag(1_700_000_000_100) + b"\x00"
        self.created, self.updated = end("c"), end("u")
        self.deleted = b"\x00" + end("d")  # no `after`
        self.put_head, self.delete_head = b"", b""
        self.take_schema(told["value_id"])

    def take_schema(self, value_id: int) -> None:
        self.put_head = wire.confluent(value_id, b"\x00\x02")
        self.delete_head = wire.confluent(value_id, b"\x02")


class Generator:
    def __init__(self, told: dict):
        self.number = told["number"]
        self.base = self.number << ID_BITS
        self.state = State(told["n_accounts"], told["n_items"])
        self.entries, self.accounts, self.items = (Form(told["tables"][n]) for n in ("entries", "accounts", "items"))
        self.partitions = {name: told["tables"][name]["partitions"] for name in told["tables"]}
        self.evolved = False
        self.random = random.Random(told["seed"])
        self.sent = 0
        self.rate = 0.0
        self.began, self.made = time.monotonic(), 0
        self.failures: list[str] = []
        self.statistics = ""
        self.producer = Producer({
            "bootstrap.servers": told["bootstrap"], "enable.idempotence": True, "linger.ms": 5,
            "log_level": 7, "debug": "eos,topic,metadata",  # into the log: why it could not deliver
            "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500, "delivery.report.only.error": True,
            "queue.buffering.max.messages": 4 * MOST_QUEUED, "queue.buffering.max.kbytes": 1 << 20,
            "message.timeout.ms": 900_000, "on_delivery": self._delivered, "request.timeout.ms": 10_000,
            "statistics.interval.ms": 10_000, "stats_cb": self._counted})

    def _counted(self, statistics: str) -> None:
        self.statistics = statistics

    def _delivered(self, error, message) -> None:
        if error is not None:
            self.failures.append(f"{message.topic()}: {error}")

    # -- records
    def step(self) -> None:
        number, chance = wire.zigzag, self.random.random
        state = self.state
        account = int(chance() * len(state.versions))
        amount = int(chance() * 2 * AMOUNTS) - AMOUNTS
        state.entries += 1
        version = state.versions[account] = state.versions[account] + 1
        balance = state.balances[account] = state.balances[account] + amount
        account_id = number(self.base + account)
        self._entry(number(self.base + state.entries), account_id, number(amount))
        form = self.accounts
        self.producer.produce(
            form.topic, key=form.key_head + account_id, partition=account % self.partitions["accounts"],
            value=form.put_head + account_id + number(version) + number(balance)
            + (form.created if version == 1 else form.updated))
        self._item(int(chance() * len(state.items)), chance() < 0.15)
        self.sent += 2

    def _entry(self, entry_id: bytes, account_id: bytes, amount: bytes) -> None:
        form = self.entries
        end = b"\x02" + entry_id + form.created if self.evolved else form.created
        self.producer.produce(form.topic, key=form.key_head + entry_id,
                              partition=self.state.entries % self.partitions["entries"],
                              value=form.put_head + entry_id + account_id + amount + end)

    def _item(self, item: int, delete: bool) -> None:
        form, state = self.items, self.state
        item_id = wire.zigzag(self.base + item)
        last = state.items[item]
        key, partition = form.key_head + item_id, item % self.partitions["items"]
        if delete and last > 0:
            state.items[item] = -last
            self.producer.produce(form.topic, key=key, partition=partition,
                                  value=form.delete_head + item_id + b"\x00\x00" + form.deleted)
            self.producer.produce(form.topic, key=key, partition=partition, value=None)
            self.sent += 2
            return
        version = state.items[item] = abs(last) + 1
        note = b"\x00" if version % 11 == 0 else b"\x02" + wire.string(f"{version} é {item}")
        self.producer.produce(form.topic, key=key, partition=partition, value=form.put_head + item_id
                              + wire.zigzag(version) + note + (form.updated if last > 0 else form.created))
        self.sent += 1

    # -- life
    def tick(self) -> None:
        """What is due by now. What a broker's absence held up comes after it, but never at once."""
        due = int((time.monotonic() - self.began) * self.rate / 3) - self.made
        if due <= 0 or len(self.producer) > MOST_QUEUED:
            self.producer.poll(TICK_S)
            return
        for _ in range(min(due, MOST_A_TICK)):
            self.step()
        self.made += min(due, MOST_A_TICK)
        self.producer.poll(0)

    def settle(self) -> dict:
        self.rate = 0
        left = self.producer.flush(300)
        if left > 0:
            print(f"{left} records were not delivered: {self.statistics}", file=sys.stderr, flush=True)
        return {"sent": self.sent, "entries": self.state.entries, "left": left, "failures": self.failures[:3]}

    def obey(self, told: dict) -> dict | None:
        if told["do"] == "rate":
            self.rate, self.began, self.made = told["per_s"], time.monotonic(), 0
            return None
        if told["do"] == "schema":
            self.entries.take_schema(told["entries"])
            self.evolved = told["added"]
            return None
        if told["do"] == "partitions":
            self.partitions["entries"] = told["entries"]
            self.producer.list_topics(self.entries.topic, timeout=30)
            return None
        answer = self.settle()
        if told["do"] == "state":
            self.state.write(told["path"])
        return answer

    def run(self) -> None:
        commands: queue.SimpleQueue = queue.SimpleQueue()

        def listen() -> None:
            for line in sys.stdin:
                commands.put(json.loads(line))
            commands.put(None)
        threading.Thread(target=listen, daemon=True).start()
        while True:
            try:
                told = commands.get(block=not self.rate)
            except queue.Empty:
                self.tick()
                continue
            if told is None:
                return
            answer = self.obey(told)
            if answer is not None:
                print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    Generator(json.loads(sys.argv[1])).run()
