"""Outages of the source and of the registry: waited out, or told and held, without a restart; nothing is lost or
doubled. A broker's restart is in test_faults.py, zombies within a flush are in test_group.py."""

import time

import pytest
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)
from stack import Fault

from harness.outage import await_unready, flat_memory
from harness.schemas import RegistryClient
from harness.streams import Load
from harness.waiting import await_
from harness.workload import Inserts, Pair

QUICK = {"max_rows": 300, "max_wait": "20ms"}


def loads_on(target, one, deadline_s: float = 60) -> None:
    """Waits until more rows have come than there are now."""
    before = target.count("log")
    await_(lambda: target.count("log") > before, deadline_s, lambda: f"progress\n{one.log_tail()}", one.must_run)


# -- the log
def test_retention_overtakes_a_consumer_that_stood_still(pair, streams, millrace, target):
    """K-05, case 159: the lost range is named, the other topic goes on, and a position that is put by hand is taken up
    by the running instance."""
    one = millrace(pair.routes(), batch=QUICK, kafka={"session_timeout_ms": 30000}).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    one.suspend()
    pair.inserts.run(streams, 1)  # answers the fetch that waits at the broker
    time.sleep(0.3)  # not a wait: the answer must have left before more records come
    pair.inserts.run(streams, 400)
    ends = streams.ends(pair.log)
    for partition, end in ends.items():
        streams.delete_records(pair.log, partition, end - 10)
    one.resume()
    gap = one.await_event("partition_halted", 60, err="source.gap")
    assert "are lost: the position is" in gap["detail"], gap
    await_unready(one, "source.gap")
    pair.changes.run(streams, 200)
    target.await_loaded(streams, pair.orders, 60, one.must_run)
    before = target.count("log")
    done = one.command("positions", "set", pair.log, "--to", "earliest", "--yes")
    assert done.returncode == 0, done.stderr
    target.await_loaded(streams, pair.log, 90, one.must_run)
    assert target.count("log") == before + 20 and target.letters(pair.log) == []
    one.stop()


@pytest.mark.parametrize("at_once", [False, True], ids=["seen", "at once"])
def test_a_topic_is_deleted_and_made_again_while_it_is_loaded(at_once, pair, streams, schemas, millrace, target):
    """K-04, case 160: halted until somebody says that the new one is meant; the other topic goes on. Made again at
    once, the client goes on in it by itself: what came until the look at its id, some seconds, is there twice."""
    one = millrace(pair.routes(), batch=QUICK).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    streams.delete(pair.log)
    if not at_once:
        one.await_error("source.topic_missing", 60)
    streams.create(pair.log, partitions=2)
    again = Inserts(schemas, pair.log)
    again.seq = 1000
    again.run(streams, 150)
    one.await_error("source.topic_recreated", 90)
    await_unready(one, "source.topic_recreated")
    assert at_once or target.count("log") == 100
    pair.changes.run(streams, 200)
    target.await_loaded(streams, pair.orders, 60, one.must_run)
    done = one.command("positions", "reset", pair.log, "--yes")
    assert done.returncode == 0, done.stderr
    target.await_loaded(streams, pair.log, 90, one.must_run)
    found = sorted(seq for seq, in target.rows("log", ["seq"]))
    assert sorted(set(found)) == [*range(1, 101), *range(1001, 1151)]
    assert at_once or len(found) == 250
    one.stop()


def test_partitions_are_added_under_load(streams, schemas, topic, millrace, target):
    """K-06: the new ones are read from their first record. Keys stay where they were: the oracle's do not move."""
    pair = Pair(streams, schemas, topic, partitions=1)
    one = millrace(pair.routes(), batch=QUICK).start()
    with Load(streams, pair.inserts, rate=1000) as load:
        loads_on(target, one)
        streams.add_partitions(pair.log, 4)
        loads_on(target, one)
        load.stop()
    pair.inserts.run(streams, 300)
    ends = streams.ends(pair.log)
    assert len([p for p, end in ends.items() if end > 0]) == 4
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


def test_ready_again_as_soon_as_the_brokers_answer(pair, kafka, streams, millrace, target):
    """K-01: not ready for as long as they are away, with nothing to do too; ready when they are back."""
    one = millrace(pair.routes(), batch=QUICK).start()
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    one.await_ready()
    kafka.kill()
    await_unready(one, "source.away")
    kafka.start()
    one.await_ready(15)
    pair.both.run(streams, 10)
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


