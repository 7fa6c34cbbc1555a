"""Dead letters in a topic (docs/design.md section 6): their bytes and headers, and that none is lost."""

import os
import re
import time

import pytest

from harness.schemas import PlainTable, Record, opt
from harness.target import SqliteTarget
from harness.waiting import await_

PREFIX = "__connect.errors."
COLUMNS = [("id", "int"), ("a", opt("string"))]


@pytest.fixture
def table(streams, schemas, topic):
    streams.create(topic("orders"), partitions=2)
    return PlainTable(schemas, topic("orders"), COLUMNS, ["id"])


def bad(table, number, headers=()):
    """A record that does not decode; every one has bytes of its own."""
    return Record(table.topic, b"key-%d" % number, b"\x07junk\x00\xff-%d" % number, list(headers), partition=number % 2)


def written(streams, name: str) -> list:
    """All records of the topic now."""
    return streams.read(name)


def place(message) -> tuple[int, int]:
    """Where the letter's record was."""
    headers = dict(message.headers())
    return int(headers[PREFIX + "partition"]), int(headers[PREFIX + "offset"])


def letters_of(one) -> str:
    return f"{one.pipeline}.dlq"


# design.md section 6
def test_a_letter_is_its_record_with_headers_of_kafka_connect_and_ours_behind_its_own(table, streams, millrace, target):
    """The topic is made; refused rows come as records too; the target's table of letters stays empty. A letter's key
    names it, so that a record without a value closes it; its own time is when it was put aside."""
    target.run("CREATE TABLE orders(id int PRIMARY KEY, a text CONSTRAINT good CHECK (a <> 'bad'))")
    sent = bad(table, 1, [("trace", b"\x00\x01"), ("none", None), ("trace", b"again")])
    good, refused = table.put({"id": 1, "a": "x"}), table.put({"id": 7, "a": "bad"})
    good.partition = refused.partition = 0
    streams.produce(good, sent, Record(table.topic, None, b"\x07", partition=1), refused)
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"to": "topic"})
    one.load_to_end()
    found = {place(m): m for m in written(streams, letters_of(one))}
    assert len(found) == 3 and target.letters(table.topic) == [] and target.count("orders") == 1
    letter = found[(1, 0)]
    place_of = f"{one.pipeline}/{table.topic}-1-0-".encode()
    assert letter.key().startswith(place_of) and len(letter.key()) == len(place_of) + 8
    assert letter.value() == sent.value and abs(letter.timestamp()[1] / 1000 - time.time()) < 600
    assert letter.headers()[:3] == [("trace", b"\x00\x01"), ("none", None), ("trace", b"again")]
    ours = dict(letter.headers()[12:])
    assert ours["__millrace.key"] == sent.key and int(ours["__millrace.timestamp"]) > 0
    assert set(ours) == {"__millrace.key", "__millrace.timestamp", "__millrace.table"}
    headers = {name[len(PREFIX):]: value.decode() for name, value in letter.headers()[3:12]}
    message = headers.pop("exception.message")
    assert "framing.unknown_magic" in message or "magic" in message
    assert headers == {
        "topic": table.topic, "partition": "1", "offset": "0", "connector.name": one.pipeline,
        "task.id": headers["task.id"], "stage": "VALUE_CONVERTER", "class.name": "millrace",
        "exception.class.name": "framing.unknown_magic"}
    assert dict(found[(1, 1)].headers())["__millrace.key"] is None and found[(1, 1)].value() == b"\x07"
    other = found[(0, 1)]
    assert other.value() == refused.value and dict(other.headers())["__millrace.key"] == refused.key
    assert dict(other.headers())["__millrace.table"].endswith(b"orders")
    assert dict(other.headers())[PREFIX + "exception.class.name"] == b"db.23514"
    assert dict(other.headers())[PREFIX + "stage"] == b"TASK_PUT"


# design.md section 6
def test_no_route_takes_the_topic_of_letters(table, streams, millrace, target):
    streams.produce(bad(table, 1), table.put({"id": 1, "a": "x"}))
    letters = f"{table.topic}.dlq"
    one = millrace([{"topic_regex": f"^{re.escape(table.topic)}(.dlq)?$", "table": "orders"}],
                   dlq={"to": "topic", "topic": letters})
    one.load_to_end()
    one.load_to_end()
    assert len(written(streams, letters)) == 1 and target.positions(letters) == {}
    named = millrace([{"topic": letters, "table": "orders"}], dlq={"to": "topic", "topic": letters}).command("check")
    assert named.returncode == 78 and "dlq.topic" in named.stderr + named.stdout, named


