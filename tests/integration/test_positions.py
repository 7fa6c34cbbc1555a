"""`millrace positions list|set|reset`: positions by hand, fenced, with instances running or not."""

import json

import pytest

from harness.schemas import PlainTable, opt
from harness.target import SqliteTarget
from harness.waiting import await_

COLUMNS = [("id", "int"), ("a", opt("string"))]
DAY_MS = 86_400_000
BASE_MS = 1_735_689_600_000  # 2025-01-01


class Log:
    """A topic for an append table: record i has id i; what is loaded again is there again."""

    def __init__(self, streams, schemas, name: str, partitions: int = 1):
        self.streams, self.topic = streams, name
        streams.create(name, partitions=partitions, config={"retention.ms": "-1"})  # records of long ago stay
        self.table = PlainTable(schemas, name, COLUMNS, ["id"])
        self.count = 0

    def add(self, n: int, partition: int = 0, first_ms: int | None = None) -> None:
        records = []
        for i in range(n):
            record = self.table.put({"id": self.count, "a": f"v{self.count}"})
            record.partition = partition
            record.timestamp_ms = None if first_ms is None else first_ms + i * DAY_MS
            records.append(record)
            self.count += 1
        self.streams.produce(*records)

    def route(self) -> list[dict]:
        return [{"topic": self.topic, "table": "log", "strategy": "append"}]


@pytest.fixture
def log(streams, schemas, topic):
    return Log(streams, schemas, topic("log"))


def ids(target) -> list[int]:
    return sorted(number for number, in target.rows("log", ["id"]))


def positions(one, *words: str, expect: int = 0) -> dict | list:
    done = one.command("positions", *words, "--json")
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout) if expect == 0 else {"error": done.stderr}


@pytest.fixture(params=["postgresql", "sqlite"])
def either(request, target, tmp_path):
    return target if request.param == "postgresql" else SqliteTarget(tmp_path / "target.db")


def test_set_moves_only_with_yes_and_the_next_run_reads_from_there(log, millrace, either):
    """Design 8: what would be done is told first; both targets."""
    log.add(6)
    one = millrace(log.route(), target={"url": either.url})
    one.load_to_end()
    told = positions(one, "set", f"{log.topic}/0", "--to", "4")
    assert told["applied"] is False and either.positions(log.topic) == {0: 6}
    assert [(p["from"], p["to"], p["log_start"], p["log_end"]) for p in told["positions"]] == [(6, 4, 0, 6)]
    assert positions(one, "set", f"{log.topic}/0", "--to", "4", "--yes")["applied"] is True
    assert either.positions(log.topic) == {0: 4}
    listed, = positions(one, "list", log.topic)
    assert (listed["next_offset"], listed["epoch"], listed["leader_epoch"]) == (4, 2, None)
    one.load_to_end()
    assert ids(either) == [0, 1, 2, 3, 4, 4, 5, 5] and either.positions(log.topic) == {0: 6}


def test_each_way_to_name_a_place(log, millrace, target):
    """Design 8: earliest, latest, an offset, a time; outside of the log nothing is put."""
    log.add(5, first_ms=BASE_MS)
    one = millrace(log.route())
    one.load_to_end()
    for to, wanted in (("earliest", 0), ("latest", 5), ("3", 3), ("2025-01-03T00:00:00Z", 2), ("2030-01-01", 5)):
        positions(one, "set", log.topic, "--to", to, "--yes")
        assert target.positions(log.topic) == {0: wanted}, to
    assert "outside of the log" in positions(one, "set", log.topic, "--to", "6", "--yes", expect=64)["error"]
    assert "source.topic_missing" in positions(one, "set", "no.such.topic", "--to", "0", expect=75)["error"]
    assert target.positions(log.topic) == {0: 5}


def test_what_cannot_be_for_one_partition_is_done_for_none(streams, schemas, topic, millrace, target):
    """Design 8: all or none."""
    log = Log(streams, schemas, topic("log"), partitions=3)
    log.add(4, partition=0)
    log.add(2, partition=1)
    one = millrace(log.route())
    one.load_to_end()
    assert target.positions(log.topic) == {0: 4, 1: 2, 2: 0}
    positions(one, "set", log.topic, "--to", "3", "--yes", expect=64)
    assert target.positions(log.topic) == {0: 4, 1: 2, 2: 0}
    assert len(positions(one, "reset", "--all", "--yes")["positions"]) == 3
    assert target.positions(log.topic) == {0: 0, 1: 0, 2: 0}


