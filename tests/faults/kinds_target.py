"""Faults of the target database itself: locks, limits, rights, disk, and statements of other people."""

import contextlib

import psycopg

from .kinds import kind
from .source import TABLES
from .targets import ROLE


def _terminate(world) -> None:
    world.target.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     f"WHERE usename = '{ROLE}' AND datname = current_database()")


def _held(world, statement: str, seconds: float) -> None:
    """A transaction of somebody else who has something, then lets it go."""
    with world.target.connect() as holder:
        try:
            holder.execute(f"SET lock_timeout = '20s'; {statement}")
            world.hold(seconds)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            pass
        holder.rollback()


@kind("postgres.terminate", short=True, instant=True, asks="postgres")
def _(world, dice):
    """pg_terminate_backend of all the program's sessions, twice."""
    for _ in range(2):
        _terminate(world)
        world.hold(dice.uniform(0.05, 0.5))


@kind("postgres.cancel")
def _(world, dice):
    """pg_cancel_backend of whatever the program's sessions do, twenty times."""
    for _ in range(20):
        world.target.run(f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
        world.hold(dice.uniform(0.01, 0.1))


@kind("postgres.lock_table", short=True)
def _(world, dice):
    """Somebody locks a table, for less or longer than `lock_timeout`."""
    table = dice.choice(TABLES)
    _held(world, f"LOCK TABLE {table} IN {dice.choice(['EXCLUSIVE', 'ACCESS EXCLUSIVE'])} MODE", dice.uniform(0.5, 4))


@kind("postgres.lock_rows")
def _(world, dice):
    """Somebody holds rows that the flushes want."""
    _held(world, f"SELECT * FROM items WHERE id % 7 = {dice.randrange(7)} FOR UPDATE", dice.uniform(0.5, 4))


@kind("postgres.lock_positions")
def _(world, dice):
    """Somebody holds the rows of the positions."""
    _held(world, "SELECT * FROM millrace.positions FOR UPDATE", dice.uniform(0.5, 3))


@kind("postgres.deadlock")
def _(world, dice):
    """Somebody changes rows in an order of his own, in the program's way, thirty times."""
    with world.target.connect() as other:
        for _ in range(30):
            try:
                other.execute("SET deadlock_timeout = '20ms'; SET lock_timeout = '500ms'")
                for key in sorted((dice.randrange(400) for _ in range(8)), reverse=True):
                    other.execute(f"SELECT 1 FROM accounts WHERE id = {key} FOR UPDATE")
                    world.hold(0.01)
                other.rollback()
            except psycopg.errors.OperationalError:
                other.rollback()


@kind("postgres.statement_timeout")
def _(world, dice):
    """A trigger sleeps for longer than `statement_timeout` in each statement on one table."""
    world.target.run("INSERT INTO dozing VALUES (%s)", dice.choice(TABLES))
    world.hold(dice.uniform(4, 8))
    world.target.run("DELETE FROM dozing")


@contextlib.contextmanager
def _role(world, *changes: tuple[str, str], end_again=False):
    """The role is altered, and back afterwards; the sessions that it has are ended, so that new ones meet it."""
    for change, _back in changes:
        world.target.run(f"ALTER ROLE {ROLE} {change}")
    _terminate(world)
    yield
    for _change, back in changes:
        world.target.run(f"ALTER ROLE {ROLE} {back}")
    if end_again:  # what a session got at its start stays with it
        _terminate(world)


@kind("postgres.connections")
def _(world, dice):
    """Too many connections: the role may have one only, and its sessions were ended."""
    with _role(world, ("CONNECTION LIMIT 1", "CONNECTION LIMIT -1")):
        world.hold(dice.uniform(1, 4))


@kind("postgres.login_refused")
def _(world, dice):
    """The role may not log in for some seconds, and its sessions were ended."""
    with _role(world, ("NOLOGIN", "LOGIN")):
        world.hold(dice.uniform(0.5, 3))


@kind("postgres.read_only")
def _(world, dice):
    """The program's transactions are read-only, as after a fail-over to a standby."""
    name = "default_transaction_read_only"
    with _role(world, (f"SET {name} = on", f"RESET {name}"), end_again=True):
        world.hold(dice.uniform(1, 4))


@kind("postgres.idle_killer")
def _(world, dice):
    """Sessions that are idle for 20 ms, in a transaction or not, are ended by the server."""
    names = ("idle_session_timeout", "idle_in_transaction_session_timeout")
    with _role(world, *((f"SET {name} = '20ms'", f"RESET {name}") for name in names), end_again=True):
        world.hold(dice.uniform(1, 3))


@kind("postgres.privilege")
def _(world, dice):
    """A table is somebody else's for some seconds: the table halts, and is probed."""
    table = dice.choice(TABLES)
    world.target.run(f"ALTER TABLE {table} OWNER TO postgres")
    world.hold(dice.uniform(0.5, 2))
    world.target.run(f"ALTER TABLE {table} OWNER TO {ROLE}")


@kind("postgres.disk_full", needs="disk")
def _(world, dice):
    """The file system of the entries has no byte left."""
    world.servers.disk.fill()
    world.hold(dice.uniform(2, 5))
    world.servers.disk.free()


@kind("postgres.rewrite")
def _(world, dice):
    """Somebody runs VACUUM FULL or CLUSTER under load."""
    table = dice.choice(["accounts", "items"])
    statement = dice.choice([f"VACUUM FULL {table}", f"CLUSTER {table} USING {table}_pkey"])
    world.target.run(statement)
    world.hold(0.2)


@kind("postgres.other_column")
def _(world, dice):
    """Somebody adds a column to a table under a cached plan, and drops it again."""
    table = dice.choice(TABLES)
    world.target.run(f"ALTER TABLE {table} ADD COLUMN theirs int DEFAULT 7")
    world.hold(dice.uniform(0.5, 2))
    world.target.run(f"ALTER TABLE {table} DROP COLUMN theirs")
