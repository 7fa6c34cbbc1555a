"""What the tests of outages share: readiness with its reason, memory, small disks, names that may be unknown."""

import contextlib
import os
import pathlib
import re
import subprocess

import pytest
import requests

from .millrace import Millrace
from .waiting import await_

MEMORY_SLACK_KIB = 48 * 1024  # allocators and sanitizers keep some; a leak of an outage has no bound


def readiness(one: Millrace) -> tuple[int, str]:
    try:
        answer = one.get("/readyz")
        return answer.status_code, answer.text
    except requests.RequestException as error:
        return 0, str(error)


def await_unready(one: Millrace, reason: str, deadline_s: float = 30) -> None:
    """Waits until /readyz says 503 with the reason in its text."""
    seen = [0, ""]

    def unready():
        seen[:] = readiness(one)
        return seen[0] == 503 and reason in seen[1]
    await_(unready, deadline_s, lambda: f"/readyz 503 with {reason}; it says {seen}\n{one.log_tail()}", one.must_run)


def rss_kib(one: Millrace) -> int:
    text = pathlib.Path(f"/proc/{one.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


@contextlib.contextmanager
def flat_memory(one: Millrace):
    """P3: what happens inside does not make the process larger."""
    before = rss_kib(one)
    yield
    grown = rss_kib(one) - before
    assert grown < MEMORY_SLACK_KIB, f"{grown} KiB more than before ({before} KiB)"


def need_root(what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"only root may {what}")


class SmallDisk:
    """A tmpfs of its own, which can be filled to the last block and freed again."""

    def __init__(self, folder: pathlib.Path, size_kib: int):
        need_root("mount a file system")
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k,mode=0777", "tmpfs", str(folder)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")

    def fill(self) -> None:
        ballast = os.open(self.folder / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(ballast, b"\0" * size)
        finally:
            os.close(ballast)

    def free(self) -> None:
        (self.folder / "ballast").unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


class Names:
    """A hosts file that only the instances see that are told to: names can be taken away and given back."""

    def __init__(self, folder: pathlib.Path):
        need_root("mount a hosts file of its own")
        self.path = folder / "hosts"
        self.forget()

    def know(self, *names: str) -> None:
        """In place: the mount is of this file."""
        with open(self.path, "w", encoding="ascii") as hosts:
            hosts.write("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {name}\n" for name in names))

    def forget(self) -> None:
        self.know()

    def seen_by(self, one: Millrace) -> Millrace:
        plain = one.argv

        def argv(*args: str) -> list[str]:
            return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(self.path),
                    *plain(*args)]
        one.argv = argv
        return one
