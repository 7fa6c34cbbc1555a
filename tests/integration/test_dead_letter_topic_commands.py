"""millrace dlq on letters of a topic (docs/design.md section 6, decision 031): all that it does on a table's."""

import base64
import json
import sqlite3
import subprocess

import psycopg
import pytest
from confluent_kafka import Producer

from harness.schemas import DebeziumTable, PlainTable, Record, opt
from harness.streams import QUIET
from harness.target import SqliteTarget
from harness.waiting import await_

COLUMNS = [("id", "int"), ("a", opt("string")), ("version", "long")]
USAGE, DATA_ERROR, AWAY = 64, 65, 69
TOPIC = {"dlq": {"to": "topic", "max_ratio": 1.0}}  # the breaker is another test's


class Place:
    """One of both targets, with what these tests ask and do by hand."""

    def __init__(self, target):
        self.target = target
        self.url = target.url
        self.sqlite = isinstance(target, SqliteTarget)

    def table(self, name: str) -> str:
        return f"millrace_{name}" if self.sqlite else f"millrace.{name}"

    def run(self, statement: str) -> None:
        link = sqlite3.connect(self.target.path, timeout=30) if self.sqlite else \
            psycopg.connect(self.url, autocommit=True, connect_timeout=10)
        try:
            link.execute(statement)
            link.commit()
        finally:
            link.close()

    def notes(self) -> list[tuple]:
        return self.target.query(f"SELECT letter FROM {self.table('replayed_letters')}")


@pytest.fixture(params=["postgresql", "sqlite"])
def place(request, target, tmp_path):
    return Place(target if request.param == "postgresql" else SqliteTarget(tmp_path / "target.db"))


@pytest.fixture
def orders(streams, schemas, topic):
    name = topic("orders")
    streams.create(name)
    return PlainTable(schemas, name, COLUMNS, ["id"])


def row(key: int, a: str, version: int = 1) -> dict:
    return {"id": key, "a": a, "version": version}


def dlq(one, *args: str, expect: int = 0) -> str:
    done = one.command("dlq", *args)
    assert done.returncode == expect, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr if expect == USAGE else done.stdout


def dlq_json(one, *args: str, expect: int = 0):
    return json.loads(dlq(one, *args, "--json", expect=expect))


def states(one) -> dict[int, str]:
    return {e["offset"]: e["state"] for e in dlq_json(one, "list", "--state", "all", "--all")}


def put_in_topic(streams, name: str, *records) -> None:
    """(key, value, headers), to where the client puts the key."""
    producer = Producer({"bootstrap.servers": streams.bootstrap, **QUIET})
    errors = []
    for key, value, headers in records:
        producer.produce(name, key=key, value=value, headers=headers, on_delivery=lambda e, _m: errors.append(e))
    assert producer.flush(30) == 0 and errors == [None] * len(records)


