"""Kills, cuts and restarts under load, with an oracle that counts every record."""

import random
import signal
import time

import pytest

from harness.streams import Load
from harness.waiting import await_
from harness.workload import Inserts

KILLS = 20


def rows_equal_positions(target, name: str) -> None:
    """G-01: rows and positions of an append table, seen by one statement, agree at every moment."""
    counted = target.query("SELECT (SELECT count(*) FROM log), coalesce((SELECT sum(next_offset) FROM "
                           "millrace.positions WHERE topic = %s), 0)", name)
    for n_rows, n_positions in counted:
        assert n_rows == n_positions, f"{n_rows} rows, but positions say {n_positions}"


def test_sigterm_under_load_ends_with_0_and_the_right_positions(pair, streams, millrace, target):
    """Design 4, stop: what is committed is exact, and the mirror equals it."""
    with Load(streams, pair.both, rate=3000) as load:
        one = millrace(pair.routes()).start()
        await_(lambda: target.count("log") > 500, 40, lambda: f"rows\n{one.log_tail()}", one.must_run)
        one.stop(expect=0)
        rows_equal_positions(target, pair.log)
        stopped_at = target.positions(pair.log)
        committed = {p: o for p, (o, _) in streams.committed(one.group, pair.log).items()}
        assert committed == stopped_at, "Kafka's commit equals the position after a clean stop"
        load.stop()
    one.load_to_end()
    pair.check(target)


@pytest.mark.timeout(600)
def test_killed_twenty_times_under_load_nothing_is_lost_or_doubled(pair, streams, millrace, target):
    """P1, G-01, G-02: kill -9 at random moments of the flush."""
    chance = random.Random(20)
    quick = {"kafka": {"session_timeout_ms": 1200}, "batch": {"max_rows": 300, "max_wait": "20ms"}}
    one = millrace(pair.routes(), **quick)
    with Load(streams, pair.both, rate=3000) as load:
        for _ in range(KILLS):
            before = target.count("log")
            one.start()
            await_(lambda n=before: target.count("log") > n, 60, lambda: f"progress\n{one.log_tail()}", one.must_run)
            time.sleep(chance.random() * 0.25)  # not a wait: the moment of the kill is what varies
            one.kill()
            rows_equal_positions(target, pair.log)
        load.stop()
    one.start()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


def test_the_registry_cut_off_for_a_while_holds_only_what_needs_it(pair, streams, schemas, registry, proxy, millrace,
                                                                   target, topic):
    """H-01: known schemas go on; a new one waits without a dead letter, then lands."""
    before_registry = proxy(registry.port)
    one = millrace(pair.routes() + [{"topic": topic("late"), "table": "late", "strategy": "append"}],
                   registry={"url": registry.url_through(before_registry.port)})
    streams.create(topic("late"))
    pair.changes.run(streams, 200)
    pair.inserts.run(streams, 200)
    one.start()
    pair.await_end(target, one.must_run)
    before_registry.cut()
    cut_at = time.monotonic()
    late = Inserts(schemas, topic("late"))
    late.run(streams, 50)
    one.await_error("registry.away", 30)
    pair.changes.run(streams, 200)
    pair.inserts.run(streams, 200)
    pair.await_end(target, one.must_run)
    await_(lambda: time.monotonic() - cut_at > 20, 30, "20 s without a registry", one.must_run)
    assert target.count("late") == 0 and target.positions(topic("late")).get(0, 0) == 0
    before_registry.resume()
    target.await_loaded(streams, topic("late"), 60, one.must_run)
    assert target.count("late") == 50 and target.letters(topic("late")) == []
    pair.check(target)
    one.stop()


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_broker_restart_is_waited_out(kill, pair, kafka, streams, millrace, target):
    """K-01: retried without end; nothing is lost or doubled."""
    one = millrace(pair.routes()).start()
    pair.changes.run(streams, 500)
    pair.inserts.run(streams, 500)
    await_(lambda: target.count("log") > 0, 40, lambda: f"rows\n{one.log_tail()}", one.must_run)
    kafka.restart(kill=kill)
    pair.changes.run(streams, 500)
    pair.inserts.run(streams, 500)
    pair.await_end(target, one.must_run, deadline_s=120)
    pair.check(target)
    one.stop()


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_postgresql_restart_under_load_is_waited_out(kill, pair, postgres, streams, millrace, target):
    """Q-01: reconnect, read the positions, go on; nothing dead-lettered."""
    with Load(streams, pair.both, rate=2000) as load:
        one = millrace(pair.routes(), batch={"max_rows": 300, "max_wait": "20ms"}).start()
        for _ in range(2):
            before = target.count("log")
            await_(lambda n=before: target.count("log") > n, 60, lambda: f"rows\n{one.log_tail()}", one.must_run)
            postgres.restart(kill=kill)
        load.stop()
    pair.await_end(target, one.must_run, deadline_s=120)
    pair.check(target)
    one.stop()


