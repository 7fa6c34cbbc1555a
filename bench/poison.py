"""What one record that only the target refuses costs a load: two topics of the same records, one of which breaks a
CHECK in the middle of the second. Loads of the two take turns; each pair is a ratio of their speeds. What a run takes
that finds nothing to load (start, claims, the end; the median of five) is taken off all."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import tempfile
import time

from harness import wire
from harness.instances import new_database
from harness.millrace import Millrace
from harness.schemas import DebeziumTable, RegistryClient, opt
from harness.streams import Streams
from stack import Kafka, Postgres, Registry

COLUMNS = [("id", "long"), ("customer", "int"), ("status", "string"), ("amount", "double"), ("note", opt("string")),
           ("flag", "boolean")]
N_KINDS = 1000
TABLE = ("CREATE TABLE {}(id bigint PRIMARY KEY, customer integer NOT NULL, status text NOT NULL, "
         "amount double precision NOT NULL, note text CONSTRAINT no_poison CHECK (note <> 'poison'), "
         "flag boolean NOT NULL)")


def row(number: int, note: str | None) -> dict:
    return {"id": number, "customer": number % N_KINDS, "status": "paid", "amount": number % N_KINDS / 4, "note": note,
            "flag": number % 2 == 0}


def produce(streams: Streams, table: DebeziumTable, n_rows: int, poisoned: set[int]) -> None:
    """Envelopes of inserts. All but the key is encoded once for each kind of row: Python would take minutes."""
    key_frame = wire.confluent(table.key_id, b"")
    heads = {number: table.envelope("c", None, row(number, "poison")) for number in poisoned}
    kinds = []
    for kind in range(N_KINDS):
        whole = table.envelope("c", None, row(kind, None if kind % 3 else f"note {kind}"))
        # magic, schema id, no before, an after; then the key, which is the first column
        start = 5 + 1 + 1
        kinds.append((whole[:start], whole[start + len(wire.zigzag(kind)):]))
    producer = streams.bulk()
    for number in range(n_rows):
        head, tail = kinds[number % N_KINDS]
        key = wire.zigzag(number)
        value = heads.get(number) or head + key + tail
        while True:
            try:
                producer.produce(table.topic, value, key_frame + key, partition=0)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


class Bench:
    def __init__(self, folder: pathlib.Path, options):
        self.folder = folder
        self.options = options
        self.kafka = Kafka(folder / "kafka").start()
        self.postgres = Postgres(folder / "postgres").start()
        self.registry = Registry(folder / "registry").start()
        self.streams = Streams(self.kafka.bootstrap)
        self.target = new_database(self.postgres)
        self.n_runs = 0
        self.idle_s = 0.0

    def stop(self) -> None:
        self.registry.stop()
        self.kafka.stop()
        self.postgres.remove()

    def make(self, name: str, poisoned: set[int]) -> None:
        topic = f"bench.public.{name}"
        self.streams.create(topic)
        table = DebeziumTable(RegistryClient(self.registry.url), topic, COLUMNS, ["id"])
        produce(self.streams, table, self.options.rows, poisoned)
        assert self.streams.ends(topic) == {0: self.options.rows}

    def load(self, name: str, fresh: bool = True) -> float:
        """Seconds of a whole run over the topic, into an empty table; or of one that finds nothing new."""
        if fresh:
            self.n_runs += 1
            self.target.run(f"DROP TABLE IF EXISTS {name}")
            self.target.run(TABLE.format(name))
            self.target.run("DROP SCHEMA IF EXISTS millrace CASCADE")
            self.target.run("CHECKPOINT")
        one = Millrace(self.folder / "run", {
            "pipeline": f"bench{self.n_runs}", "kafka": {"bootstrap_servers": self.kafka.bootstrap},
            "registry": {"url": self.registry.url}, "target": {"url": self.target.url},
            "tables": [{"topic": f"bench.public.{name}", "table": name}]})
        began = time.monotonic()
        one.load_to_end(timeout_s=600)
        return time.monotonic() - began

    def warm_up(self) -> None:
        self.pair(False)  # ends with the clean topic, of which nothing is left then
        self.idle_s = statistics.median(self.load("clean", fresh=False) for _ in range(5))

    def pair(self, first_clean: bool) -> tuple[float, float]:
        """Speeds of the clean topic and of the poisoned one, rows/s."""
        speeds = {}
        for name in ("clean", "poisoned") if first_clean else ("poisoned", "clean"):
            whole = self.load(name)
            bad = self.options.bad if name == "poisoned" else 0
            n_rows, n_letters = self.target.count(name), len(self.target.letters(f"bench.public.{name}"))
            assert (n_rows, n_letters) == (self.options.rows - bad, bad), (name, n_rows, n_letters)
            speeds[name] = self.options.rows / (whole - self.idle_s)
        return speeds["clean"], speeds["poisoned"]


def interval(values: list[float]) -> tuple[float, float, float]:
    """The widest-known interval of a median without a distribution: order statistics k and n + 1 - k, and how sure
    they are. For seven values the second and the last but one hold the median with 87.5 %, the ends with 98.4 %."""
    ordered = sorted(values)
    n = len(ordered)
    cover = 1.0
    picked = (ordered[0], ordered[-1], 1 - 2 * 0.5 ** n)
    choose = 1
    for k in range(1, n // 2 + 1):
        cover -= 2 * choose * 0.5 ** n
        if cover < 0.95:
            break
        picked = (ordered[k - 1], ordered[n - k], cover)
        choose = choose * (n - k + 1) // k
    return picked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--bad", type=int, default=1, help="records that the target refuses")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="poison-", dir=os.environ.get("MR_BENCH_DIR")))
    folder.chmod(0o755)
    bench = Bench(folder, options)
    try:
        bench.make("clean", set())
        bench.make("poisoned", {options.rows * (2 * i + 1) // (2 * options.bad) for i in range(options.bad)})
        bench.warm_up()
        pairs = []
        print(f"a run that finds nothing: {bench.idle_s:.2f} s")
        print(f"{'pair':>4} {'clean rows/s':>13} {'poisoned rows/s':>16} {'ratio':>7}")
        for n in range(options.pairs):
            clean, poisoned = bench.pair(n % 2 == 0)
            pairs.append((clean, poisoned))
            print(f"{n + 1:>4} {clean:>13,.0f} {poisoned:>16,.0f} {poisoned / clean:>7.3f}", flush=True)
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    ratios = [poisoned / clean for clean, poisoned in pairs]
    low, high, sure = interval(ratios)
    print(json.dumps({
        "poison.rows": options.rows, "poison.bad": options.bad, "poison.pairs": options.pairs,
        "poison.clean_rows_per_s": round(statistics.median(c for c, _p in pairs)),
        "poison.rows_per_s": round(statistics.median(p for _c, p in pairs)),
        "poison.ratio": round(statistics.median(ratios), 3),
        "poison.ratio_low": round(low, 3), "poison.ratio_high": round(high, 3), "poison.ratio_sure": round(sure, 3)}))


if __name__ == "__main__":
    main()