# -- the group
def test_a_group_that_is_deleted_costs_nothing(pair, streams, millrace, target):
    """G-02: Kafka's commits are a mirror; the target's positions count."""
    one = millrace(pair.routes(), batch=QUICK)
    for _ in range(2):
        pair.changes.run(streams, 200)
        pair.inserts.run(streams, 200)
        one.start()
        pair.await_end(target, one.must_run)
        one.stop()
        await_(lambda: not streams.members(one.group), 30, "an empty group")
        for future in streams.admin.delete_consumer_groups([one.group]).values():
            future.result(30)
        pair.check(target)
    one.start()
    pair.await_end(target, one.must_run)
    pair.check(target)
    await_(lambda: len(streams.committed(one.group, pair.log)) == 2, 30, "the mirror is there again", one.must_run)
    one.stop()


@pytest.mark.parametrize("limits", [{"session_timeout_ms": 1500},
                                    {"session_timeout_ms": 1500, "max_poll_interval_ms": 2000}],
                         ids=["session", "max.poll.interval"])
def test_a_process_that_stood_still_beyond_the_groups_patience(limits, pair, streams, millrace, target):
    """K-07, K-08, G-03: SIGSTOP under load, for longer than both; it comes back, and nothing is there twice."""
    with Load(streams, pair.both, rate=1500) as load:
        one = millrace(pair.routes(), batch=QUICK, kafka=limits).start()
        for _ in range(2):
            loads_on(target, one)
            one.suspend()
            await_(lambda: not streams.members(one.group), 30, "the group gives it up")
            one.resume()
            loads_on(target, one)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


# -- rights
def deny(topic: str, user: str) -> AclBinding:
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation.READ,
                      AclPermissionType.DENY)


def test_the_right_to_read_a_topic_is_taken_away_and_given_back(pair, kafka, streams, millrace, target):
    """K-03: that topic halts with source.privilege, the other one goes on; then both do."""
    one = millrace(pair.routes(), batch=QUICK, kafka={
        "bootstrap_servers": kafka.sasl_bootstrap, "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN",
        "sasl_username": "loader", "sasl_password": "secret"}).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    rule = deny(pair.log, "loader")
    for future in streams.admin.create_acls([rule]).values():
        future.result(30)
    try:
        pair.inserts.run(streams, 100)
        one.await_error("source.privilege", 60)
        await_unready(one, "source.privilege", 60)
        with flat_memory(one):
            pair.changes.run(streams, 200)
            target.await_loaded(streams, pair.orders, 60, one.must_run)
    finally:
        only = AclBindingFilter(rule.restype, rule.name, rule.resource_pattern_type, rule.principal, rule.host,
                                rule.operation, rule.permission_type)
        for future in streams.admin.delete_acls([only]).values():
            future.result(30)
    pair.await_end(target, one.must_run, deadline_s=120)
    pair.check(target)
    one.stop()


# -- the registry
LIES = [Fault("/schemas/ids/", status=500), Fault("/schemas/ids/", status=429),
        Fault("/schemas/ids/", status=200, body='{"schema": "{\\"type\\": \\"rec', cut_after=20)]


NO_REGISTRY = [Fault("/schemas/ids/", status=200, body="{}"),
               Fault("/schemas/ids/", status=200, body="<html></html>", content_type="text/html")]


@pytest.mark.parametrize("fault", [*LIES, Fault("/schemas/ids/", delay_s=3.0),
                                   *(pytest.param(fault, marks=pytest.mark.long) for fault in NO_REGISTRY)],
                         ids=["500", "429", "cut", "slow", "empty", "html"])
def test_a_registry_that_lies_or_is_slow_costs_no_record(fault, stub, streams, topic, millrace, target):
    """H-01, H-05, H-06: nothing becomes a dead letter; what it says wrong is not remembered."""
    pair = Pair(streams, RegistryClient(stub.url), topic, partitions=2)
    pair.changes.run(streams, 50)
    pair.inserts.run(streams, 50)
    fault.times = 6
    stub.fault(fault)
    one = millrace(pair.routes(), batch=QUICK, registry={"url": stub.url}).start()
    pair.await_end(target, one.must_run, deadline_s=120)
    pair.check(target)
    one.stop()
