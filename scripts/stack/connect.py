"""Kafka Connect, a standalone worker with Debezium's connectors and an Avro converter.

    connect = Connect(run_dir, kafka.bootstrap, registry.native_url, [fetch.debezium_postgres()]).start()
    connect.create("shop", {"connector.class": ..., ...})    # waits until its task runs
    connect.remove("shop")

Connectors are made over REST and are gone with the worker; their offsets stay in a file, so a connector of
the same name goes on where it was. A schema is registered by each record's converter, framed as Confluent's.
"""

import json
import urllib.error
import urllib.request

from . import fetch
from .process import Server, ServerFailed, free_port, wait_until

POSTGRES = "io.debezium.connector.postgresql.PostgresConnector"
MARIADB = "io.debezium.connector.mariadb.MariaDbConnector"
TASK_DEADLINE_S = 60


class Connect(Server):
    name = "connect"
    start_deadline_s = 90.0

    def __init__(self, run_dir, bootstrap: str, registry_url: str, plugins: list, heap_mb: int = 400):
        super().__init__(run_dir)
        self.libs = fetch.connect_libs()
        self.plugins = [fetch.avro_converter(), *plugins]
        self.bootstrap = bootstrap
        self.registry_url = registry_url
        self.heap_mb = heap_mb
        self.port = free_port()
        self.config_path = self.run_dir / "connect.properties"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _converter(self, side: str) -> dict[str, str]:
        options = {
            "": "io.apicurio.registry.utils.converter.AvroConverter",
            "apicurio.registry.url": self.registry_url,
            "apicurio.registry.auto-register": "true",
            "apicurio.registry.find-latest": "false",
            "apicurio.registry.as-confluent": "true",
            "apicurio.registry.headers.enabled": "false",
            "apicurio.registry.use-id": "contentId",  # what the Confluent API looks up; the default is another number
        }
        return {f"{side}.converter{'.' if key else ''}{key}": value for key, value in options.items()}

    def prepare(self) -> None:
        settings = {
            "bootstrap.servers": self.bootstrap,
            "listeners": self.url,
            "plugin.path": ",".join(map(str, self.plugins)),
            "plugin.discovery": "only_scan",
            "offset.storage.file.filename": str(self.run_dir / "offsets"),
            "offset.flush.interval.ms": "500",
            "producer.linger.ms": "2",
            "producer.max.request.size": str(32 << 20),
            "producer.buffer.memory": str(48 << 20),
            **self._converter("key"), **self._converter("value"),
        }
        self.config_path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()),
                                    encoding="ascii")

    def command(self) -> list[str]:
        return [fetch.java(), *fetch.java_options(self.run_dir, self.heap_mb), "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", f"{self.libs}/*", "org.apache.kafka.connect.cli.ConnectStandalone", str(self.config_path)]

    def is_ready(self) -> bool:
        try:
            return isinstance(self.ask("GET", "/connectors"), list)
        except (OSError, ValueError, ServerFailed):
            return False

    # -- REST
    def ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ServerFailed(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if text else None

    def states(self, connector: str) -> list[str]:
        """The states of the connector and its tasks; a failure as an exception with its trace."""
        try:
            status = self.ask("GET", f"/connectors/{connector}/status")
        except ServerFailed:
            return []
        every = [status["connector"], *status["tasks"]]
        for one in every:
            if one["state"] == "FAILED":
                raise ServerFailed(f"connector {connector}: {one.get('trace', 'no trace')}")
        return [one["state"] for one in every]

    def create(self, connector: str, settings: dict[str, str]) -> None:
        """Makes a connector, or gives one that is there other settings, and waits until its task runs."""
        self.ask("PUT", f"/connectors/{connector}/config", settings)
        self.await_running(connector)

    def await_running(self, connector: str) -> None:
        def running():
            have = self.states(connector)
            return len(have) > 1 and set(have) == {"RUNNING"}
        wait_until(running, TASK_DEADLINE_S, f"connector {connector} runs")

    def restart_connector(self, connector: str) -> None:
        self.ask("POST", f"/connectors/{connector}/restart?includeTasks=true")
        self.await_running(connector)

    def remove(self, connector: str) -> None:
        self.ask("DELETE", f"/connectors/{connector}")
