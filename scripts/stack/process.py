"""One server process: started, awaited, stopped, killed, restarted; never left behind.

A server that the tests start dies with them: the kernel sends it a signal when the starting thread
ends (PR_SET_PDEATHSIG, so servers are started from the main thread), and an exit hook stops what is
still there. A server started with `detached=True` outlives the command that started it.
"""

import atexit
import ctypes
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import weakref

PR_SET_PDEATHSIG = 1
STOPPED_STATES = "TtZX"
_libc = ctypes.CDLL(None, use_errno=True)
_live: "weakref.WeakSet[Server]" = weakref.WeakSet()


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the text has the end of its log."""


def free_port() -> int:
    """A port nobody listens on, below the range from which the kernel takes outgoing ports."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        if port_is_free(port):
            return port
    raise ServerFailed("no free port between 20000 and 32000")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(condition, deadline_s: float, what: str, step_s: float = 0.05):
    """Calls `condition` until it gives something true, and gives that; else TimeoutError."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {deadline_s:g} s")
        time.sleep(step_s)


def _stat_fields(pid: int) -> list[str] | None:
    """What /proc tells of a process, from its state on; None if gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()


def process_start_time(pid: int) -> int | None:
    """The kernel's start time of a process, which tells a pid from a later one's; None if gone."""
    fields = _stat_fields(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def process_state(pid: int) -> str:
    """The kernel's letter for what the process does (proc(5)); Z, as of a dead one, if gone."""
    fields = _stat_fields(pid)
    return "Z" if fields is None else fields[0]


def children_of(pid: int) -> list[int]:
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat_fields(int(entry.name))
            if fields is not None and int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


class Server:
    """Base of all servers. A subclass gives `command()`, `is_ready()` and, if needed, `prepare()`."""

    name = "server"
    start_deadline_s = 60.0
    stop_signal = signal.SIGTERM
    stop_deadline_s = 20.0
    parent_death_signal = signal.SIGKILL
    run_as: str | None = None

    def __init__(self, run_dir, detached: bool = False):
        self.run_dir = pathlib.Path(run_dir)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.log_path = self.run_dir / f"{self.name}.log"
        self.detached = detached
        self.process: subprocess.Popen | None = None

    # -- what a subclass fills in
    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def prepare(self) -> None:
        """Makes what the process needs before its first start; called before every start."""

    def is_ready(self) -> bool:
        raise NotImplementedError

    # -- life
    def start(self):
        if self.is_running():
            raise ServerFailed(f"{self.name} is running already")
        self.prepare()
        self._spawn()
        self._await_ready()
        return self

    def _spawn(self) -> None:
        death_signal = int(self.parent_death_signal)

        def die_with_parent() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.run_dir, env=self.environment(), user=self.run_as, group=self.run_as,
                extra_groups=[] if self.run_as else None, start_new_session=True,
                preexec_fn=None if self.detached else die_with_parent)
        if not self.detached:
            _live.add(self)

    def _await_ready(self) -> None:
        def settled():
            return self.process.poll() is not None or self.is_ready()
        try:
            wait_until(settled, self.start_deadline_s, f"{self.name} ready")
        except TimeoutError as late:
            self.kill()
            raise ServerFailed(f"{late}\n{self.log_tail()}") from late
        if self.process.poll() is not None:
            raise ServerFailed(f"{self.name} ended with status {self.process.returncode} "
                               f"while starting\n{self.log_tail()}")

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Ends the server in its own way; kills it if that takes longer than the deadline."""
        if not self.is_running():
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(self.stop_deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
        _live.discard(self)

    def kill(self) -> None:
        """kill -9, of the process and of those that it started; returns when all are gone. It is halted
        first: what it forked after its children were listed would outlive it, and PostgreSQL refuses to
        start where one of an older server's processes still holds its shared memory."""
        if self.is_running():
            os.kill(self.pid, signal.SIGSTOP)
            wait_until(lambda: process_state(self.pid) in STOPPED_STATES, 10, f"{self.name} halted", 0.001)
            family = {pid: process_start_time(pid) for pid in [self.pid, *children_of(self.pid)]}
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait(10)
            wait_until(lambda: all(began is None or process_start_time(pid) != began for pid, began in family.items()),
                       10, f"the processes of {self.name} gone", 0.005)
        _live.discard(self)

    def must_run(self) -> None:
        """Raises where the server ended by itself, or a test left it stopped, with the end of its log;
        it is started again first, so that one test fails for it and not all that follow."""
        if self.is_running():
            return
        status = "was never started" if self.process is None else f"ended with status {self.process.returncode}"
        log = self.log_tail()
        self.start()
        raise ServerFailed(f"{self.name} was found not running: it {status}\n{log}")

    def restart(self, kill: bool = False):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def suspend(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def log_text(self) -> str:
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def log_tail(self, n_lines: int = 30) -> str:
        return "\n".join(self.log_text().splitlines()[-n_lines:])

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.stop()


@atexit.register
def _stop_all() -> None:
    for server in list(_live):
        server.kill()
