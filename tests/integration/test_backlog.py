"""P3: a backlog of a million records in under 100 MB. Prints what it took; no time is asserted."""

import time

import pytest

from harness import wire
from harness.schemas import DebeziumTable, Record, opt

COLUMNS = [("id", "long"), ("customer", "int"), ("status", "string"), ("amount", "double"),
           ("note", opt("string")), ("created", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}),
           ("paid", "boolean"), ("region", "string"), ("weight", "double"), ("version", "int")]
MAX_RSS_KIB = 100_000


@pytest.fixture(scope="module")
def n_rows(long_form) -> int:
    return 1_000_000 if long_form else 200_000


@pytest.fixture(scope="module")
def backlog(streams, schemas, n_rows):
    """A topic of one partition with `n_rows` Debezium inserts. The row's bytes are put together by
    hand where they differ: encoding a million envelopes in Python takes longer than loading them."""
    name = "backlog.public.orders"
    streams.create(name, config={"segment.bytes": str(256 << 20)})
    table = DebeziumTable(schemas, name, COLUMNS, ["id"])
    row = {"id": 1, "customer": 77, "status": "shipped", "amount": 99.5, "note": "left at the door",
           "created": 1_700_000_000_000_000, "paid": True, "region": "north", "weight": 1.25, "version": 3}
    whole = table.create(row).value
    head = whole[:5] + b"\x00\x02"  # before is null, after is not
    assert whole.startswith(head + wire.zigzag(1))
    tail = whole[len(head) + 1:]
    key_head = wire.header_id(table.key_id)
    for i in range(n_rows):
        number = wire.zigzag(i)
        streams.send(Record(name, key_head + number, head + number + tail, partition=0))
    streams.flush()
    return table


def watch(one) -> tuple[int, float, float]:
    """Peak RSS in KiB, CPU seconds and wall seconds, sampled until the process ends."""
    began = time.monotonic()
    rss, cpu = 0, 0.0
    while one.is_running():
        try:
            rss, cpu = one.peak_rss_kib(), one.cpu_seconds()
        except (OSError, TypeError):
            break
        assert time.monotonic() - began < 240, f"too long\n{one.log_tail()}"
        time.sleep(0.01)
    return rss, cpu, time.monotonic() - began


@pytest.mark.timeout(600)
@pytest.mark.parametrize("strategy", ["upsert", "append"])
def test_a_backlog_is_loaded_in_bounded_memory(strategy, backlog, streams, millrace, target, release_program, n_rows,
                                               capsys):
    """P3: peak resident memory under 100 MB, whatever the backlog."""
    one = millrace([{"topic": backlog.topic, "table": "orders", "strategy": strategy}], program=release_program,
                   batch={"max_wait": "500ms"})
    one.start("--until-caught-up")
    rss_kib, cpu_s, wall_s = watch(one)
    assert one.wait(30) == 0, one.log_tail()
    assert target.count("orders") == n_rows
    assert target.positions(backlog.topic) == {0: n_rows}
    with capsys.disabled():
        print(f"\n  {strategy}: {n_rows} rows, {n_rows / wall_s:.0f} rows/s with start and stop, "
              f"{cpu_s:.2f} s CPU, peak RSS {rss_kib / 1024:.1f} MiB")
    assert 0 < rss_kib < MAX_RSS_KIB, f"peak RSS {rss_kib} KiB"


def test_many_partitions_do_not_cost_more_memory(streams, schemas, millrace, target, release_program, n_rows, topic):
    """P3, design 4: the fetch queues are bounded by lane, not by partition."""
    name = topic("spread")
    streams.create(name, partitions=24)
    table = DebeziumTable(schemas, name, [("id", "long"), ("text", "string")], ["id"])
    sample = table.create({"id": 1, "text": "x" * 500}).value
    head, tail = sample[:7], sample[8:]
    key_head = wire.header_id(table.key_id)
    total = n_rows // 2
    for i in range(total):
        number = wire.zigzag(i)
        streams.send(Record(name, key_head + number, head + number + tail, partition=i % 24))
    streams.flush()
    one = millrace([{"topic": name, "table": "spread"}], program=release_program)
    one.start("--until-caught-up")
    rss_kib, _, _ = watch(one)
    assert one.wait(30) == 0, one.log_tail()
    assert target.count("spread") == total
    assert 0 < rss_kib < MAX_RSS_KIB, f"peak RSS {rss_kib} KiB"


def test_the_oversized_record_is_put_aside_and_memory_stays(streams, schemas, topic, millrace, target, release_program):
    """F-15, G-06: limits.record_max_bytes."""
    name = topic("large")
    streams.create(name, config={"max.message.bytes": str(32 << 20)})
    table = DebeziumTable(schemas, name, [("id", "int"), ("text", opt("string"))], ["id"])
    streams.produce(table.create({"id": 1, "text": "a"}), table.create({"id": 2, "text": "b" * (3 << 20)}),
                    table.create({"id": 3, "text": "c" * (1 << 20)}), table.create({"id": 4, "text": "d"}))
    one = millrace([{"topic": name, "table": "large"}], program=release_program, limits={"record_max_bytes": "2MiB"})
    one.load_to_end()
    assert sorted(target.query("SELECT id, length(text) FROM large")) == [(1, 1), (3, 1 << 20), (4, 1)]
    assert target.codes(name) == [(1, "framing.too_large")]
