"""Faults of processes: the instances, the broker, the database server."""

import contextlib
import os
import pathlib
import resource
import signal

from .kinds import kind
from .world import SESSION_MS

STOP_S = 90


# -- instances
@kind("instance.kill", short=True, sqlite=True, instant=True)
def _(world, dice):
    """kill -9 of one instance, started again after up to two seconds."""
    one = world.pick()
    one.kill()
    world.hold(dice.uniform(0, 2))
    world.up(one)


@kind("instance.kill_all", sqlite=True)
def _(world, dice):
    """kill -9 of every instance at once."""
    for one in world.fleet:
        one.kill()
    world.hold(dice.uniform(0, 1))
    for one in world.fleet:
        world.up(one)


@kind("instance.kill_again", short=True, sqlite=True)
def _(world, dice):
    """kill -9, and again three times while it starts."""
    one = world.pick()
    for _ in range(3):
        one.kill()
        world.up(one)
        world.hold(dice.uniform(0.02, 0.6))
    world.rejoin(one)


@kind("instance.sigterm", short=True, sqlite=True)
def _(world, dice):
    """SIGTERM under load, which must end with 0."""
    one = world.pick()
    one.stop(STOP_S)
    world.hold(dice.uniform(0, 1))
    world.up(one)


@kind("instance.sigterm_all", sqlite=True)
def _(world, dice):
    """SIGTERM to every instance at once: a deployment. (The last one of a group has nobody to give to.)"""
    for one in world.fleet:
        one.signal(signal.SIGTERM)
    for one in world.fleet:
        code = one.wait(STOP_S)
        assert code == 0, f"{one.name}: exit {code} after SIGTERM\n{one.log_tail()}"
    world.hold(dice.uniform(0, 1))
    for one in world.fleet:
        world.up(one)


@kind("instance.freeze", short=True, sqlite=True)
def _(world, dice):
    """SIGSTOP until the group has thrown it out, then SIGCONT: a zombie that still has a batch open."""
    one = world.pick()
    one.suspend()
    world.hold(SESSION_MS / 1000 + dice.uniform(0.5, 2.5))
    one.resume()


@kind("instance.pause", sqlite=True)
def _(world, dice):
    """SIGSTOP for less than the session's time-out."""
    one = world.pick()
    one.suspend()
    world.hold(dice.uniform(0.2, 1.5))
    one.resume()


@kind("instance.freeze_all")
def _(world, dice):
    """SIGSTOP of every instance until the group is empty, then SIGCONT of all: everyone is a zombie."""
    for one in world.fleet:
        one.suspend()
    world.hold(SESSION_MS / 1000 + dice.uniform(0.5, 2))
    for one in world.fleet:
        one.resume()


@kind("instance.join", short=True)
def _(world, dice):
    """A further instance comes, works for some seconds and goes."""
    guest = world.guests[0]
    guest.start()
    world.hold(dice.uniform(1.5, 4))
    guest.must_run()
    guest.stop(STOP_S)


@kind("instance.storm")
def _(world, dice):
    """Five rebalances on top of each other: guests come and are stopped or killed while they join."""
    for n in range(5):
        guest = world.guests[n % len(world.guests)]
        if guest.is_running():
            guest.kill()
        guest.start()
        world.hold(dice.uniform(0.1, 0.9))
    for guest in world.guests:
        if guest.is_running() and dice.random() < 0.5:
            guest.stop(STOP_S)
        guest.kill()


@kind("instance.few_files")
def _(world, dice):
    """EMFILE: an instance may open no further descriptor when its connections are cut."""
    one = world.pick()
    pid = one.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(pathlib.Path(f"/proc/{pid}/fd"))) - 3, before[1]))
    world.servers.to_target.cut_connections()
    world.hold(dice.uniform(1, 4))
    with contextlib.suppress(ProcessLookupError):  # killed by a fault that came along
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


# -- the broker
@kind("broker.kill", sqlite=True)
def _(world, dice):
    """kill -9 of the broker."""
    world.servers.kafka.kill()
    world.hold(dice.uniform(0, 2))
    world.servers.kafka.start()


@kind("broker.restart", short=True, sqlite=True)
def _(world, dice):
    """The broker is stopped in order, and started."""
    world.servers.kafka.stop()
    world.hold(dice.uniform(0, 1))
    world.servers.kafka.start()


@kind("broker.suspend", sqlite=True)
def _(world, dice):
    """SIGSTOP of the broker, for less or longer than the sessions live."""
    world.servers.kafka.suspend()
    world.hold(dice.choice([1, SESSION_MS / 1000 + 3]))
    world.servers.kafka.resume()


# -- the database server
@kind("postgres.kill", short=True, stops="postgres")
def _(world, dice):
    """kill -9 of the server and its backends: crash recovery."""
    world.servers.postgres.kill()
    world.hold(dice.uniform(0, 2))
    world.servers.postgres.start()


@kind("postgres.restart", stops="postgres")
def _(world, dice):
    """A fast shutdown and a start."""
    world.servers.postgres.stop()
    world.hold(dice.uniform(0, 1))
    world.servers.postgres.start()


@kind("postgres.suspend", stops="postgres")
def _(world, dice):
    """SIGSTOP of the server with all its backends."""
    world.servers.suspend_postgres(signal.SIGSTOP)
    world.hold(dice.choice([1, SESSION_MS / 1000 + 3]))
    world.servers.suspend_postgres(signal.SIGCONT)


@kind("postgres.backend_killed")
def _(world, dice):
    """kill -9 of one backend: the server ends all others and recovers by itself."""
    found = world.target.backends("usename = 'loader'")
    if found:
        os.kill(dice.choice(sorted(found))[0], signal.SIGKILL)
    world.hold(0.5)