def doubled(orders, streams, place, one) -> None:
    """A unique index that one record breaks, one with a byte too many, one of no framing, a delete of no framing."""
    streams.produce(orders.put(row(1, "x")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    good = orders.put(row(3, "y"))
    trailing = orders.put(row(4, "z"))
    streams.produce(orders.put(row(2, "x")), Record(orders.topic, trailing.key, trailing.value + b"!"),
                    Record(orders.topic, trailing.key, b"{\"id\": 4}", [("h", b"\x00\xff"), ("t", b"text")]), good,
                    Record(orders.topic, b"\x07", None))
    one.load_to_end()


# design.md section 6; P4
def test_letters_of_a_topic_are_listed_shown_exported_mended_replayed_discarded_and_purged(
        streams, orders, millrace, place):
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **TOPIC)
    assert "0 letters" in dlq(one, "list")  # there is no topic yet
    doubled(orders, streams, place, one)
    listed = dlq_json(one, "list")
    by_offset = {e["offset"]: e for e in listed}
    assert {o: e["code"] for o, e in by_offset.items()} == {
        1: "db.23505", 2: "avro.trailing", 3: "framing.unknown_magic", 5: "framing.unknown_magic"}
    ids = {o: e["id"] for o, e in by_offset.items()}
    assert all(i.startswith(f"{orders.topic}-0-{o}-") for o, i in ids.items())
    assert by_offset[1]["sqlstate"] == "23505" and by_offset[1]["target_table"].endswith("orders")
    assert by_offset[1]["attempts"] == 1 and by_offset[1]["record_timestamp"] is not None
    assert f"{orders.topic}/0@1" in dlq(one, "list", "--reason", "db.23505")
    assert dlq_json(one, "list", "--topic", "another") == []
    assert dlq_json(one, "list", "--until", "1h") == []
    assert len(dlq_json(one, "list", "--since", "1h", "--limit", "2")) == 2
    assert [e["offset"] for e in dlq_json(one, "list", "--reason", "avro.trailing")] == [2]

    shown = {e["offset"]: e for e in dlq_json(one, "show", *ids.values())}
    assert shown[1]["value"]["decoded"] == row(2, "x") and shown[1]["key"]["decoded"] == {"id": 2}
    assert shown[2]["value"]["error"] == "avro.trailing" and shown[2]["key"]["decoded"] == {"id": 4}
    assert base64.b64decode(shown[3]["value"]["base64"]) == b'{"id": 4}'
    assert shown[3]["headers"] == [{"k": "h", "v": "AP8="}, {"k": "t", "v": "dGV4dA=="}]
    assert shown[5]["value"] is None and base64.b64decode(shown[5]["key"]["base64"]) == b"\x07"
    assert "headers  h = 00ff" in dlq(one, "show", ids[3])
    exported = [json.loads(line) for line in dlq(one, "export").splitlines()]
    assert sorted(e["offset"] for e in exported) == [1, 2, 3, 5]
    assert "is no id" in dlq(one, "show", "17", expect=USAGE)
    dlq(one, "show", ids[1][:-1] + ("0" if ids[1][-1] != "0" else "1"), expect=DATA_ERROR)

    place.run("DROP INDEX only_one")
    assert "--force" in dlq(one, "replay", ids[1], expect=USAGE)
    assert dlq_json(one, "replay", ids[1], "--force")["replayed"] == 1
    assert sorted(place.target.rows("orders", ["id", "a"])) == [(1, "x"), (2, "x"), (3, "y")]
    again = dlq_json(one, "replay", "--all", "--force", expect=DATA_ERROR)
    assert (again["found"], again["replayed"], again["failed"]) == (3, 0, 3)
    now = {e["offset"]: e for e in dlq_json(one, "list", "--state", "all")}
    assert {o: (e["state"], e["attempts"]) for o, e in now.items()} == {
        1: ("replayed", 1), 2: ("new", 2), 3: ("new", 2), 5: ("new", 2)}
    assert now[1]["changed_by"] and now[3]["created_at"] == by_offset[3]["created_at"]
    again_shown = dlq_json(one, "show", ids[3])[0]
    assert again_shown["headers"] == shown[3]["headers"] and again_shown["value"] == shown[3]["value"]
    assert dlq_json(one, "discard", ids[2])["discarded"] == 1
    dlq(one, "discard", ids[2], expect=DATA_ERROR)  # it is closed
    assert "this discards 2 letters; add --yes" in dlq(one, "discard", "--all", expect=USAGE)
    assert dlq_json(one, "discard", ids[5])["discarded"] == 1
    assert states(one) == {1: "replayed", 2: "discarded", 3: "new", 5: "discarded"}
    assert place.notes() == []
    assert dlq_json(one, "purge", "--older", "1h")["removed"] == 0
    # 3 is new still: what was written behind it in its partition stays for compaction
    removed = dlq_json(one, "purge", "--older", "0s")["removed"]
    assert 0 <= removed <= 3 and states(one)[3] == "new"
    assert dlq_json(one, "purge", "--older", "0s", "--state", "new", "--yes")["removed"] >= 1
    dlq(one, "purge", "--older", "0s")
    assert states(one) == {} and dlq_json(one, "list") == []
    assert place.target.positions(orders.topic) == streams.ends(orders.topic)
    if not place.sqlite:
        assert place.target.letters(orders.topic) == []


def append_route(orders) -> dict:
    return {"topic": orders.topic, "table": "orders", "strategy": "append",
            "meta": [{"from": "_offset", "name": "at_offset"}]}


def appended(orders, streams, place, one, count: int) -> None:
    """An append table with so many letters at offsets from 1, which would all land now."""
    streams.produce(orders.put(row(0, "good")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    streams.produce(*(orders.put(row(n, "good")) for n in range(1, count + 1)))
    one.load_to_end(timeout_s=300)
    place.run("DROP INDEX only_one")


def loaded_offsets(place) -> list[int]:
    return sorted(offset for (offset,) in place.target.query("SELECT at_offset FROM orders"))


def letters_of(one) -> str:
    return f"{one.pipeline}.dlq"


def read_all(streams, name: str) -> list:
    return sorted(((m.key(), m.value(), m.headers() or []) for m in streams.read(name)), key=lambda m: m[0])


# design.md section 6
def test_a_letter_that_was_written_twice_is_one_and_strangers_are_none(streams, orders, millrace, place):
    """A flush that is tried again writes its letters again; anybody may write to the topic."""
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 3)
    written = read_all(streams, letters_of(one))
    other = [(b"other/" + key.split(b"/")[1], value, headers) for key, value, headers in written]
    put_in_topic(streams, letters_of(one), *written, (b"x", b"x", []), (b"k", None, []), *other)
    assert len(streams.read(letters_of(one))) == 11
    assert len(dlq_json(one, "list")) == 3
    assert dlq_json(one, "replay", "--all") | {"notes": []} == {
        "found": 3, "replayed": 3, "failed": 0, "waiting": 0, "gone": 0, "notes": []}
    assert loaded_offsets(place) == [0, 1, 2, 3]
    dlq(one, "purge", "--older", "0s")
    left = streams.read(letters_of(one))
    assert {m.key() for m in left} >= {b"x", b"k", *(key for key, _, _ in other)}  # nobody else's are taken
    assert "replayed" not in states(one).values()  # nothing of ours stood behind them
    put_in_topic(streams, letters_of(one), written[0])  # the record was read again, and is bad again
    assert len(dlq_json(one, "list")) == 1


def replay_process(one, *args: str) -> subprocess.Popen:
    return subprocess.Popen(one.argv("dlq", "replay", "--all", "--json", *args), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one.environment(),
                            cwd=one.folder)


# G-01; design.md section 6
def test_two_replays_of_a_topic_at_once_load_each_letter_once(streams, orders, millrace, place):
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 1200)
    runs = [replay_process(one) for _ in range(2)]
    results = []
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        results.append(json.loads(out))
    assert loaded_offsets(place) == list(range(1201))
    assert sum(r["replayed"] for r in results) == 1200
    assert set(states(one).values()) == {"replayed"} and place.notes() == []


# G-01, P1
def test_a_killed_replay_of_a_topic_loads_no_letter_twice_and_leaves_none(streams, orders, millrace, place):
    """Between the commit of the rows and the topic's word of it the target's own note holds."""
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 2500)
    run = replay_process(one)
    await_(lambda: len(loaded_offsets(place)) > 1 or run.poll() is not None, 60, "a letter that is replayed")
    run.kill()
    run.communicate(timeout=30)
    landed = loaded_offsets(place)[1:]
    assert sorted(o for o, state in states(one).items() if state == "replayed") == landed
    assert dlq_json(one, "replay", "--all")["replayed"] == 2500 - len(landed)
    assert loaded_offsets(place) == list(range(2501))
    dlq(one, "purge", "--older", "0s")
    assert place.notes() == []