def test_an_instance_that_runs_is_fenced_and_goes_on_from_there(log, millrace, target):
    """G-03: its next batch is refused whole; then it claims, and reads on where the position was put."""
    log.add(5)
    one = millrace(log.route(), kafka={"session_timeout_ms": 1500}).start()
    target.await_positions(log.topic, {0: 5}, 60, one.must_run)
    positions(one, "set", log.topic, "--to", "2", "--yes")
    log.add(3)
    target.await_positions(log.topic, {0: 8}, 60, one.must_run)
    assert "position.fenced" in one.error_codes(), one.log_tail()
    assert ids(target) == [0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7]
    assert target.epochs(log.topic) == {0: 3}
    one.stop()


@pytest.mark.timeout(200)
def test_an_instance_to_which_nothing_comes_notices_by_itself(log, millrace, either):
    """G-03: within seconds and one session time-out, in either target."""
    log.add(30)
    one = millrace(log.route(), target={"url": either.url}, kafka={"session_timeout_ms": 1500}).start()
    either.await_positions(log.topic, {0: 30}, alive=one.must_run)
    done = one.command("positions", "set", log.topic, "--to", "10", "--yes")
    assert done.returncode == 0, done.stderr
    await_(lambda: either.count("log") == 50, 30, lambda: f"loaded again\n{one.log_tail()}", one.must_run)
    assert either.positions(log.topic) == {0: 30}
    assert one.events("position_moved", err="position.fenced")
    one.stop()


def test_reset_lets_a_running_instance_take_a_topic_that_was_made_again(log, streams, millrace, target):
    """K-04, case 160: set refuses to guess, reset acknowledges; nothing is restarted."""
    log.add(5)
    one = millrace(log.route())
    one.load_to_end()
    streams.delete(log.topic)
    streams.create(log.topic)
    log.add(8)
    one.start()
    one.await_error("source.topic_recreated", 60)
    assert "source.topic_recreated" in positions(one, "set", log.topic, "--to", "0", "--yes", expect=75)["error"]
    assert target.positions(log.topic) == {0: 5} and not one.answers("/readyz")
    put, = positions(one, "reset", log.topic, "--yes")["positions"]
    assert (put["from"], put["to"], put["identity_changed"]) == (5, 0, True)
    target.await_positions(log.topic, {0: 8}, 90, one.must_run)
    assert ids(target) == list(range(13))
    one.await_ready(60)
    one.stop()


def test_reset_takes_the_cluster_of_now(log, millrace, target):
    """Design 4, identity: source.cluster_changed is acknowledged."""
    log.add(3)
    one = millrace(log.route())
    one.load_to_end()
    target.run("UPDATE millrace.positions SET cluster_id = 'another', topic_id = 'another'")
    one.load_to_end(expect=75)
    positions(one, "reset", log.topic, "--to", "latest", "--yes")
    log.add(2)
    one.load_to_end()
    assert ids(target) == [0, 1, 2, 3, 4]
    assert target.value("SELECT count(*) FROM millrace.positions WHERE 'another' IN (cluster_id, topic_id)") == 0


def test_a_gap_is_accepted_by_hand(log, streams, millrace, target):
    """K-05, case 159: the lost range is named, and stepped over only on purpose."""
    log.add(5)
    one = millrace(log.route())
    one.load_to_end()
    log.add(10)
    streams.delete_records(log.topic, 0, 9)
    one.load_to_end(expect=75)
    assert one.events(err="source.gap"), one.log_tail()
    positions(one, "set", log.topic, "--to", "earliest", "--yes")
    one.load_to_end()
    assert ids(target) == [0, 1, 2, 3, 4, *range(9, 15)]


def test_a_target_without_its_positions_gets_them_by_hand(log, millrace, target):
    """Design 4, start: source.position_missing; the rows are there, and the operator knows where to go on."""
    log.add(5)
    one = millrace(log.route())
    one.load_to_end()
    target.run("DELETE FROM millrace.positions")
    log.add(2)
    one.load_to_end(expect=75)
    assert "source.position_missing" in one.error_codes()
    put, = positions(one, "set", log.topic, "--to", "5", "--yes")["positions"]
    assert put["from"] is None
    one.load_to_end()
    assert ids(target) == list(range(7))


def test_a_lock_on_the_position_is_waited_for_and_told(log, millrace, target):
    """Q-04: nothing is put while somebody else has the row for longer than lock_timeout."""
    log.add(3)
    one = millrace(log.route(), target={"lock_timeout": "1s"})
    one.load_to_end()
    with target.connect() as holder:
        holder.execute("SELECT * FROM millrace.positions FOR UPDATE")
        assert "55P03" in positions(one, "set", log.topic, "--to", "0", "--yes", expect=75)["error"]
        holder.rollback()
    assert target.positions(log.topic) == {0: 3}
    positions(one, "set", log.topic, "--to", "0", "--yes")
    await_(lambda: target.positions(log.topic) == {0: 0}, 10, "the position")
