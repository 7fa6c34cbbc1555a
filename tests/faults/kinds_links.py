"""Faults of links: to the target, to the broker, and of the registry's answers."""

import time

from stack import Fault

from .kinds import kind

LOSS_S = 20


def _toxic(world, link: str, name: str, attributes: dict, seconds: float, streams=("downstream",)) -> None:
    toxics = world.servers.toxics
    for stream in streams:
        toxics.add(link, name, attributes, stream)
    world.hold(seconds)
    toxics.clear(link)


# -- the target
@kind("target.cut", short=True, instant=True)
def _(world, dice):
    """Every connection to the target ends, three times."""
    for _ in range(3):
        world.servers.to_target.cut_connections()
        world.hold(dice.uniform(0.05, 0.5))


@kind("target.refused")
def _(world, dice):
    """Connections to the target end, and new ones are refused for some seconds."""
    world.servers.to_target.cut()
    world.hold(dice.uniform(0.5, 4))
    world.servers.to_target.resume()


@kind("target.swallowed")
def _(world, dice):
    """The network takes packets to the target and delivers none, then the connections are gone."""
    world.servers.to_target.swallow()
    world.hold(dice.uniform(0.5, 4))
    world.servers.to_target.resume()


@kind("target.lost_commit", short=True)
def _(world, dice):
    """The target commits, and its answer is lost with the connection; up to three times."""
    proxy = world.servers.to_target
    wanted = proxy.losses + dice.randint(1, 3)
    end = time.monotonic() + LOSS_S
    while proxy.losses < wanted:
        losses = proxy.losses
        proxy.lose_answer(b"COMMIT")
        while proxy.losses == losses:
            assert time.monotonic() < end, "no COMMIT came by"
            world.hold(0.01)


@kind("target.cut_in_copy", needs="toxics")
def _(world, dice):
    """The connection ends after some thousand bytes of a COPY."""
    _toxic(world, "target", "limit_data", {"bytes": dice.randint(2000, 200_000)}, dice.uniform(0.5, 2), ("upstream",))


@kind("target.latency", needs="toxics")
def _(world, dice):
    """Each answer of the target takes 20 to 200 ms longer."""
    _toxic(world, "target", "latency", {"latency": dice.randint(20, 150), "jitter": 50}, dice.uniform(1, 4))


@kind("target.slow", needs="toxics")
def _(world, dice):
    """A link of 50 to 500 KB/s to the target, in slices."""
    world.servers.toxics.add("target", "slicer", {"average_size": 400, "size_variation": 100, "delay": 50}, "upstream")
    _toxic(world, "target", "bandwidth", {"rate": dice.randint(50, 500)}, dice.uniform(1, 4), ("upstream",))


@kind("target.reset", needs="toxics")
def _(world, dice):
    """Connections to the target are reset, not closed."""
    _toxic(world, "target", "reset_peer", {"timeout": dice.randint(0, 300)}, dice.uniform(0.5, 2))


# -- the broker
@kind("broker.cut", short=True, sqlite=True, instant=True)
def _(world, dice):
    """Every connection to the broker ends, three times."""
    for _ in range(3):
        world.servers.to_broker.cut_connections()
        world.hold(dice.uniform(0.05, 0.5))


@kind("broker.refused", sqlite=True)
def _(world, dice):
    """Connections to the broker end, and new ones are refused for longer than sessions live."""
    world.servers.to_broker.cut()
    world.hold(dice.uniform(0.5, 6))
    world.servers.to_broker.resume()


@kind("broker.swallowed", sqlite=True)
def _(world, dice):
    """The network takes packets to the broker and delivers none."""
    world.servers.to_broker.swallow()
    world.hold(dice.uniform(0.5, 6))
    world.servers.to_broker.resume()


@kind("broker.latency", needs="toxics", sqlite=True)
def _(world, dice):
    """Each answer of the broker takes 50 to 400 ms longer."""
    _toxic(world, "broker", "latency", {"latency": dice.randint(50, 300), "jitter": 100}, dice.uniform(1, 4))


@kind("broker.slow", needs="toxics")
def _(world, dice):
    """A link of 50 to 500 KB/s from the broker, in slices."""
    world.servers.toxics.add("broker", "slicer", {"average_size": 400, "size_variation": 100, "delay": 50})
    _toxic(world, "broker", "bandwidth", {"rate": dice.randint(50, 500)}, dice.uniform(1, 4))


@kind("broker.reset", needs="toxics")
def _(world, dice):
    """Connections to the broker are reset, not closed."""
    _toxic(world, "broker", "reset_peer", {"timeout": dice.randint(0, 300)}, dice.uniform(0.5, 2))


# -- the registry: an instance without a schema starts, and a schema comes that nobody has seen
def _with_fault(world, fault: Fault, seconds: float) -> None:
    registry = world.servers.registry
    world.new_schema()
    registry.fault(fault)
    world.rejoin(world.pick())
    world.hold(seconds)
    registry.clear_faults()


@kind("registry.gone", short=True, sqlite=True)
def _(world, dice):
    """The registry refuses connections."""
    world.new_schema()
    world.servers.registry.stop()
    world.rejoin(world.pick())
    world.hold(dice.uniform(1, 4))
    world.servers.registry.start()


@kind("registry.slow", sqlite=True)
def _(world, dice):
    """Each answer of the registry takes longer than the time-out, or not quite."""
    _with_fault(world, Fault("^/schemas", delay_s=dice.choice([1.0, 4.0])), dice.uniform(1, 4))


@kind("registry.errors", sqlite=True)
def _(world, dice):
    """The registry answers 500 to 504 with its own codes."""
    status = dice.choice([500, 502, 503, 504])
    _with_fault(world, Fault("^/schemas", status=status, error_code=50002), dice.uniform(1, 4))


@kind("registry.busy")
def _(world, dice):
    """The registry answers 429, with a time after which to come back."""
    _with_fault(world, Fault("^/schemas", status=429, headers={"Retry-After": "1"}), dice.uniform(1, 3))


@kind("registry.cut_answer")
def _(world, dice):
    """The registry's answers end in their middle."""
    _with_fault(world, Fault("^/schemas", cut_after=dice.randint(1, 200)), dice.uniform(1, 3))


@kind("registry.nonsense")
def _(world, dice):
    """Twice the registry answers 200 with what is no JSON."""
    _with_fault(world, Fault("^/schemas", status=200, body="<html>", times=2), 0.5)