# G-01
def test_what_the_target_notes_as_replayed_is_so_until_the_topic_says_it(streams, orders, millrace, place):
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 2)
    first = min(dlq_json(one, "list"), key=lambda e: e["offset"])
    written = {m.key().split(b"/")[1].decode(): m.timestamp()[1] for m in streams.read(letters_of(one))}
    place.run(f"INSERT INTO {place.table('replayed_letters')}(pipeline, letter, version, changed_at, changed_by) "
              f"VALUES ('{one.pipeline}', '{first['id']}', {written[first['id']]}, '2026-01-01 00:00:00+00', 'me')")
    assert states(one) == {1: "replayed", 2: "new"}
    assert dlq_json(one, "replay", "--all")["found"] == 1
    assert place.notes() == [] and states(one) == {1: "replayed", 2: "replayed"}
    assert loaded_offsets(place) == [0, 2]


# decision 031
def test_notes_that_the_topic_has_overtaken_are_forgotten(streams, orders, millrace, place):
    """Of a replay that ended behind the topic's word; of a letter that is gone, or was written again."""
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 2)
    first, second = sorted(dlq_json(one, "list"), key=lambda e: e["offset"])
    written = {m.key().split(b"/")[1].decode(): m.timestamp()[1] for m in streams.read(letters_of(one))}
    assert dlq_json(one, "replay", first["id"])["replayed"] == 1
    for letter, version in ((first["id"], written[first["id"]]), (f"{orders.topic}-0-7-01234567", 1),
                            (second["id"], written[second["id"]] - 1)):
        place.run(f"INSERT INTO {place.table('replayed_letters')}(pipeline, letter, version, changed_at, changed_by) "
                  f"VALUES ('{one.pipeline}', '{letter}', {version}, '2026-01-01 00:00:00+00', 'me')")
    assert states(one) == {1: "replayed", 2: "new"} and len(place.notes()) == 3  # looking changes nothing
    dlq(one, "purge", "--older", "1h")
    assert states(one) == {1: "replayed", 2: "new"} and place.notes() == []


