"""Where loading begins, what is told to Kafka, and what stops it from beginning at all."""

import pytest

from harness.schemas import PlainTable, opt
from harness.waiting import await_

COLUMNS = [("id", "int"), ("a", opt("string"))]


class Orders:
    """A topic with a plain table; record i has id i at offset i (one partition)."""

    def __init__(self, streams, schemas, name: str, partitions: int = 1):
        self.streams = streams
        self.topic = name
        streams.create(name, partitions=partitions)
        self.table = PlainTable(schemas, name, COLUMNS, ["id"])
        self.count = 0

    def add(self, n: int, timestamp_ms: int | None = None, partition: int | None = None) -> None:
        records = []
        for _ in range(n):
            record = self.table.put({"id": self.count, "a": f"v{self.count}"})
            record.timestamp_ms, record.partition = timestamp_ms, partition
            records.append(record)
            self.count += 1
        self.streams.produce(*records)

    def route(self, **more) -> list[dict]:
        return [{"topic": self.topic, "table": "orders", **more}]


@pytest.fixture
def orders(streams, schemas, topic):
    return Orders(streams, schemas, topic("orders"))


def ids(target) -> list[int]:
    return sorted(number for number, in target.rows("orders", ["id"]))


# -- start (K-06)
def test_without_position_and_commit_loading_begins_at_the_earliest_offset(orders, millrace, target):
    """K-06, start = committed, nothing committed."""
    orders.add(5)
    millrace(orders.route()).load_to_end()
    assert ids(target) == [0, 1, 2, 3, 4]


def test_the_groups_commit_is_the_default_start(orders, streams, millrace, target):
    """K-06: another consumer of the group had come to offset 3."""
    orders.add(5)
    one = millrace(orders.route())
    streams.commit(one.group, orders.topic, {0: 3}, "another consumer")
    one.load_to_end()
    assert ids(target) == [3, 4] and target.positions(orders.topic) == {0: 5}


def test_earliest_takes_no_notice_of_the_groups_commit(orders, streams, millrace, target):
    """K-06, start = earliest."""
    orders.add(5)
    one = millrace(orders.route(start="earliest"))
    streams.commit(one.group, orders.topic, {0: 3})
    one.load_to_end()
    assert ids(target) == [0, 1, 2, 3, 4]


def test_latest_begins_behind_what_is_there_and_is_resolved_only_once(orders, millrace, target):
    """K-06, design 4: the claim stores the resolved offset, so what arrives while millrace is away
    is loaded by the next run."""
    orders.add(5)
    one = millrace(orders.route(start="latest")).start()
    await_(lambda: target.positions(orders.topic) == {0: 5}, 30, lambda: f"the claim\n{one.log_tail()}", one.must_run)
    one.kill()
    orders.add(3)
    one.start()
    target.await_positions(orders.topic, {0: 8}, 60, one.must_run)
    assert ids(target) == [5, 6, 7]
    one.stop()


def test_a_time_stamp_begins_at_the_first_record_that_is_not_older(orders, millrace, target):
    """K-06, start = a time stamp."""
    day_ms = 86_400_000
    base_ms = 1_735_689_600_000  # 2025-01-01
    for day in range(5):
        orders.add(1, timestamp_ms=base_ms + day * day_ms)
    millrace(orders.route(start="2025-01-03T00:00:00Z")).load_to_end()
    assert ids(target) == [2, 3, 4]


def test_a_partition_that_is_added_later_begins_at_its_earliest_record(orders, streams, millrace, target):
    """K-06: also under start = latest."""
    orders.add(2)
    one = millrace(orders.route(start="latest")).start()
    await_(lambda: target.positions(orders.topic) == {0: 2}, 30, lambda: f"the claim\n{one.log_tail()}", one.must_run)
    one.stop()
    streams.add_partitions(orders.topic, 2)
    orders.add(3, partition=1)
    one.load_to_end()
    assert ids(target) == [2, 3, 4]
    assert target.positions(orders.topic) == {0: 2, 1: 3}


def test_the_stored_position_wins_over_the_groups_commit(orders, streams, millrace, target):
    """G-02: the broker's commit is informational, also when it is ahead."""
    orders.add(5)
    one = millrace(orders.route(strategy="append"))
    one.load_to_end()
    orders.add(5)
    await_(lambda: not streams.members(one.group), 30, "an empty group")
    streams.commit(one.group, orders.topic, {0: 9})
    one.load_to_end()
    assert ids(target) == list(range(10))


# -- topics that are not there (K-04)
@pytest.mark.parametrize("route", [{"topic": "no.such.topic"}, {"topic_regex": "no\\.such\\..*"}],
                         ids=["name", "regex"])
def test_until_caught_up_ends_with_75_where_no_topic_is_there(route, millrace, target):
    """K-04, design 8: it waits for a topic, so it is halted, and says for which."""
    one = millrace([{"table": "orders", **route}])
    one.load_to_end(expect=75)
    assert "err=source.topic_missing" in one.log_text() and "such" in one.log_text(), one.log_tail()


# -- mirror commits
def test_kafkas_commit_mirrors_the_position(orders, streams, millrace, target):
    """Design 4: the same offset, with the metadata millrace:<pipeline>:<target id>."""
    orders.add(7)
    one = millrace(orders.route()).start()
    target.await_positions(orders.topic, {0: 7}, 60, one.must_run)
    await_(lambda: streams.committed(one.group, orders.topic).get(0, (0,))[0] == 7, 30,
           lambda: f"the mirror: {streams.committed(one.group, orders.topic)}", one.must_run)
    one.stop()
    target_id = target.value("SELECT target_id::text FROM millrace.meta")
    assert streams.committed(one.group, orders.topic) == {0: (7, f"millrace:{one.pipeline}:{target_id}")}


