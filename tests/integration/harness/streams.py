"""Kafka from the tests' side: topics, producing with an oracle beside, committed offsets."""

import threading
import time
import zlib

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic, OffsetSpec

from . import offsets
from .model import Model
from .schemas import Record
from .waiting import await_

DEADLINE_S = 30
ASK_S = 5
# A broker that is restarted on purpose is no news; reconnecting at once keeps the tests short.
QUIET = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}


class Streams:
    """One client of the broker for all tests: administration and one idempotent producer."""

    def __init__(self, bootstrap: str, replicas: int = 1):
        self.bootstrap = bootstrap
        self.replicas = replicas
        self._new_admin()
        self._partitions: dict[str, int] = {}
        self._failures: list[str] = []
        self._sent: dict[tuple[str, int], int] = {}
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 2, **QUIET,
            "queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 1 << 20,
            "message.max.bytes": 64 << 20, "message.timeout.ms": 120_000})

    def bulk(self) -> Producer:
        """A producer for very many records, without an oracle beside it."""
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20, **QUIET,
                         "queue.buffering.max.messages": 200_000})

    def _new_admin(self) -> None:
        """A client whose broker was killed may go on asking the connection to the group's coordinator in vain."""
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})

    # -- topics
    def create(self, *topics: str, partitions: int = 1, config: dict | None = None) -> None:
        new = [NewTopic(t, partitions, self.replicas, config=config or {}) for t in topics]
        for future in self.admin.create_topics(new, operation_timeout=DEADLINE_S).values():
            future.result(DEADLINE_S)
        for topic in topics:
            self._partitions[topic] = partitions
        wanted = set(topics)

        def known():
            seen = self.admin.list_topics(timeout=DEADLINE_S).topics
            return all(t in seen and len(seen[t].partitions) == partitions for t in wanted)
        await_(known, DEADLINE_S, f"topics {sorted(wanted)} in the broker's metadata")

    def add_partitions(self, topic: str, total: int) -> None:
        for future in self.admin.create_partitions([NewPartitions(topic, total)]).values():
            future.result(DEADLINE_S)

        def known():
            return len(self._producer.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions) == total
        await_(known, DEADLINE_S, f"{total} partitions of {topic} in the producer's metadata")
        self._partitions[topic] = total

    def delete(self, *topics: str) -> None:
        for future in self.admin.delete_topics(list(topics), operation_timeout=DEADLINE_S).values():
            future.result(DEADLINE_S)

        def gone():
            return not set(topics) & set(self.admin.list_topics(timeout=DEADLINE_S).topics)
        await_(gone, DEADLINE_S, f"topics {topics} deleted")

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Moves the log's start, as retention does."""
        futures = self.admin.delete_records([TopicPartition(topic, partition, before)])
        for future in futures.values():
            future.result(DEADLINE_S)

    def ends(self, topic: str) -> dict[int, int]:
        """The end offset of each partition."""
        count = self.partition_count(topic)
        ask = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(count)}

        def asked():
            try:
                return {tp.partition: future.result(DEADLINE_S).offset
                        for tp, future in self.admin.list_offsets(ask, request_timeout=ASK_S).items()}
            except KafkaException:  # a broker comes back: the client's own idea of leaders is stale
                self.admin.list_topics(topic, timeout=DEADLINE_S)
                return None
        return await_(asked, DEADLINE_S, f"end offsets of {topic}")

    def read(self, name: str) -> list:
        """All records of the topic now; none where there is no topic."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.auto.commit": False,
                             "enable.partition.eof": True, "isolation.level": "read_committed", **QUIET})
        try:
            if name not in self.admin.list_topics(timeout=DEADLINE_S).topics:
                return []
            ends = self.ends(name)
            consumer.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in ends])
            found = []
            left = len(ends)
            while left > 0:
                message = consumer.poll(10)
                assert message is not None, f"{len(found)} of {ends}"
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    left -= 1
            return found
        finally:
            consumer.close()

    def partition_count(self, topic: str) -> int:
        if topic not in self._partitions:
            self._partitions[topic] = len(self.admin.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions)
        return self._partitions[topic]

    # -- producing
    def _delivered(self, error, message) -> None:
        if error is not None:
            self._failures.append(f"{message.topic()}: {error}")

    def send(self, *records: Record, model: Model | None = None) -> None:
        """Queues records; a record without a partition goes by its key, as the oracle's keys do."""
        for record in records:
            partition = record.partition
            if partition is None:
                count = self.partition_count(record.topic)
                partition = zlib.crc32(record.key or b"") % count
            extra = {"timestamp": record.timestamp_ms} if record.timestamp_ms is not None else {}
            while True:
                try:
                    self._producer.produce(record.topic, value=record.value, key=record.key,
                                           partition=partition, headers=record.headers or None,
                                           on_delivery=self._delivered, **extra)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            if model is not None:
                model.apply(record.change)
        self._producer.poll(0)

    def flush(self) -> None:
        left = self._producer.flush(120)
        assert left == 0, f"{left} records not delivered"
        assert not self._failures, f"delivery failed: {self._failures[:3]}"

    def produce(self, *records: Record, model: Model | None = None) -> None:
        """Sends and waits until the broker has them."""
        self.send(*records, model=model)
        self.flush()

    # -- the group
    def committed(self, group: str, topic: str) -> dict[int, tuple[int, str]]:
        """Kafka's committed offset and metadata for each partition that has one."""
        count = self.partition_count(topic)
        found = {}

        def asked():
            answer = offsets.fetch(self.bootstrap, group, topic, count)
            found.update(answer or {})
            return answer is not None
        await_(asked, DEADLINE_S, f"the offsets of {group}")
        return found

    def commit(self, group: str, topic: str, offsets: dict[int, int], metadata: str = "") -> None:
        """Commits for an empty group, as another consumer would have."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, **QUIET})
        try:
            places = [TopicPartition(topic, p, o, metadata) for p, o in offsets.items()]
            consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()

    def members(self, group: str) -> dict[str, int]:
        """Member id -> number of its partitions, once the group is stable; else empty."""
        try:
            described = self.admin.describe_consumer_groups([group])[group].result(DEADLINE_S)
        except KafkaException:
            return {}
        if described.state.name != "STABLE":
            return {}
        return {m.member_id: len(m.assignment.topic_partitions) for m in described.members}


    def await_empty(self, group: str) -> None:
        """Until the group has no member left, nobody can change it from outside."""
        said = []

        def empty():
            asked = self.admin.describe_consumer_groups([group], request_timeout=ASK_S)[group]
            try:
                said[:] = [asked.result(DEADLINE_S).state.name]
            except KafkaException as error:
                said[:] = [error]
                self._new_admin()
            return said == ["EMPTY"]
        await_(empty, DEADLINE_S, lambda: f"group {group} is empty: {said}")

    def delete_group(self, group: str) -> None:
        def deleted():
            asked = self.admin.delete_consumer_groups([group], request_timeout=ASK_S)[group]
            try:
                asked.result(DEADLINE_S)
                return True
            except KafkaException as error:
                self._new_admin()
                return error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND
        await_(deleted, DEADLINE_S, f"group {group} is deleted")


class Load:
    """A thread that produces changes at a rate until it is told to stop; the oracle goes along."""

    def __init__(self, streams: Streams, workload, rate: int):
        self.streams = streams
        self.workload = workload
        self.rate = rate
        self.produced = 0
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_exc) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            began = time.monotonic()
            while not self._stop.is_set():
                due = int((time.monotonic() - began) * self.rate) - self.produced
                for _ in range(max(0, min(due, 500))):
                    self.workload.step(self.streams)
                    self.produced += 1
                self._stop.wait(0.01)
        except BaseException as error:  # shown by stop(), in the test's own thread
            self.error = error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        if self.error is not None:
            raise self.error
        self.streams.flush()