# decision 031; G-01
def test_a_letter_that_is_written_again_while_it_is_replayed_leaves_no_note(streams, orders, millrace, target):
    place = Place(target)
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 1)
    (message,) = streams.read(letters_of(one))
    letter = message.key().split(b"/")[1].decode()
    with psycopg.connect(place.url, connect_timeout=10) as other:  # whose end the replay's note waits for
        other.execute("INSERT INTO millrace.replayed_letters(pipeline, letter, version, changed_at, changed_by) "
                      "VALUES (%s, %s, %s, now(), 'other')", (one.pipeline, letter, message.timestamp()[1]))
        run = replay_process(one)
        await_(lambda: place.target.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                                          "AND wait_event_type = 'Lock'") or run.poll() is not None, 60, "the note")
        put_in_topic(streams, letters_of(one), (message.key(), message.value(), message.headers()))
        other.rollback()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert json.loads(out)["replayed"] == 1 and loaded_offsets(place) == [0, 1]
    assert states(one) == {1: "replayed"} and place.notes() == []


# design.md section 6; R-14
def test_masked_letters_and_deletes_of_a_topic_wait_for_the_earlier_letters_of_their_key(
        streams, schemas, topic, millrace, place):
    table = DebeziumTable(schemas, topic("orders"), [("id", "int"), ("a", opt("string")), ("b", opt("string"))], ["id"])
    streams.create(table.topic)
    one = millrace([{"topic": table.topic, "table": "orders"}], target={"url": place.url}, **TOPIC)
    streams.produce(table.create({"id": 9, "a": "x", "b": "taken"}), table.create({"id": 1, "a": "x", "b": "old"}))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (b)")
    place.run("CREATE TRIGGER kept BEFORE DELETE ON orders BEGIN SELECT RAISE(ABORT, 'kept'); END" if place.sqlite else
              "CREATE TABLE child(id int REFERENCES orders(id)); INSERT INTO child VALUES (9)")
    streams.produce(table.update({"id": 1, "a": "y", "b": "taken"}),
                    table.update({"id": 1, "a": "z", "b": "__debezium_unavailable_value"}),
                    table.delete({"id": 9, "a": "x", "b": "taken"}))
    one.load_to_end()
    ids = {e["offset"]: e["id"] for e in dlq_json(one, "list")}
    assert sorted(ids) == [2, 3, 4]
    place.run("DROP INDEX only_one")
    refused = dlq_json(one, "replay", ids[3], "--force", expect=DATA_ERROR)
    assert f"letter {ids[2]} of its key, offset 2, is to be replayed first" in refused["notes"][0]["detail"]
    assert dlq_json(one, "replay", ids[4], "--force", expect=DATA_ERROR)["failed"] == 1  # nothing of its key waits
    assert place.target.query("SELECT a, b FROM orders WHERE id = 1") == [("x", "old")]
    place.run("DROP TRIGGER kept" if place.sqlite else "DROP TABLE child")
    assert dlq_json(one, "replay", "--all", "--force")["replayed"] == 3
    assert place.target.query("SELECT id, a, b FROM orders") == [(1, "z", "taken")] and place.notes() == []