def test_connections_to_the_target_that_are_cut_again_and_again(pair, postgres, proxy, streams, millrace, target):
    """Q-01: every connection dies at a random moment, twenty times."""
    before_target = proxy(postgres.port)
    database = target.url.rsplit("/", 1)[1]
    chance = random.Random(7)
    with Load(streams, pair.both, rate=2000) as load:
        one = millrace(pair.routes(), batch={"max_rows": 300, "max_wait": "20ms"},
                       target={"url": postgres.url(database, before_target.port)}).start()
        for _ in range(20):
            before = target.count("log")
            await_(lambda n=before: target.count("log") > n, 60, lambda: f"rows\n{one.log_tail()}", one.must_run)
            time.sleep(chance.random() * 0.1)  # not a wait: the moment of the cut is what varies
            before_target.cut_connections()
            rows_equal_positions(target, pair.log)
        load.stop()
    pair.await_end(target, one.must_run, deadline_s=120)
    pair.check(target)
    one.stop()


def test_a_commit_whose_answer_is_lost_is_settled_by_the_position(pair, postgres, proxy, streams, millrace, target):
    """Q-01, case 155: the server committed, the client never heard of it: rows once, offset right."""
    before_target = proxy(postgres.port)
    database = target.url.rsplit("/", 1)[1]
    one = millrace(pair.routes(), batch={"max_rows": 200, "max_wait": "20ms"},
                   target={"url": postgres.url(database, before_target.port)}).start()
    pair.changes.run(streams, 300)
    pair.inserts.run(streams, 300)
    pair.await_end(target, one.must_run)
    for n in range(1, 4):
        before_target.lose_answer(b"COMMIT")
        pair.changes.run(streams, 100)
        pair.inserts.run(streams, 100)
        await_(lambda wanted=n: before_target.losses >= wanted, 30,
               lambda: f"a lost COMMIT\n{one.log_tail()}", one.must_run)
        pair.await_end(target, one.must_run)
        pair.check(target)
    one.stop()


def test_a_target_that_swallows_everything_is_left_and_found_again(pair, postgres, proxy, streams, millrace, target):
    """Q-01: packets vanish for some seconds, then the connections are gone."""
    before_target = proxy(postgres.port)
    database = target.url.rsplit("/", 1)[1]
    one = millrace(pair.routes(), target={"url": postgres.url(database, before_target.port)}).start()
    pair.inserts.run(streams, 200)
    pair.await_end(target, one.must_run)
    before_target.swallow()
    pair.changes.run(streams, 200)
    pair.inserts.run(streams, 200)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        one.must_run()
        assert target.count("log") == 200
        time.sleep(0.2)
    before_target.resume()
    pair.await_end(target, one.must_run, deadline_s=90)
    pair.check(target)
    one.stop()


def test_a_second_sigterm_ends_at_once_with_75_and_loses_nothing(pair, streams, millrace, target):
    """Design 4, stop: the flush waits for a lock; the second signal does not."""
    one = millrace(pair.routes(), shutdown_timeout="60s").start()
    pair.inserts.run(streams, 300)
    pair.await_end(target, one.must_run)
    with target.connect() as holder:
        holder.execute("LOCK TABLE log IN EXCLUSIVE MODE")
        pair.inserts.run(streams, 300)
        await_(lambda: target.backends("wait_event_type = 'Lock'"), 30, lambda: f"a waiting flush\n{one.log_tail()}")
        said = len(one.log_text())
        one.signal(signal.SIGTERM)
        await_(lambda: len(one.log_text()) > said, 20, "it says that it stops", one.must_run)
        one.signal(signal.SIGTERM)
        assert one.wait(20) == 75, one.log_tail()
        holder.rollback()
    rows_equal_positions(target, pair.log)
    one.load_to_end()
    pair.check(target)


def test_permission_lost_on_one_table_halts_it_and_the_other_goes_on(pair, postgres, streams, millrace, target):
    """Q-07, case 158: HALT target.privilege for log; orders goes on; nothing dead-lettered."""
    role = f"loader_{target.url.rsplit('/', 1)[1]}"
    database = target.url.rsplit("/", 1)[1]
    target.run(f"CREATE ROLE {role} LOGIN")
    target.run(f'GRANT CREATE ON DATABASE "{database}" TO {role}')
    target.run(f"GRANT ALL ON SCHEMA public TO {role}")
    url = target.url.replace("postgres@", f"{role}@")
    one = millrace(pair.routes(), target={"url": url}).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    target.run("ALTER TABLE log OWNER TO postgres")
    target.run(f"REVOKE ALL ON log FROM {role}")
    pair.inserts.run(streams, 100)
    one.await_error("target.privilege", 30)
    pair.changes.run(streams, 100)
    target.await_loaded(streams, pair.orders, 60, one.must_run)
    assert target.count("log") == 100 and target.letters(pair.log) == []
    one.stop()
    target.run(f"ALTER TABLE log OWNER TO {role}")
    one.load_to_end()
    pair.check(target)


def test_rows_that_another_session_holds_are_waited_for(pair, streams, millrace, target):
    """Q-04: a transaction of somebody else holds what the flush wants, then lets go."""
    one = millrace(pair.routes()).start()
    pair.changes.run(streams, 300)
    target.await_loaded(streams, pair.orders, 60, one.must_run)
    with target.connect() as holder:
        holder.execute("SELECT * FROM orders FOR UPDATE")
        pair.changes.run(streams, 300)
        await_(lambda: target.backends("wait_event_type = 'Lock'"), 30, lambda: f"a waiting flush\n{one.log_tail()}")
        holder.rollback()
    pair.inserts.run(streams, 10)
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()