# design.md section 6
def test_a_broker_that_is_away_keeps_the_flush_waiting_and_no_letter_is_lost(table, streams, millrace, target, kafka):
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"to": "topic", "max_ratio": 1.0}).start()
    for start in range(0, 60, 20):
        streams.produce(*(bad(table, start + i) for i in range(20)), table.put({"id": start, "a": "x"}))
        if start == 20:
            kafka.kill()
            kafka.start()
    target.await_loaded(streams, table.topic, 120, one.must_run)
    assert {m.value() for m in written(streams, letters_of(one))} == {bad(table, i).value for i in range(60)}


# design.md section 6; P1
def test_killed_again_and_again_each_bad_record_has_a_letter(table, streams, millrace, target):
    """At least one: a flush that did not commit is written again, under the same key."""
    n_bad = 300
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"to": "topic", "max_ratio": 1.0},
                   kafka={"session_timeout_ms": 1200}, batch={"max_rows": 7, "max_wait": "20ms"})
    streams.produce(*(r for i in range(n_bad) for r in (bad(table, i), table.put({"id": i, "a": "x"}))))
    for _ in range(6):
        before = target.count("orders") if target.positions(table.topic) else 0
        one.start()
        if before == n_bad:
            break
        await_(lambda n=before: target.positions(table.topic) and target.count("orders") > n, 60,
               lambda: f"progress\n{one.log_tail()}", one.must_run)
        time.sleep(0.05)  # not a wait: the moment of the kill
        one.kill()
    if not one.is_running():
        one.start()
    target.await_loaded(streams, table.topic, 120, one.must_run)
    found = written(streams, letters_of(one))
    assert {m.value() for m in found} == {bad(table, i).value for i in range(n_bad)}
    assert len({place(m) for m in found}) == n_bad == len({m.key() for m in found}) and target.count("orders") == n_bad


# design.md section 6; decision 030; K-11
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_letter_too_large_for_the_topic_stands_in_the_table_and_all_others_in_the_topic(
        table, streams, millrace, target, kind, tmp_path):
    """No flush waits for a topic that will never take it; nor do small letters that come in one pack with it."""
    place_of = target if kind == "postgresql" else SqliteTarget(tmp_path / "target.db")
    one = millrace([{"topic": table.topic, "table": "orders"}], target={"url": place_of.url},
                   dlq={"to": "topic", "max_ratio": 1.0})
    streams.create(letters_of(one), config={"max.message.bytes": "4000"})
    large = Record(table.topic, b"large", b"\x07" + os.urandom(8000), [("h", b"1")], partition=0)
    small = [bad(table, 2 * i) for i in range(40)]  # together more than the topic takes
    streams.produce(*small[:20], large, *small[20:], table.put({"id": 1, "a": "x"}))
    one.load_to_end()
    assert {m.value() for m in written(streams, letters_of(one))} == {m.value for m in small}
    letters = "millrace_dead_letters" if kind == "sqlite" else "millrace.dead_letters"
    assert [(o, bytes(v)) for o, v in place_of.query(f'SELECT "offset", value FROM {letters}')] == [(20, large.value)]
    assert place_of.count("orders") == 1 and "letter_too_large" in one.log_tail(200)
    assert f"{table.topic}/0@20" in one.command("dlq", "list", "-o", "dlq.to=table").stdout


def test_check_says_whether_the_topic_can_be_had(table, streams, millrace):
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"to": "topic"})
    done = one.command("check")
    assert "can be made, for dead letters" in done.stdout, done.stdout + done.stderr
    streams.create(letters_of(one))
    told = one.command("check").stdout
    assert "is there, for dead letters" in told and 'has no "compact"' in told and "letters are removed after" in told
    kept = f"{table.topic}.kept"
    other = millrace([{"topic": table.topic, "table": "orders"}], dlq={"to": "topic", "topic": kept})
    streams.create(kept, config={"cleanup.policy": "compact,delete", "retention.ms": "-1"})
    told = other.command("check").stdout
    assert "is there, for dead letters" in told and 'no "compact"' not in told and "letters are removed" not in told
