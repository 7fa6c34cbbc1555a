"""PostgreSQL in a folder of its own. As root the server runs as user postgres, who must be able to
reach that folder."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from . import fetch
from .process import Server, ServerFailed, free_port

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "max_prepared_transactions": "10",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %a ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres(Server):
    name = "postgres"
    stop_signal = signal.SIGINT            # "fast": ends sessions, then itself
    parent_death_signal = signal.SIGQUIT   # "immediate": the server ends its backends itself

    def __init__(self, run_dir, port: int | None = None, settings: dict[str, str] | None = None,
                 detached: bool = False):
        super().__init__(run_dir, detached)
        self.bin_dir = fetch.postgres_bin()
        self.port = port or free_port()
        self.settings = {**SETTINGS, **(settings or {})}
        self.run_as = self._account()
        self.data_dir = self._place()

    @staticmethod
    def _account() -> str | None:
        if os.geteuid() != 0:
            return None
        try:
            pwd.getpwnam("postgres")
        except KeyError as none:
            raise fetch.Unavailable("running as root, and there is no user postgres") from none
        return "postgres"

    def _place(self) -> pathlib.Path:
        """The cluster's folder: in the run folder where its account can reach that, else in /tmp."""
        remembered = self.run_dir / "postgres-data.path"
        if remembered.exists():
            return pathlib.Path(remembered.read_text(encoding="utf-8").strip())
        folder = self.run_dir.resolve()
        reachable = all(os.stat(p).st_mode & 0o001 for p in [folder, *folder.parents])
        if self.run_as is None or reachable:
            place = folder / "postgres-data"
        else:
            place = pathlib.Path(tempfile.mkdtemp(prefix="millrace-pg-")) / "postgres-data"
            os.chmod(place.parent, 0o755)
        remembered.write_text(f"{place}\n", encoding="utf-8")
        return place

    def _as_owner(self, command: list[str], timeout_s: float = 60) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd="/", user=self.run_as, group=self.run_as,
                              extra_groups=[] if self.run_as else None, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout_s, check=False)

    def prepare(self) -> None:
        if (self.data_dir / "PG_VERSION").exists():
            return
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if self.run_as:
            shutil.chown(self.data_dir, self.run_as, self.run_as)
        done = self._as_owner([str(self.bin_dir / "initdb"), "-D", str(self.data_dir),
                               "-U", "postgres", "-A", "trust", "-E", "UTF8",
                               "--locale=C.UTF-8", "--no-sync"])
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed\n{done.stdout}{done.stderr}")
        settings = {**self.settings, "unix_socket_directories": str(self.data_dir)}
        with open(self.data_dir / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            for key, value in settings.items():
                conf.write(f"{key} = '{value}'\n")

    def command(self) -> list[str]:
        return [str(self.bin_dir / "postgres"), "-D", str(self.data_dir), "-p", str(self.port)]

    def is_ready(self) -> bool:
        done = subprocess.run([str(self.bin_dir / "pg_isready"), "-q", "-h", "127.0.0.1",
                               "-p", str(self.port), "-U", "postgres"], check=False,
                              stdin=subprocess.DEVNULL, timeout=10)
        return done.returncode == 0

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs one statement with psql and gives its unaligned output."""
        done = subprocess.run([str(self.bin_dir / "psql"), "-X", "-q", "-A", "-t", "-v",
                               "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"{statement}: {done.stderr.strip()}")
        return done.stdout.strip()

    def create_database(self, name: str) -> str:
        """Creates a database and gives its address."""
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def is_standby(self) -> bool:
        return self.sql("SELECT pg_is_in_recovery()") == "t"

    def remove(self) -> None:
        """Stops the server and removes its data, also where they are outside the run folder."""
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        if self.data_dir.parent.name.startswith("millrace-pg-"):
            shutil.rmtree(self.data_dir.parent, ignore_errors=True)


class Standby(Postgres):
    """A hot standby of a running server: a copy of it that follows by streaming, until it is promoted."""

    name = "standby"

    def __init__(self, run_dir, primary: Postgres, port: int | None = None):
        super().__init__(run_dir, port, settings=primary.settings)
        self.primary = primary

    def prepare(self) -> None:
        if (self.data_dir / "PG_VERSION").exists():
            return
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if self.run_as:
            shutil.chown(self.data_dir, self.run_as, self.run_as)
        done = self._as_owner([str(self.bin_dir / "pg_basebackup"), "-D", str(self.data_dir), "-R", "-X", "stream",
                               "-c", "fast", "--no-sync", "-h", "127.0.0.1", "-p", str(self.primary.port),
                               "-U", "postgres"])
        if done.returncode != 0:
            raise ServerFailed(f"pg_basebackup failed\n{done.stdout}{done.stderr}")
        with open(self.data_dir / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            conf.write(f"unix_socket_directories = '{self.data_dir}'\n")

    def promote(self) -> None:
        """Makes it the primary; returns when it takes writes."""
        self.sql("SELECT pg_promote(true, 60)")
