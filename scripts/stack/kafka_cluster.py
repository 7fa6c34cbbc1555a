"""Three Kafka nodes, so that leaders can move and a log can lose its end.

    cluster = KafkaCluster(run_dir).start()
    cluster.node(2).kill()
    cluster.node(2).start()
"""

import pathlib

from .kafka import Kafka
from .process import free_port

SETTINGS = {
    "offsets.topic.replication.factor": "3",
    "offsets.topic.min.insync.replicas": "1",
    "replica.lag.time.max.ms": "1500",  # a follower that died leaves the in-sync set soon
    "replica.fetch.wait.max.ms": "200",
    "controller.quorum.request.timeout.ms": "2000",
}


class KafkaCluster:
    """Node 1 is the controller, and a broker; nodes 2 and 3 are brokers only, so both may die while
    the cluster goes on."""

    def __init__(self, run_dir, heap_mb: int = 256, properties: dict[str, str] | None = None):
        self.run_dir = pathlib.Path(run_dir)
        common = {**SETTINGS, **(properties or {})}
        first = Kafka(self.run_dir / "node1", heap_mb=heap_mb, properties=common)
        self.nodes = [first]
        for number in (2, 3):
            port = free_port()
            self.nodes.append(Kafka(self.run_dir / f"node{number}", port=port, heap_mb=heap_mb, properties={
                **common, "process.roles": "broker", "node.id": str(number),
                "controller.quorum.voters": f"1@127.0.0.1:{first.controller_port}",
                "listeners": f"PLAINTEXT://127.0.0.1:{port}"}))

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def node(self, number: int) -> Kafka:
        return self.nodes[number - 1]

    def must_run(self) -> None:
        """Raises if the controller has ended."""
        self.nodes[0].must_run()

    def start(self) -> "KafkaCluster":
        for node in self.nodes:
            if not node.is_running():
                node.start()
        return self

    def stop(self) -> None:
        """The brokers first: they hand their work over to what is still there."""
        for node in reversed(self.nodes):
            node.stop()

    def __enter__(self) -> "KafkaCluster":
        return self

    def __exit__(self, *_exc) -> None:
        self.stop()
