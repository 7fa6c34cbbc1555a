"""Apache Kafka, one node in KRaft mode."""

import pathlib
import socket
import struct
import subprocess

from . import fetch
from .process import Server, ServerFailed, free_port

STARTED_LOGGER = "kafka.server.KafkaRaftServer"
CLUSTER_ID = "bWlsbHJhY2UtdGVzdC0wMQ"  # any 16 bytes, base64; one cluster for all runs of one folder


def answers(host: str, port: int) -> bool:
    """Does a broker answer an ApiVersions request? An open port alone is not yet a broker."""
    client = b"stack"
    body = struct.pack(">hhih", 18, 0, 1, len(client)) + client
    try:
        with socket.create_connection((host, port), timeout=2) as link:
            link.settimeout(2)
            link.sendall(struct.pack(">i", len(body)) + body)
            head = b""
            while len(head) < 10:
                more = link.recv(10 - len(head))
                if not more:
                    return False
                head += more
    except OSError:
        return False
    _size, correlation, error = struct.unpack(">iih", head)
    return correlation == 1 and error == 0


class Kafka(Server):
    """A broker whose groups settle at once and whose internal topics have one partition."""

    name = "kafka"

    def __init__(self, run_dir, port: int | None = None, heap_mb: int = 256,
                 properties: dict[str, str] | None = None, detached: bool = False,
                 users: dict[str, str] | None = None):
        """`users` (name -> password) may come by SASL/PLAIN to a port of their own, where ACLs count for
        them; who comes to `port` without a name may do everything."""
        super().__init__(run_dir, detached)
        self.libs = fetch.kafka_libs()
        self.port = port or free_port()
        self.users = dict(users or {})
        self.sasl_port = free_port()
        self.controller_port = free_port()
        self.heap_mb = heap_mb
        self.properties = dict(properties or {})
        self.config_path = self.run_dir / "server.properties"
        self.data_dir = self.run_dir / "kafka-data"
        self._log_start = 0

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_bootstrap(self) -> str:
        return f"127.0.0.1:{self.sasl_port}"

    def _acl_settings(self) -> dict[str, str]:
        if not self.users:
            return {}
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        return {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},SASL_PLAINTEXT://{self.sasl_bootstrap},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SASL_PLAINTEXT://{self.sasl_bootstrap}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {known};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "true",
        }

    def _java(self, heap_mb: int, *options: str) -> list[str]:
        return [fetch.java(), *fetch.java_options(self.run_dir, heap_mb), *options,
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                f"-Dorg.slf4j.simpleLogger.log.{STARTED_LOGGER}=info",
                "-cp", f"{self.libs}/*"]

    def prepare(self) -> None:
        self._log_start = len(self.log_text())
        if self.config_path.exists():
            return
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(self.data_dir),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "group.consumer.min.session.timeout.ms": "1000",
            "group.consumer.min.heartbeat.interval.ms": "200",
            "broker.session.timeout.ms": "2000",  # after kill -9 the old registration must expire
            "broker.heartbeat.interval.ms": "500",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.cleaner.threads": "1",
            "log.segment.delete.delay.ms": "1000",
            "message.max.bytes": str(64 << 20),
            "replica.fetch.max.bytes": str(64 << 20),
            **self._acl_settings(),
            **self.properties,
        }
        text = "".join(f"{key}={value}\n" for key, value in settings.items())
        self.config_path.write_text(text, encoding="ascii")
        self._format()

    def _format(self) -> None:
        command = self._java(96, "-XX:TieredStopAtLevel=1") + [
            "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.config_path)]
        done = subprocess.run(command, cwd=self.run_dir, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"formatting Kafka's storage failed\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        return self._java(self.heap_mb) + ["kafka.Kafka", str(self.config_path)]

    def is_ready(self) -> bool:
        started = "Kafka Server started" in self.log_text()[self._log_start:]
        return started and answers("127.0.0.1", self.port)

    @property
    def storage(self) -> pathlib.Path:
        return self.data_dir
