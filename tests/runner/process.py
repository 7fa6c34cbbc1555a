"""Running programs with a deadline, and finding the ones that a suite left behind."""
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes this process the parent of every orphan below it, so that none can get away unseen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(cmd, log, timeout_s, env=None, cwd=None):
    """Runs `cmd` with output to the file `log`; returns its exit code, or 124 when it ran out of time."""
    with open(log, "ab") as out:
        out.write(("$ " + " ".join(map(str, cmd)) + "\n").encode())
        out.flush()
        try:
            child = subprocess.Popen([str(c) for c in cmd], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True, cwd=cwd,
                                     env={**os.environ, **(env or {})})
        except OSError as error:
            out.write(f"{cmd[0]}: {error}\n".encode())
            return 127
        try:
            return child.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            out.write(f"\nran out of time after {timeout_s} s\n".encode())
            stop_group(child)
            return 124
        except BaseException:
            stop_group(child)
            raise


def stop_group(child):
    """Ends a child and its process group: politely, then after 10 s by force."""
    for sig, wait_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, sig)
        except ProcessLookupError:
            pass
        try:
            child.wait(timeout=wait_s)
            return
        except subprocess.TimeoutExpired:
            continue


def descendants():
    """(pid, command line) of every live process below this one."""
    parent_of = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parent_of[int(stat.parent.name)] = int(fields[1])
    found = []
    for pid in parent_of:
        above = parent_of.get(pid)
        while above is not None and above != os.getpid():
            above = parent_of.get(above)
        if above == os.getpid():
            found.append((pid, command_line(pid)))
    return found


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap():
    """Collects ended orphans, so that they do not stay as zombies."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_leftovers(grace_s=5.0):
    """Gives what is still running `grace_s` to end by itself, then ends it; returns the ones that had to be."""
    deadline = time.monotonic() + grace_s
    while descendants() and time.monotonic() < deadline:
        reap()
        time.sleep(0.1)
    left = descendants()
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid, _ in descendants():
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 5
        while descendants() and time.monotonic() < deadline:
            reap()
            time.sleep(0.05)
    reap()
    return left
