"""Outages of the target: each is waited out without a restart, with flat memory, and with its reason at /readyz;
nothing is lost or doubled. Restarts and cut connections are in test_faults.py, zombies in test_group.py."""

import subprocess
import threading
import time

import psycopg
import pytest
from stack import Postgres, Standby

from harness.instances import new_database
from harness.outage import Names, SmallDisk, await_unready, flat_memory, rss_kib
from harness.streams import Load
from harness.target import PgTarget, SqliteTarget
from harness.waiting import await_

QUICK = {"max_rows": 300, "max_wait": "20ms"}
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace/%' AND "


def loads_on(target, one, deadline_s: float = 60) -> None:
    """Waits until more rows have come than there are now."""
    before = target.count("log")
    await_(lambda: target.count("log") > before, deadline_s, lambda: f"progress\n{one.log_tail()}", one.must_run)


def test_backends_that_an_administrator_ends_again_and_again(pair, streams, millrace, target):
    """Q-01, 57P01: fifteen times, at any moment of a flush."""
    with Load(streams, pair.both, rate=2000) as load:
        one = millrace(pair.routes(), batch=QUICK).start()
        for _ in range(15):
            loads_on(target, one)
            target.run(END_ALL + "datname = current_database()")
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


def test_sessions_that_are_idle_in_a_transaction_are_ended_by_others(pair, streams, millrace, target):
    """Q-01, 25P03 and its like: somebody ends whoever is idle in a transaction, all the time."""
    ended, stop = [0], threading.Event()

    def end_them():
        with psycopg.connect(target.url, autocommit=True) as link:
            while not stop.is_set():
                ended[0] += len(link.execute(END_ALL + "state = 'idle in transaction'").fetchall())
    killer = threading.Thread(target=end_them, daemon=True)
    with Load(streams, pair.both, rate=1500) as load:
        one = millrace(pair.routes(), batch=QUICK).start()
        loads_on(target, one)
        killer.start()
        await_(lambda: ended[0] >= 20, 60, lambda: f"20 ended, were {ended[0]}\n{one.log_tail()}", one.must_run)
        stop.set()
        killer.join(10)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


def test_the_servers_own_time_out_ends_a_process_that_stands_still(pair, streams, millrace, target):
    """Q-01, 25P03: stopped (SIGSTOP) between two statements of a flush for longer than a session may idle."""
    one = millrace(pair.routes(), batch=QUICK).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    with target.connect() as holder:
        holder.execute("LOCK TABLE log, orders IN EXCLUSIVE MODE")
        pair.changes.run(streams, 100)
        pair.inserts.run(streams, 100)
        await_(lambda: target.backends("wait_event_type = 'Lock'"), 30, lambda: f"a waiting flush\n{one.log_tail()}")
        one.suspend()
        holder.rollback()
    await_(lambda: target.backends("state = 'idle in transaction'"), 10, "an idle transaction")
    target.run("ALTER SYSTEM SET idle_in_transaction_session_timeout = '1s'")  # who sets none of his own
    target.run("SELECT pg_reload_conf()")
    try:
        await_(lambda: not target.backends("state = 'idle in transaction'"), 40, "the server ends it")
    finally:
        target.run("ALTER SYSTEM RESET idle_in_transaction_session_timeout")
        target.run("SELECT pg_reload_conf()")
        one.resume()
    pair.changes.run(streams, 100)
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


@pytest.mark.parametrize("limits, sqlstate", [({"lock_timeout": "200ms"}, "55P03"),
                                              ({"statement_timeout": "1s"}, "57014")],
                         ids=["lock_timeout", "statement_timeout"])
def test_a_lock_that_outlasts_the_time_outs(limits, sqlstate, pair, streams, millrace, target):
    """Q-04: the flush is aborted and tried again until the lock is gone; the batch may be halved, never lost."""
    one = millrace(pair.routes(), batch=QUICK, target=limits).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    with target.connect() as holder, Load(streams, pair.both, rate=1000) as load:
        holder.execute("LOCK TABLE log, orders IN EXCLUSIVE MODE")
        await_unready(one, f"db.{sqlstate}")
        with flat_memory(one):
            await_(lambda: one.status()["totals"]["retries"] >= 4, 30,
                   lambda: f"retries\n{one.log_tail()}", one.must_run)
        holder.rollback()
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready()
    one.stop()