# design.md section 6; K-01
def test_a_broker_that_does_not_answer_is_told_and_nothing_is_changed(streams, orders, millrace, place):
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    appended(orders, streams, place, one, 1)
    away = ("-o", "kafka.bootstrap_servers=127.0.0.1:1")
    for verb in (("list",), ("replay", "--all")):
        done = one.command("dlq", *verb, *away)
        assert done.returncode == AWAY and "source.away" in done.stderr, done
    assert states(one) == {1: "new"} and loaded_offsets(place) == [0]


# design.md section 6
def test_a_topic_that_is_only_compacted_says_why_nothing_is_purged(streams, orders, millrace, place):
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    streams.create(letters_of(one), config={"cleanup.policy": "compact"})
    appended(orders, streams, place, one, 1)
    assert dlq_json(one, "discard", "--all")["discarded"] == 1
    assert "cleanup.policy" in dlq(one, "purge", "--older", "0s", expect=USAGE)


# decision 030
def test_a_list_says_how_many_letters_are_in_the_table_beside_the_topic(streams, orders, millrace, place):
    one = millrace([append_route(orders)], target={"url": place.url}, **TOPIC)
    streams.create(letters_of(one), config={"max.message.bytes": "4000"})
    streams.produce(Record(orders.topic, b"k", b"\x07" * 9000), Record(orders.topic, b"k", b"\x07"))
    one.load_to_end()
    done = one.command("dlq", "list")
    assert "1 letters" in done.stdout and "1 more are in the target's table" in done.stderr, done
    assert "0@0" in dlq(one, "list", "-o", "dlq.to=table")


# decision 030
def test_a_list_of_the_topic_does_without_the_right_to_read_the_table(streams, orders, millrace, target):
    place = Place(target)
    role = f"lister_{target.url.rsplit('/', 1)[1]}"
    streams.produce(Record(orders.topic, b"k", b"\x07"))
    millrace([append_route(orders)], start="earliest", **TOPIC).load_to_end()
    for statement in (f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA public, millrace TO {role}",
                      f"GRANT ALL ON ALL TABLES IN SCHEMA public, millrace TO {role}",
                      f"REVOKE SELECT ON millrace.dead_letters FROM {role}"):
        place.run(statement)
    try:
        one = millrace([append_route(orders)], name="weak",
                       target={"url": target.url.replace("postgres@", f"{role}@")}, **TOPIC)
        done = one.command("dlq", "list")
        assert done.returncode == 0 and "1 letters" in done.stdout and f"{orders.topic}/0@0" in done.stdout, done
        assert "is not known" in done.stderr and "target.privilege" in done.stderr, done
    finally:
        millrace.end()
        place.run(f"DROP OWNED BY {role} CASCADE")
        place.run(f"DROP ROLE {role}")


# design.md section 6
def test_letters_of_a_topic_are_looked_at_where_the_target_is_standard_output(streams, orders, millrace):
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": "stdout:"}, start="earliest", **TOPIC)
    streams.produce(Record(orders.topic, b"k", b"\x07"))
    one.load_to_end()
    (letter,) = dlq_json(one, "list")
    assert letter["code"] == "framing.unknown_magic" and dlq_json(one, "show", letter["id"])[0]["headers"] == []
    assert dlq_json(one, "discard", letter["id"])["discarded"] == 1 and dlq_json(one, "list") == []
