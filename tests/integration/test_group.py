"""Several instances of one pipeline: joining, leaving, and the one that did not notice it was dead."""

from harness.schemas import DebeziumTable, opt
from harness.streams import Load
from harness.waiting import await_
from harness.workload import Pair


def shared_by(streams, group: str, n: int) -> bool:
    """Do exactly n members share the partitions, each with some?"""
    members = streams.members(group)
    return len(members) == n and all(members.values())


def await_members(streams, one, n: int, deadline_s: float = 40) -> None:
    """Waits until n members share the partitions; `one` is an instance that must live."""
    await_(lambda: shared_by(streams, one.group, n), deadline_s,
           lambda: f"{n} members, are {streams.members(one.group)}\n{one.log_tail()}", one.must_run)


def test_three_instances_join_and_leave_under_load(streams, schemas, topic, millrace, target):
    """P1, P2, G-03, K-12: nothing lost or doubled while partitions move; SIGTERM ends with 0."""
    pair = Pair(streams, schemas, topic, partitions=8)
    with Load(streams, pair.both, rate=1500) as load:
        first = millrace(pair.routes(), name="first").start()
        await_(lambda: target.count("log") > 0, 40, lambda: f"rows\n{first.log_tail()}", first.must_run)
        second = millrace(pair.routes(), name="second").start()
        await_members(streams, second, 2)
        third = millrace(pair.routes(), name="third").start()
        await_members(streams, third, 3)
        second.stop(expect=0)
        await_members(streams, first, 2)
        third.kill()
        await_members(streams, first, 1)
        load.stop()
        pair.await_end(target, first.must_run)
    pair.check(target)
    first.stop(expect=0)


def test_an_instance_that_leaves_hands_its_partitions_over_at_once(streams, schemas, topic, millrace, target):
    """Design 4, stop: it leaves the group, so nobody waits for the session time-out."""
    pair = Pair(streams, schemas, topic, partitions=2)
    slow = {"kafka": {"session_timeout_ms": 45000}}
    first = millrace(pair.routes(), name="first", **slow).start()
    await_members(streams, first, 1)
    second = millrace(pair.routes(), name="second", **slow).start()
    await_members(streams, second, 2)
    first.stop(expect=0)
    pair.changes.run(streams, 300)
    pair.inserts.run(streams, 300)
    pair.await_end(target, second.must_run, deadline_s=25)
    pair.check(target)
    second.stop()


def test_a_zombie_in_the_middle_of_a_flush_is_fenced(streams, schemas, topic, millrace, target):
    """G-03, case 163: the first instance is stopped (SIGSTOP) inside a transaction, past its session;
    the second takes over; the first wakes up and must not add a row."""
    pair = Pair(streams, schemas, topic, partitions=2)
    short = {"kafka": {"session_timeout_ms": 2000}, "batch": {"max_rows": 200, "max_wait": "50ms"}}
    first = millrace(pair.routes(), name="first", **short).start()
    pair.changes.run(streams, 500)
    pair.inserts.run(streams, 500)
    pair.await_end(target, first.must_run)
    epochs = target.epochs(pair.log)
    with target.connect() as holder:
        holder.execute("LOCK TABLE log, orders IN EXCLUSIVE MODE")
        pair.changes.run(streams, 1000)
        pair.inserts.run(streams, 1000)
        await_(lambda: target.backends("wait_event_type = 'Lock'"), 30, lambda: f"a waiting flush\n{first.log_tail()}")
        first.suspend()
        holder.rollback()
    second = millrace(pair.routes(), name="second", **short).start()
    pair.await_end(target, second.must_run, deadline_s=60)
    assert all(target.epochs(pair.log)[p] > epoch for p, epoch in epochs.items()), "the claim raised the epochs"
    pair.check(target)
    first.resume()
    pair.changes.run(streams, 500)
    pair.inserts.run(streams, 500)
    pair.await_end(target, second.must_run, deadline_s=60)
    pair.check(target)
    await_members(streams, first, 2, 60)
    pair.inserts.run(streams, 500)
    pair.await_end(target, first.must_run, deadline_s=60)
    pair.check(target)
    first.stop()
    second.stop()


def test_two_instances_that_widen_one_table_at_once_both_go_on(streams, schemas, topic, millrace, target):
    """V-12, case 146: the same new field in two partitions, owned by two instances."""
    name = topic("orders")
    streams.create(name, partitions=2)
    columns = [("id", "int"), ("a", opt("string"))]
    table = DebeziumTable(schemas, name, columns, ["id"])
    routes = [{"topic": name, "table": "orders"}]
    both = [millrace(routes, name=n).start() for n in ("first", "second")]
    await_members(streams, both[1], 2)
    streams.produce(*(table.create({"id": i, "a": "x"}) for i in range(50)))
    wider = DebeziumTable(schemas, name, [*columns, ("c", opt("long"))], ["id"])
    streams.produce(*(wider.create({"id": i, "a": "x", "c": i}) for i in range(50, 150)))
    for one in both:
        target.await_loaded(streams, name, 60, one.must_run)
    rows = sorted(target.rows("orders", ["id", "c"]))
    assert rows == [(i, None if i < 50 else i) for i in range(150)]
    for one in both:
        one.stop()