def test_kafka_is_told_only_after_the_target_has_committed(orders, streams, millrace, target):
    """P1: while the flush waits for a lock, the group's commit stays behind."""
    orders.add(3)
    one = millrace(orders.route()).start()
    await_(lambda: streams.committed(one.group, orders.topic).get(0, (0,))[0] == 3, 30, "first commit", one.must_run)
    with target.connect() as holder:
        holder.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
        orders.add(4)
        await_(lambda: target.backends("wait_event_type = 'Lock'"), 30, lambda: f"a waiting flush\n{one.log_tail()}")
        assert streams.committed(one.group, orders.topic)[0][0] == 3
        holder.rollback()
    target.await_positions(orders.topic, {0: 7}, 60, one.must_run)
    await_(lambda: streams.committed(one.group, orders.topic)[0][0] == 7, 30, "the mirror", one.must_run)
    one.stop()


@pytest.mark.parametrize("loss", ["DELETE FROM millrace.positions", "DROP SCHEMA millrace CASCADE"],
                         ids=["positions deleted", "control schema dropped"])
def test_a_target_that_lost_its_positions_is_not_loaded_from_kafkas_commit(loss, orders, streams, millrace, target):
    """Design 4: our own commit, but no position: HALT source.position_missing."""
    orders.add(5)
    one = millrace(orders.route())
    one.load_to_end()
    await_(lambda: streams.committed(one.group, orders.topic).get(0, (0,))[0] == 5, 30, "the mirror")
    target.run(loss)
    target.run("DROP TABLE orders")
    orders.add(2)
    one.load_to_end(expect=75)
    assert "source.position_missing" in one.error_codes()
    assert target.count("orders") == 0


# -- identity
def loaded(orders, millrace, target):
    orders.add(5)
    one = millrace(orders.route())
    one.load_to_end()
    assert target.positions(orders.topic) == {0: 5}
    return one


def held(one, code: str, orders, target, position: int = 5) -> None:
    """The run ends with 75, the code is logged, nothing moved."""
    before = target.rows("orders", ["id", "a"])
    one.load_to_end(expect=75)
    assert code in one.error_codes(), one.log_tail()
    assert target.rows("orders", ["id", "a"]) == before
    assert target.positions(orders.topic) == {0: position}


def test_a_topic_that_was_made_again_is_not_resumed_silently(orders, streams, millrace, target):
    """K-04, case 160: HALT source.topic_recreated."""
    one = loaded(orders, millrace, target)
    streams.delete(orders.topic)
    streams.create(orders.topic)
    orders.add(8)
    held(one, "source.topic_recreated", orders, target)


def test_records_removed_before_they_were_loaded_are_a_gap(orders, streams, millrace, target):
    """K-05, case 159: HALT source.gap."""
    one = loaded(orders, millrace, target)
    orders.add(10)
    streams.delete_records(orders.topic, 0, 9)
    held(one, "source.gap", orders, target)


def test_a_gap_can_be_accepted(orders, streams, millrace, target):
    """Design 4: on_data_loss = continue."""
    loaded(orders, millrace, target)
    orders.add(10)
    streams.delete_records(orders.topic, 0, 9)
    accepting = millrace(orders.route(), name="accepting", on_data_loss="continue")
    accepting.load_to_end()
    assert accepting.events("offsets_lost", first="5", last="8"), accepting.log_tail()
    assert ids(target) == [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14]


def test_records_removed_behind_the_position_are_no_gap(orders, streams, millrace, target):
    """K-05: retention that only took what is loaded already."""
    one = loaded(orders, millrace, target)
    orders.add(3)
    streams.delete_records(orders.topic, 0, 5)
    one.load_to_end()
    assert ids(target) == list(range(8))


def test_a_position_beyond_the_end_is_a_truncated_log(orders, millrace, target):
    """K-05: HALT source.truncated."""
    one = loaded(orders, millrace, target)
    target.run("UPDATE millrace.positions SET next_offset = 50")
    held(one, "source.truncated", orders, target, position=50)


def test_a_position_of_another_cluster_is_not_used(orders, millrace, target):
    """Design 4, identity: HALT source.cluster_changed."""
    one = loaded(orders, millrace, target)
    target.run("UPDATE millrace.positions SET cluster_id = 'another'")
    held(one, "source.cluster_changed", orders, target)


def test_a_topic_that_does_not_exist_holds_only_itself(orders, millrace, target):
    """K-04: HALT source.topic_missing; the other topic goes on."""
    orders.add(3)
    one = millrace([{"topic": orders.topic + "_none", "table": "none"}, *orders.route()]).start()
    target.await_positions(orders.topic, {0: 3}, 60, one.must_run)
    one.await_error("source.topic_missing", 60)
    one.stop()


def test_another_pipelines_table_is_refused(orders, millrace, target):
    """Design 4: HALT target.shared unless both say table_shared."""
    loaded(orders, millrace, target)
    other = millrace(orders.route(), name="other", pipeline=millrace.pipeline + "_other")
    other.load_to_end(expect=75)
    assert "target.shared" in other.error_codes()


def test_a_newer_control_schema_is_refused(orders, millrace, target):
    """Design 4: a newer schema_version: FATAL, exit 78."""
    one = loaded(orders, millrace, target)
    target.run("UPDATE millrace.meta SET schema_version = 9999")
    one.load_to_end(expect=78)
    assert "target.control_newer" in one.error_codes()
