"""Dead letters as a product (design 6): found, shown, exported, mended, replayed, discarded, purged."""

import base64
import json
import sqlite3
import subprocess
from datetime import datetime

import fastavro
import psycopg
import pytest

from harness.cases import at
from harness.schemas import PlainTable, Record, opt
from harness.target import SqliteTarget
from harness.waiting import await_

COLUMNS = [("id", "int"), ("a", opt("string")), ("version", "long")]
USAGE, DATA_ERROR, TRY_AGAIN = 64, 65, 75
NEVER = {"dlq": {"max_ratio": 1.0}}  # the breaker is another test's


class Place:
    """One of both targets, with what these tests ask and do by hand."""

    def __init__(self, target):
        self.target = target
        self.url = target.url
        self.sqlite = isinstance(target, SqliteTarget)
        self.letters_table = "millrace_dead_letters" if self.sqlite else "millrace.dead_letters"

    def run(self, statement: str) -> None:
        link = sqlite3.connect(self.target.path, timeout=30) if self.sqlite else \
            psycopg.connect(self.url, autocommit=True, connect_timeout=10)
        try:
            link.execute(statement)
            link.commit()
        finally:
            link.close()

    def query(self, statement: str) -> list[tuple]:
        return self.target.query(statement)

    def letters(self) -> list[tuple]:
        """(offset, code, state, attempts), by their places."""
        return self.query(f'SELECT "offset", code, state, attempts FROM {self.letters_table} ORDER BY 1')

    def states(self) -> dict[int, str]:
        return {offset: state for offset, _, state, _ in self.letters()}


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


