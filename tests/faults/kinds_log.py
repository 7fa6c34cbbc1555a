"""Faults of what is in the log, and of the group: poison, transactions, partitions, retention, offsets."""

from confluent_kafka import KafkaException

from .kinds import kind

MOST_BAD = 5
STOP_S = 90


@kind("poison.truncated", short=True, sqlite=True)
def _(world, dice):
    """Records that end in their middle, among good ones."""
    for _ in range(dice.randint(1, MOST_BAD)):
        world.source.bad("entries", world.source.truncated(), "avro.truncated", dice.randrange(2))
    world.source.flush()
    world.hold(0)


@kind("poison.refused", short=True)
def _(world, dice):
    """Entries that only the target refuses, by a CHECK: each is found in its batch."""
    for _ in range(dice.randint(1, MOST_BAD)):
        world.source.bad("entries", world.source.forbidden(), "db.23514", dice.randrange(2))
    world.source.flush()
    world.hold(0)


@kind("poison.unknown_schema")
def _(world, dice):
    """A record of a schema that no registry has: its partition waits for 30 s, then it is put aside."""
    world.source.bad("entries", world.source.unknown_schema(), "schema.unknown_id", dice.randrange(2))
    world.source.flush()
    world.hold(1)


@kind("transaction.aborted")
def _(world, dice):
    """A transaction writes entries and is aborted."""
    with world.source.open_transaction(dice.randint(10, 200)):
        world.hold(dice.uniform(0, 0.5))


@kind("transaction.open", sqlite=True)
def _(world, dice):
    """A transaction stays open for some seconds: readers of what is committed wait behind it. Then it is aborted."""
    with world.source.open_transaction(dice.randint(10, 200)):
        world.hold(dice.uniform(2, 4))


@kind("topic.partition_added")
def _(world, dice):
    """The topic of the entries gets a partition, which fills at once."""
    world.source.add_partition()
    world.hold(0.2)


@kind("topic.trimmed", short=True, sqlite=True)
def _(world, dice):
    """Records that were loaded are deleted from the log's start, as retention does."""
    streams = world.servers.streams
    for (topic, partition), offset in sorted((world.positions() or {}).items()):
        if offset > 10:
            _trim(streams, topic, partition, int(offset * dice.uniform(0.5, 0.95)))
    world.hold(0)


def _trim(streams, topic: str, partition: int, before: int) -> None:
    """Where the client asks a connection that a restart of the broker has left behind, once more."""
    try:
        streams.delete_records(topic, partition, before)
    except (KafkaException, TimeoutError):
        streams.delete_records(topic, partition, before)


def _while_empty(world, dice, work) -> None:
    """All instances stop, the group is changed, they start. They leave in order: a member that is killed while it
    joins stays in the group for as long as `max.poll.interval.ms`."""
    for one in world.fleet:
        one.stop(STOP_S)
    streams = world.servers.streams
    streams.await_empty(world.group)
    work(streams)
    world.hold(dice.uniform(0, 0.5))
    for one in world.fleet:
        world.up(one)


@kind("group.deleted")
def _(world, dice):
    """The consumer group is deleted with its offsets: the target's positions are the truth."""
    _while_empty(world, dice, lambda streams: streams.delete_group(world.group))


@kind("group.rewound", sqlite=True)
def _(world, dice):
    """Somebody commits other offsets for the group, too early and too late."""
    def work(streams) -> None:
        for topic in world.source.topics.values():
            now = world.target.positions(topic)
            streams.commit(world.group, topic, {p: dice.choice([0, o // 2, o + 10_000]) for p, o in now.items()})
    _while_empty(world, dice, work)


@kind("schema.new_id")
def _(world, dice):
    """Entries come with a schema id that nobody has seen."""
    world.new_schema()
    world.hold(0.2)


@kind("schema.field_added", sqlite=True)
def _(world, dice):
    """Entries come with a further field (later: with a new id), and an instance is killed while the column is added."""
    if world.source.is_evolved:
        world.new_schema()
    else:
        world.source.evolve_entries()
    world.hold(dice.uniform(0, 0.4))
    world.rejoin(world.pick())
