"""Servers for development and tests, all on loopback: Apache Kafka (one node, or three), Kafka Connect, a schema
registry, PostgreSQL with a standby, a stub of the registry with faults, a TCP proxy that can be cut, and toxiproxy.

This is the one place that knows how to fetch and start a server. Standard library only, so that
`scripts/stack.sh` works before any virtual environment exists.

    from stack import Kafka, Postgres
    kafka = Kafka(run_dir).start()
    kafka.bootstrap            # "127.0.0.1:23817"
    kafka.kill(); kafka.start()

A server ends with the process that started it, also when that process is killed. What cannot be had
on this machine raises `Unavailable`, whose text is the reason that a test suite gives for its skip.
"""

from .connect import Connect
from .fetch import Unavailable
from .kafka import Kafka
from .kafka_cluster import KafkaCluster
from .mariadb import MariaDb
from .postgres import Postgres, Standby
from .process import Server, ServerFailed, free_port, wait_until
from .proxy import TcpProxy
from .registry import Registry
from .stub_registry import Fault, StubRegistry
from .toxiproxy import Toxiproxy

__all__ = [
    "Connect", "Fault", "Kafka", "KafkaCluster", "MariaDb", "Postgres", "Registry", "Server", "ServerFailed",
    "Standby", "StubRegistry", "TcpProxy", "Toxiproxy", "Unavailable", "free_port", "wait_until",
]
