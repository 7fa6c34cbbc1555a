"""A cluster of three brokers: leaders that move, and a log that loses its end by an unclean election."""

import shutil

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic
from stack import KafkaCluster, Unavailable

from harness.outage import await_unready
from harness.streams import QUIET, Load, Streams
from harness.waiting import await_
from harness.workload import Inserts, Pair

QUICK = {"max_rows": 300, "max_wait": "20ms"}
WAIT_S = 60


@pytest.fixture(scope="module")
def kafka(run_dir):
    """In place of the one broker that other files share."""
    try:
        cluster = KafkaCluster(run_dir / "cluster").start()
    except Unavailable as why:
        pytest.skip(f"Kafka cannot be had here: {why}")
    yield cluster
    cluster.stop()
    for node in cluster.nodes:
        shutil.rmtree(node.storage, ignore_errors=True)


@pytest.fixture(scope="module")
def streams(kafka):
    return Streams(kafka.bootstrap, replicas=3)


@pytest.fixture(autouse=True)
def _all_nodes(kafka):
    yield
    kafka.start()


def partitions_of(streams, topic):
    return streams.admin.list_topics(topic, timeout=10).topics[topic].partitions


def leaders(streams, topic) -> dict[int, int]:
    return {p: seen.leader for p, seen in partitions_of(streams, topic).items()}


def await_in_sync(streams, topic, partition: int, *nodes: int) -> None:
    def in_sync():
        return sorted(partitions_of(streams, topic)[partition].isrs) == sorted(nodes)
    await_(in_sync, WAIT_S, lambda: f"{nodes} in sync: {partitions_of(streams, topic)[partition].isrs}")


def loads_on(target, one) -> None:
    before = target.count("log")
    await_(lambda: target.count("log") > before + 100, WAIT_S, lambda: f"progress\n{one.log_tail()}", one.must_run)


# -- leaders that move
def test_leaders_move_under_load(kafka, streams, schemas, topic, millrace, target):
    """K-01: the leader of a partition is killed, another one is stopped in order, and both come back: read on from
    where it was, by the same process, nothing lost and nothing twice."""
    pair = Pair(streams, schemas, topic, partitions=6)
    for partition in range(6):
        await_in_sync(streams, pair.log, partition, 1, 2, 3)
    one = millrace(pair.routes(), batch=QUICK).start()
    with Load(streams, pair.both, rate=1000) as load:
        loads_on(target, one)
        led = [p for p, node in leaders(streams, pair.log).items() if node == 2]
        assert led, "node 2 leads none of the log's partitions"
        kafka.node(2).kill()
        await_(lambda: 2 not in leaders(streams, pair.log).values(), WAIT_S, "others lead")
        loads_on(target, one)
        kafka.node(2).start()
        for partition in range(6):
            await_in_sync(streams, pair.log, partition, 1, 2, 3)
        kafka.node(3).stop()
        await_(lambda: 3 not in leaders(streams, pair.log).values(), WAIT_S, "others lead")
        loads_on(target, one)
        kafka.node(3).start()
        loads_on(target, one)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready()
    halted = one.events("partition_halted")
    assert not halted, halted
    one.stop()