def doubled(orders, streams, place, one) -> None:
    """A unique index that one record breaks, one with a byte too many, one of no framing."""
    streams.produce(orders.put(row(1, "x")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    good = orders.put(row(3, "y"))
    trailing = orders.put(row(4, "z"))
    streams.produce(orders.put(row(2, "x")), Record(orders.topic, trailing.key, trailing.value + b"!"),
                    Record(orders.topic, trailing.key, b"{\"id\": 4}", [("h", b"\x00\xff"), ("t", b"text")]), good)
    one.load_to_end()


def test_letters_are_listed_shown_exported_mended_and_replayed(streams, orders, millrace, place):
    """P4, Q-14; design 6: the whole life of letters of several reasons, in either target."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    doubled(orders, streams, place, one)
    assert [(o, c, s, n) for o, c, s, n in place.letters()] == [
        (1, "db.23505", "new", 1), (2, "avro.trailing", "new", 1), (3, "framing.unknown_magic", "new", 1)]
    listed = dlq_json(one, "list")
    assert sorted((e["offset"], e["code"]) for e in listed) == [
        (1, "db.23505"), (2, "avro.trailing"), (3, "framing.unknown_magic")]
    assert [int(e["id"]) for e in listed] == sorted((int(e["id"]) for e in listed), reverse=True)
    ids = {e["offset"]: e["id"] for e in listed}
    assert f"{orders.topic}/0@1" in dlq(one, "list", "--reason", "db.23505")
    assert dlq_json(one, "list", "--topic", "another") == []
    assert dlq_json(one, "list", "--until", "1h") == []
    assert len(dlq_json(one, "list", "--since", "1h", "--limit", "2")) == 2

    shown = dlq_json(one, "show", ids[1], ids[2], ids[3])
    by_offset = {e["offset"]: e for e in shown}
    assert by_offset[1]["value"]["decoded"] == row(2, "x")
    assert by_offset[1]["value"]["schema"].endswith(".Value") and by_offset[1]["value"]["schema_id"] == orders.value_id
    assert by_offset[1]["key"]["decoded"] == {"id": 2}
    assert by_offset[2]["value"]["error"] == "avro.trailing" and by_offset[2]["key"]["decoded"] == {"id": 4}
    assert base64.b64decode(by_offset[3]["value"]["base64"]) == b'{"id": 4}'
    assert by_offset[3]["headers"] == [{"k": "h", "v": "AP8="}, {"k": "t", "v": "dGV4dA=="}]
    page = dlq(one, "show", ids[3])
    assert "0x" + b'{"id": 4}'.hex() in page and "framing.unknown_magic" in page and "headers  h = 00ff" in page

    exported = [json.loads(line) for line in dlq(one, "export").splitlines()]
    assert sorted(e["offset"] for e in exported) == [1, 2, 3]

    place.run("DROP INDEX only_one")
    assert dlq_json(one, "replay", ids[1], "--force")["replayed"] == 1
    assert sorted(place.target.rows("orders", ["id", "a"])) == [(1, "x"), (2, "x"), (3, "y")]
    again = dlq_json(one, "replay", "--all", "--force", expect=DATA_ERROR)
    assert (again["found"], again["replayed"], again["failed"]) == (2, 0, 2)
    assert place.letters() == [(1, "db.23505", "replayed", 1), (2, "avro.trailing", "new", 2),
                               (3, "framing.unknown_magic", "new", 2)]
    assert dlq_json(one, "discard", ids[2])["discarded"] == 1
    assert "add --yes" not in dlq(one, "discard", "--topic", orders.topic)
    assert place.states() == {1: "replayed", 2: "discarded", 3: "discarded"}
    assert [bool(by) for (by,) in place.query(f"SELECT changed_by FROM {place.letters_table}")] == [True] * 3
    assert dlq_json(one, "purge", "--older", "1h")["removed"] == 0
    assert dlq_json(one, "purge", "--older", "0s")["removed"] == 3
    assert place.target.positions(orders.topic) == streams.ends(orders.topic)


def without_bytes(side) -> dict | None:
    """What JSON lines and Avro both have of a key or value; in JSON, what is absent is not there."""
    return None if side is None else {
        "bytes": side["bytes"] if "bytes" in side else base64.b64decode(side["base64"]),
        "decoded": json.loads(side["decoded"]) if isinstance(side.get("decoded"), str) else side.get("decoded"),
        **{name: side.get(name) for name in ("schema_id", "schema", "error", "error_detail")}}


def test_an_avro_export_says_to_another_reader_what_the_json_lines_say(streams, orders, millrace, place, tmp_path):
    """design 6: an object container file."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    doubled(orders, streams, place, one)
    place.run(f"UPDATE {place.letters_table} SET detail = detail || ' \N{SNOWMAN}' WHERE \"offset\" = 2")
    path = tmp_path / "letters.avro"
    assert dlq(one, "export", "--format", "avro", "--output", str(path)) == ""
    with path.open("rb") as file:
        letters = list(fastavro.reader(file))
    lines = [json.loads(line) for line in dlq(one, "export").splitlines()]
    assert len(letters) == 3
    for letter, line in zip(letters, lines):
        assert letter["headers"] == [{"k": h["k"], "v": base64.b64decode(h["v"])} for h in line["headers"]]
        assert (without_bytes(letter["key"]), without_bytes(letter["value"])) == (
            without_bytes(line["key"]), without_bytes(line["value"]))
        for name in ("record_timestamp", "created_at", "updated_at"):
            assert letter[name] == datetime.fromisoformat(line[name].replace("Z", "+00:00"))
        for name in ("id", "state", "topic", "partition", "offset", "code", "sqlstate", "detail", "remedy",
                     "target_table", "attempts", "changed_by"):
            assert letter[name] == line[name], name
    one.command("dlq", "export", "--format", "avro", "--output", str(path), "--topic", "another")
    with path.open("rb") as file:
        assert list(fastavro.reader(file)) == []


def many(place, n: int) -> None:
    """Copies of the letter at 2, at the offsets from 1001 on."""
    numbers = f"(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {n}) SELECT n FROM r) AS r"
    value = "zeroblob(4000)" if place.sqlite else "decode(repeat('00', 4000), 'hex')"
    place.run(f"""INSERT INTO {place.letters_table} (pipeline, topic, partition, "offset", key, value, headers, code,
        sqlstate, detail, target_table, attempts, state, created_at, updated_at)
        SELECT pipeline, topic, partition, 1000 + n, key, {value}, headers, code, coalesce(sqlstate, ''), detail,
        coalesce(target_table, ''), attempts, state, created_at, updated_at
        FROM {place.letters_table}, {numbers} WHERE "offset" = 2""")


def test_an_export_that_is_killed_leaves_nothing_that_looks_whole(streams, orders, millrace, place, tmp_path):
    """design 6: neither the file's name, nor what was written of it."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    doubled(orders, streams, place, one)
    many(place, 20000)
    path = tmp_path / "letters.avro"
    part = tmp_path / "letters.avro.part"
    with subprocess.Popen(one.argv("dlq", "export", "--format", "avro", "--output", str(path)), cwd=one.folder,
                          env=one.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as export:
        await_(lambda: part.exists() and part.stat().st_size > 4 << 20, 60, "a piece of the export")
        export.kill()
    assert not path.exists()
    with part.open("rb") as file, pytest.raises((ValueError, EOFError)):
        list(fastavro.reader(file))
    dlq(one, "export", "--format", "avro", "--output", str(path))
    with path.open("rb") as file:
        assert sum(1 for _ in fastavro.reader(file)) == 20003
    assert not part.exists()


def test_many_letters_are_discarded_only_with_yes(streams, orders, millrace, place):
    """design 6: what closes many letters at once is asked for twice."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    doubled(orders, streams, place, one)
    assert "this discards 3 letters; add --yes" in dlq(one, "discard", "--all", expect=USAGE)
    dlq(one, "discard", expect=USAGE)
    assert set(place.states().values()) == {"new"}
    assert dlq_json(one, "discard", "--all", "--yes")["discarded"] == 3


def test_a_replay_that_could_overwrite_newer_rows_needs_force(streams, orders, millrace, place):
    """design 6: into upsert without a guard."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    doubled(orders, streams, place, one)
    place.run("DROP INDEX only_one")
    told = dlq(one, "replay", "--reason", "db.23505", expect=USAGE)
    assert "has no guard" in told and "--force" in told
    assert place.states()[1] == "new" and len(place.target.rows("orders", ["id"])) == 2


def test_a_guard_keeps_a_replayed_record_from_overwriting_a_newer_row(streams, orders, millrace, place):
    """O-01, O-07; design 6: the older record is replayed without effect, also where its row is deleted."""
    one = millrace([{"topic": orders.topic, "table": "orders", "guard": ["version"]}], target={"url": place.url},
                   **NEVER)
    streams.produce(orders.put(row(1, "x")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    streams.produce(orders.put(row(2, "x", 5)), orders.put(row(3, "x", 5)))
    one.load_to_end()
    place.run("DROP INDEX only_one")
    streams.produce(orders.put(row(2, "newer", 9)))
    one.load_to_end()
    assert dlq_json(one, "replay", "--all")["replayed"] == 2
    assert sorted(place.target.rows("orders", ["id", "a", "version"])) == [(1, "x", 1), (2, "newer", 9), (3, "x", 5)]
    assert place.states() == {1: "replayed", 2: "replayed"}


def appended(orders, streams, place, one, count: int) -> None:
    """An append table with so many letters: a trigger's or a check's, mended by `mend`."""
    streams.produce(orders.put(row(0, "good")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    streams.produce(*(orders.put(row(n, "good")) for n in range(1, count + 1)))
    one.load_to_end(timeout_s=300)
    assert len(place.letters()) == count
    place.run("DROP INDEX only_one")


def append_route(orders) -> dict:
    return {"topic": orders.topic, "table": "orders", "strategy": "append",
            "meta": [{"from": "_offset", "name": "at_offset"}]}


def loaded_offsets(place) -> list[int]:
    return sorted(offset for (offset,) in place.query("SELECT at_offset FROM orders"))


def replay_process(one, *args: str) -> subprocess.Popen:
    return subprocess.Popen(one.argv("dlq", "replay", "--all", "--json", *args), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one.environment(),
                            cwd=one.folder)


def test_two_replays_at_once_load_each_letter_once(streams, orders, millrace, place):
    """G-01, design 6: row locks and states decide who replays a letter."""
    one = millrace([append_route(orders)], target={"url": place.url}, **NEVER)
    appended(orders, streams, place, one, 1200)
    runs = [replay_process(one) for _ in range(2)]
    results = []
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        results.append(json.loads(out))
    assert loaded_offsets(place) == list(range(1201))
    assert sum(r["replayed"] for r in results) == 1200
    assert set(place.states().values()) == {"replayed"}


def test_a_killed_replay_leaves_each_letter_replayed_with_its_row_or_waiting(streams, orders, millrace, place):
    """G-01, P1: kill -9 in the middle; a second replay does the rest."""
    one = millrace([append_route(orders)], target={"url": place.url}, **NEVER)
    appended(orders, streams, place, one, 2500)
    run = replay_process(one)
    await_(lambda: "replayed" in place.states().values() or run.poll() is not None, 60, "a letter that is replayed")
    run.kill()
    run.communicate(timeout=30)
    states = place.states()
    landed = [offset for offset, state in states.items() if state == "replayed"]
    assert loaded_offsets(place) == sorted([0, *landed])
    assert set(states.values()) <= {"new", "replayed"}
    assert dlq_json(one, "replay", "--all")["replayed"] == 2500 - len(landed)
    assert loaded_offsets(place) == list(range(2501))


def test_letters_are_replayed_beside_a_running_instance(streams, orders, millrace, place):
    """P2, O-01: while newer records of the same keys come, the newest wins; no position moves by it."""
    one = millrace([{"topic": orders.topic, "table": "orders", "guard": ["version"]}], target={"url": place.url},
                   **NEVER)
    streams.produce(orders.put(row(0, "good")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    streams.produce(*(orders.put(row(n, "good", 2)) for n in range(1, 201)))
    one.load_to_end()
    place.run("DROP INDEX only_one")
    one.start().await_ready()
    run = replay_process(one)
    for version in range(3, 9):
        streams.produce(*(orders.put(row(n, f"v{version}", version)) for n in range(1, 201, 2)))
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert json.loads(out)["replayed"] == 200
    ends = streams.ends(orders.topic)
    await_(lambda: place.target.positions(orders.topic) == ends, 60, "all loaded")
    one.stop()
    have = dict(place.target.rows("orders", ["id", "version"]))
    assert have == {0: 1, **{n: 8 if n % 2 else 2 for n in range(1, 201)}}


def test_letters_of_one_key_are_replayed_in_their_order(streams, orders, millrace, place):
    """P2: whatever the order in which they were put aside or named."""
    one = millrace([{"topic": orders.topic, "table": "orders"}], target={"url": place.url}, **NEVER)
    streams.produce(orders.put(row(1, "x")))
    one.load_to_end()
    place.run("CREATE UNIQUE INDEX only_one ON orders (a)")
    for version in (2, 3, 4):
        streams.produce(at(0, orders.put(row(2, "x", version))))
        one.load_to_end()
    place.run("DROP INDEX only_one")
    ids = [e["id"] for e in dlq_json(one, "list")]
    assert dlq_json(one, "replay", *ids, "--force")["replayed"] == 3
    assert sorted(place.target.rows("orders", ["id", "version"])) == [(1, 1), (2, 4)]


def test_a_halted_table_keeps_its_letters_as_they_are(streams, orders, millrace, place):
    """R-14: what must be mended first is no new attempt."""
    one = millrace([{"topic": orders.topic, "table": "orders", "create": False}], target={"url": place.url}, **NEVER)
    place.run("CREATE TABLE orders (id int PRIMARY KEY, a text UNIQUE, version bigint)")
    streams.produce(orders.put(row(1, "x")), orders.put(row(2, "x")))
    one.load_to_end()
    place.run("DROP TABLE orders")
    result = dlq_json(one, "replay", "--all", "--force", expect=TRY_AGAIN)
    assert result["waiting"] == 1 and result["notes"][0]["code"] == "target.missing"
    assert place.letters() == [(1, "db.23505", "new", 1)]


PURGED = "millrace_dead_letters_purged_total"


def age(place, state: str, where: str) -> None:
    place.run(f"UPDATE {place.letters_table} SET state = '{state}', updated_at = '2020-01-01 00:00:00+00' "
              f"WHERE {where}")


def test_running_instances_remove_letters_that_were_closed_long_ago(streams, orders, millrace, place):
    """design 6, dlq.retention: each letter once, by either, while records are loaded; what nobody closed stays."""
    routes, kept = [{"topic": orders.topic, "table": "orders"}], {"target": {"url": place.url}}
    doubled(orders, streams, place, millrace(routes, **kept, **NEVER))
    many(place, 3000)
    age(place, "new", '"offset" = 1')
    age(place, "discarded", '"offset" = 2')
    age(place, "replayed", '"offset" > 1000')
    place.run(f"UPDATE {place.letters_table} SET state = 'discarded' WHERE \"offset\" = 3")
    both = [millrace(routes, name=name, dlq={"max_ratio": 1.0, "retention": "30d"}, **kept).start() for name in "ab"]
    streams.produce(*(orders.put(row(n, f"n{n}")) for n in range(10, 200)))
    await_(lambda: place.states() == {1: "new", 3: "discarded"}, 60, "the old closed letters are gone")
    ends = streams.ends(orders.topic)
    await_(lambda: place.target.positions(orders.topic) == ends, 60, "all loaded")

    def counted(state: str) -> list:
        return [one.metrics().value(PURGED, state=state) for one in both]
    await_(lambda: sum(counted("replayed")) == 3000 and sum(counted("discarded")) == 1, 30, "all are counted")
    assert counted("new") == [None, None]
    for one in both:
        one.stop()
        assert one.events("letters_not_purged") == []
    told = [event for one in both for event in one.events("letters_purged", state="replayed")]
    assert sum(int(event["letters"]) for event in told) == 3000


def test_letters_that_nobody_closed_are_removed_where_it_is_asked_for(streams, orders, millrace, place):
    """design 6, dlq.retention_new: also by a run that ends by itself."""
    routes, kept = [{"topic": orders.topic, "table": "orders"}], {"target": {"url": place.url}}
    one = millrace(routes, **kept, **NEVER)
    doubled(orders, streams, place, one)
    age(place, "new", '"offset" = 1')
    age(place, "replayed", '"offset" = 2')
    one.load_to_end()
    assert place.states() == {1: "new", 2: "replayed", 3: "new"}
    streams.produce(orders.put(row(9, "nine")))
    millrace(routes, dlq={"max_ratio": 1.0, "retention_new": "7d"}, **kept).load_to_end()
    assert place.states() == {2: "replayed", 3: "new"}


def test_a_role_that_may_not_remove_letters_is_told_once_and_loads_on(streams, orders, millrace, target):
    """design 6: an error of the retention is nobody else's; check says the grant beforehand, and it suffices."""
    place = Place(target)
    role = f"keeper_{target.url.rsplit('/', 1)[1]}"
    first = millrace([{"topic": orders.topic, "table": "orders"}], **NEVER)
    doubled(orders, streams, place, first)
    age(place, "discarded", '"offset" = 2')
    for statement in (f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA public, millrace TO {role}",
                      f"GRANT ALL ON ALL TABLES IN SCHEMA public, millrace TO {role}",
                      f"REVOKE DELETE ON millrace.dead_letters FROM {role}"):
        place.run(statement)
    try:
        one = millrace([{"topic": orders.topic, "table": "orders"}], name="weak",
                       target={"url": target.url.replace("postgres@", f"{role}@")},
                       dlq={"max_ratio": 1.0, "retention": "1d"}).start()
        told = one.await_event("letters_not_purged")
        assert told["err"] == "target.privilege"
        streams.produce(orders.put(row(9, "nine")))
        ends = streams.ends(orders.topic)
        await_(lambda: place.target.positions(orders.topic) == ends, 60, "all loaded", one.must_run)
        assert place.states()[2] == "discarded" and len(one.events("letters_not_purged")) == 1
        one.stop()
        checked = one.command("check", "--sql")
        assert checked.returncode == 77
        assert f'GRANT DELETE ON "millrace".dead_letters TO {role};' in checked.stdout.splitlines()
        place.run(checked.stdout)
        assert "GRANT" not in one.command("check", "--sql").stdout
        one.load_to_end()
        assert place.states() == {1: "new", 3: "new"}
    finally:
        millrace.end()
        place.run(f"DROP OWNED BY {role} CASCADE")
        place.run(f"DROP ROLE {role}")