def test_a_role_that_may_have_no_connection_for_a_while(pair, streams, millrace, target):
    """Q-05, 53300: PAUSE with its reason; then it goes on."""
    database = target.url.rsplit("/", 1)[1]
    role = f"few_{database}"
    target.run(f"CREATE ROLE {role} LOGIN")
    target.run(f'GRANT CREATE ON DATABASE "{database}" TO {role}')
    target.run(f"GRANT ALL ON SCHEMA public TO {role}")
    with Load(streams, pair.both, rate=1000) as load:
        one = millrace(pair.routes(), batch=QUICK, target={"url": target.url.replace("postgres@", f"{role}@")}).start()
        loads_on(target, one)
        target.run(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        target.run(END_ALL + "datname = current_database()")
        await_unready(one, "53300")
        with flat_memory(one):
            time.sleep(2)  # not a wait: the length of the outage
        target.run(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        loads_on(target, one)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready()
    one.stop()


def goes_on_after_a_full_disk(millrace, streams, pair, small, disk, rate: int) -> None:
    with Load(streams, pair.both, rate=rate) as load:
        one = millrace(pair.routes(), batch=QUICK, target={"url": small.url}).start()
        loads_on(small, one)
        disk.fill()
        await_unready(one, "db.53100", 60)
        with flat_memory(one):
            time.sleep(2)  # not a wait: the length of the outage
        disk.free()
        loads_on(small, one)
        load.stop()
    pair.await_end(small, one.must_run)
    pair.check(small)
    one.await_ready()
    one.stop()


def test_a_full_disk_under_the_tables_and_space_again(pair, postgres, run_dir, streams, millrace, tmp_path_factory):
    """Q-05, 53100: PAUSE, no dead letter; it goes on by itself when there is space."""
    disk = SmallDisk(tmp_path_factory.mktemp("disk", numbered=True).parent / "small", 40 * 1024)
    name = f"small{int(time.monotonic() * 1000)}"
    place = disk.folder / "space"
    place.mkdir()
    subprocess.run(["chown", "postgres", str(place)], check=True)
    for folder in [place, *place.parents]:
        folder.chmod(folder.stat().st_mode | 0o011)
    postgres.sql(f"CREATE TABLESPACE {name} LOCATION '{place}'")
    postgres.sql(f"CREATE DATABASE {name} TABLESPACE {name}")
    small = PgTarget(postgres.url(name))
    try:
        goes_on_after_a_full_disk(millrace, streams, pair, small, disk, rate=3000)
    finally:
        small.close()
        millrace.end()
        postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
        postgres.sql(f"DROP TABLESPACE {name}")
        disk.unmount()


def test_a_full_disk_under_an_sqlite_file_and_space_again(pair, streams, millrace, tmp_path):
    """Q-05: the same for the embedded target."""
    disk = SmallDisk(tmp_path / "small", 16 * 1024)
    small = SqliteTarget(disk.folder / "target.db")
    try:
        goes_on_after_a_full_disk(millrace, streams, pair, small, disk, rate=2000)
    finally:
        millrace.end()
        disk.unmount()


@pytest.fixture
def primary(run_dir):
    server = Postgres(run_dir / f"primary{int(time.monotonic() * 1000)}", settings={"fsync": "off"}).start()
    yield server
    server.remove()


@pytest.fixture
def standby(primary, run_dir):
    server = Standby(run_dir / f"standby{int(time.monotonic() * 1000)}", primary).start()
    yield server
    server.remove()


def hosts(database: str, *ports: int) -> str:
    return (f"postgresql://postgres@{','.join(f'127.0.0.1:{port}' for port in ports)}/{database}"
            "?target_session_attrs=read-write")


def test_a_fail_over_to_the_standby(pair, primary, standby, streams, millrace):
    """Q-06, P1: the standby is read-only until it is promoted. It may be behind: then its positions are, too, and
    what was lost with the primary is loaded again from there."""
    database = new_database(primary)
    name = database.url.rsplit("/", 1)[1]
    both = PgTarget(hosts(name, primary.port, standby.port))
    with Load(streams, pair.both, rate=2000) as load:
        one = millrace(pair.routes(), batch=QUICK, target={"url": both.url}).start()
        loads_on(both, one)
        primary.kill()
        await_unready(one, "target.away")
        with flat_memory(one):
            time.sleep(1)  # not a wait: the length of the outage
        standby.promote()
        loads_on(both, one, 90)
        load.stop()
    pair.await_end(both, one.must_run)
    pair.check(both)
    one.await_ready(60)
    one.stop()
    both.close()


def test_a_first_host_that_swallows_everything_does_not_hide_the_second(pair, primary, proxy, streams, millrace):
    """Q-06: a host without power answers nothing; the next one of the list gets its turn."""
    database = new_database(primary)
    name = database.url.rsplit("/", 1)[1]
    dead = proxy(primary.port)
    dead.swallow()
    one = millrace(pair.routes(), target={"url": hosts(name, dead.port, primary.port) + "&connect_timeout=1"}).start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(database, one.must_run)
    pair.check(database)
    one.stop()
    database.close()


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_a_target_that_is_restored_from_yesterday(running, pair, postgres, streams, millrace):
    """Design 4, identity: its positions are behind Kafka's commits; it is loaded again from there, once."""
    target = new_database(postgres)
    name = target.url.rsplit("/", 1)[1]
    one = millrace(pair.routes(), batch=QUICK, target={"url": target.url}, kafka={"session_timeout_ms": 2000}).start()
    pair.changes.run(streams, 300)
    pair.inserts.run(streams, 300)
    pair.await_end(target, one.must_run)
    one.stop()
    target.close()
    postgres.sql(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    one.start()
    pair.changes.run(streams, 300)
    pair.inserts.run(streams, 300)
    pair.await_end(target, one.must_run)
    if not running:
        one.stop()
    target.close()
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
    postgres.sql(f"ALTER DATABASE {name}_copy RENAME TO {name}")
    if not running:
        one.start()
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready(60)
    one.stop()
    target.close()


def test_names_that_nobody_knows_for_a_while(pair, kafka, registry, streams, millrace, target, tmp_path):
    """K-01, H-01, Q-01: at the start, and later on; when they are known again it goes on."""
    names = Names(tmp_path)
    database = target.url.rsplit("/", 1)[1]
    _, _, target_port = target.url.rpartition("/")[0].rpartition(":")
    known = ("db.test", "registry.test", "broker.test")
    one = names.seen_by(millrace(
        pair.routes(), batch=QUICK, kafka={"bootstrap_servers": f"broker.test:{kafka.port}"},
        registry={"url": registry.url.replace("127.0.0.1", "registry.test")},
        target={"url": f"postgresql://postgres@db.test:{target_port}/{database}"}))
    pair.changes.run(streams, 100)
    pair.inserts.run(streams, 100)
    one.start()
    await_unready(one, "source.away", 60)
    names.know(*known)
    loads_on(target, one, 90)
    names.forget()
    target.run(END_ALL + "datname = current_database()")
    pair.changes.run(streams, 100)
    await_unready(one, "target.away", 60)
    with flat_memory(one):
        time.sleep(1)  # not a wait: the length of the outage
    names.know(*known)
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()


def test_no_file_descriptor_is_left_for_a_while(pair, streams, millrace, target):
    """EMFILE: what is open goes on, what is to be opened is tried again."""
    with Load(streams, pair.both, rate=1000) as load:
        one = millrace(pair.routes(), batch=QUICK).start()
        loads_on(target, one)
        prlimit = ["prlimit", "--pid", str(one.process.pid)]
        subprocess.run([*prlimit, "--nofile=4:"], check=True)
        target.run(END_ALL + "datname = current_database()")
        one.await_event("batch_retry", 30, err="target.away")
        before = rss_kib(one)
        time.sleep(2)  # not a wait: the length of the outage
        assert rss_kib(one) - before < 48 * 1024
        subprocess.run([*prlimit, "--nofile=1024:"], check=True)
        loads_on(target, one)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready()
    one.stop()
