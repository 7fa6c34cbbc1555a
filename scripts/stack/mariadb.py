"""MariaDB in a folder of its own, with a binary log of rows, as a source of changes."""

import os
import shutil
import subprocess

from . import fetch
from .process import Server, ServerFailed, free_port

SETTINGS = {
    "bind-address": "127.0.0.1",
    "server-id": "1",
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "sql-mode": "",
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "0",
    "performance-schema": "OFF",
}


class MariaDb(Server):
    name = "mariadb"
    stop_deadline_s = 30.0

    def __init__(self, run_dir, settings: dict[str, str] | None = None):
        super().__init__(run_dir)
        self.program = self._program()
        self.port = free_port()
        self.settings = {**SETTINGS, **(settings or {})}
        self.data_dir = self.run_dir.resolve() / "mariadb-data"

    @staticmethod
    def _program() -> str:
        for name in ("mariadbd", "/usr/sbin/mariadbd"):
            found = shutil.which(name)
            if found and shutil.which("mariadb-install-db") and shutil.which("my_print_defaults"):
                return found
        raise fetch.Unavailable("no MariaDB server is installed (Debian: mariadb-server-core, mariadb-client-core)")

    def _user(self) -> list[str]:
        """As root the server says so: Debian's core package makes no account for it."""
        return ["--user=root"] if os.geteuid() == 0 else []

    def prepare(self) -> None:
        if (self.data_dir / "mysql").exists():
            return
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.data_dir}", *self._user(),
             "--auth-root-authentication-method=normal", "--skip-test-db"], cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"mariadb-install-db failed\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        options = [f"--{key}={value}" for key, value in self.settings.items()]
        return [self.program, "--no-defaults", f"--datadir={self.data_dir}", f"--port={self.port}",
                f"--socket={self.data_dir}/s", f"--pid-file={self.data_dir}/pid", *self._user(), *options]

    def is_ready(self) -> bool:
        return "ready for connections" in self.log_text()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)