# -- a log that loses its end
class Lossy:
    """A topic of one partition whose leader may be one that lacks records. It has its first 50 records on the nodes
    2 and 3, and 100 more on node 2 alone, which is led by node 3 after `elect()`: these are lost."""

    def __init__(self, kafka, streams, schemas, name: str):
        self.kafka, self.streams, self.topic = kafka, streams, name
        new = NewTopic(name, 1, config={"unclean.leader.election.enable": "true", "min.insync.replicas": "1"},
                       replica_assignment=[[2, 3]])
        for future in streams.admin.create_topics([new]).values():
            future.result(30)
        self.records = Inserts(schemas, name)
        await_in_sync(streams, name, 0, 2, 3)
        self.produce(50)

    def produce(self, n: int, first: int | None = None) -> None:
        """By a producer of its own: one that is idempotent gives up where records are lost."""
        if first is not None:
            self.records.seq = first - 1
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "acks": "all", "message.timeout.ms": 60000,
                             **QUIET})
        failed = []
        for _ in range(n):
            self.records.seq += 1
            seq = self.records.seq
            record = self.records.table.create({"id": seq, "seq": seq, "name": f"n{seq}", "amount": None})
            producer.produce(self.topic, key=record.key, value=record.value, partition=0,
                             on_delivery=lambda error, _: error and failed.append(error))
        assert producer.flush(60) == 0 and not failed, failed[:3]

    def extend(self) -> None:
        """What only node 2 has."""
        self.kafka.node(3).kill()
        await_in_sync(self.streams, self.topic, 0, 2)
        self.produce(100)

    def elect(self) -> None:
        self.kafka.node(2).kill()
        self.kafka.node(3).start()
        await_(lambda: leaders(self.streams, self.topic)[0] == 3, WAIT_S, "the node that lacks records leads")


@pytest.fixture
def lossy(kafka, streams, schemas, topic):
    return Lossy(kafka, streams, schemas, topic("lossy"))


def routes(lossy) -> list[dict]:
    return [{"topic": lossy.topic, "table": "log", "strategy": "append"}]


def seqs(target) -> list[int]:
    return sorted(seq for seq, in target.rows("log", ["seq"]))


def go_on_by_hand(lossy, one, target) -> None:
    """From where the logs parted, which the log's own records tell the operator."""
    done = one.command("positions", "set", f"{lossy.topic}/0", "--to", "50", "--yes")
    assert done.returncode == 0, done.stderr
    target.await_positions(lossy.topic, {0: 350}, 90, one.must_run)
    assert seqs(target) == [*range(1, 151), *range(1001, 1301)]
    assert target.letters(lossy.topic) == []


def test_records_that_were_loaded_are_truncated_while_it_runs(lossy, millrace, target):
    """K-05: others took their offsets, and more: halted with source.truncated until somebody decides."""
    one = millrace(routes(lossy), batch=QUICK).start()
    lossy.extend()
    target.await_positions(lossy.topic, {0: 150}, alive=one.must_run)
    lossy.elect()
    lossy.produce(300, first=1001)
    halted = one.await_event("partition_halted", 60, err="source.truncated")
    assert "from offset 50 to the position 150" in halted["detail"], halted
    await_unready(one, "source.truncated")
    one.await_event("partition_halted", 60, err="source.truncated", delay_ms=halted["delay_ms"])
    assert seqs(target) == list(range(1, 151))
    go_on_by_hand(lossy, one, target)
    one.stop()


def test_records_that_were_loaded_are_truncated_while_it_is_away(lossy, millrace, target):
    """K-05: the leader epoch that is kept with the position tells it to the next process."""
    one = millrace(routes(lossy), batch=QUICK).start()
    lossy.extend()
    target.await_positions(lossy.topic, {0: 150}, alive=one.must_run)
    one.kill()
    lossy.elect()
    lossy.produce(300, first=1001)
    one.start()
    one.await_event("partition_halted", 60, err="source.truncated")
    await_unready(one, "source.truncated")
    assert seqs(target) == list(range(1, 151))
    one.stop()
    one.load_to_end(expect=75)
    assert seqs(target) == list(range(1, 151))
    one.start()
    go_on_by_hand(lossy, one, target)
    one.stop()


def test_a_log_that_ends_before_the_position_halts(lossy, millrace, target):
    """K-05: nothing was written since."""
    one = millrace(routes(lossy), batch=QUICK).start()
    lossy.extend()
    target.await_positions(lossy.topic, {0: 150}, alive=one.must_run)
    lossy.elect()
    one.await_event("partition_halted", 60, err="source.truncated")
    lossy.produce(300, first=1001)
    one.await_error("source.truncated")
    assert seqs(target) == list(range(1, 151))
    go_on_by_hand(lossy, one, target)
    one.stop()
