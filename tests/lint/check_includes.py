#!/usr/bin/env python3
"""Includes follow the layers; each library has an owner; the protocol is pure; each header compiles alone."""
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
PROTOCOL = "consumer/protocol/"
# A step function gets events and returns actions: no thread, lock or blocking queue.
PROTOCOL_REFUSES = {"pthread.h", "threads.h", "semaphore.h", "stdatomic.h", "base/lock.h", "base/queue.h"}
# Strategies call sink->ops and never a database.
STRATEGY_REFUSES = re.compile(r"^sinks/(pg_|sqlite)")
SYSTEM = set("""assert ctype dirent errno execinfo fcntl float fnmatch getopt glob inttypes limits locale malloc
math netdb poll sysexits pthread pwd regex sched semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool
stddef stdint stdio stdlib stdnoreturn string strings syslog termios threads time unistd wchar wctype arpa/inet net/if
netinet/in netinet/tcp sys/epoll sys/eventfd sys/file sys/ioctl sys/mman sys/prctl sys/random sys/resource
sys/signalfd sys/socket sys/stat sys/statvfs sys/syscall sys/time sys/timerfd sys/types sys/uio sys/un sys/utsname
sys/wait sanitizer/asan_interface""".split())


def read_owners(root):
    """[(header, [globs])] of owners.txt."""
    owners = []
    for _, (header, globs) in tree.table(root, "tests/lint/owners.txt", None, 2):
        owners.append((header, [g.strip() for g in globs.split(",")]))
    return owners


def check_system_header(path, header, owners):
    for owned, globs in owners:
        if header == owned:
            if path.endswith(".h") and not path.startswith("tests/"):
                return f"<{header}> in a header: keep it in its owner's .c"
            if not any(fnmatch.fnmatch(path, g) for g in globs):
                return f"<{header}> belongs to {', '.join(globs)} (tests/lint/owners.txt)"
            return None
    if header.removesuffix(".h") not in SYSTEM:
        return f"<{header}> has no owner: add a line to tests/lint/owners.txt"
    return None


def check_own_header(root, path, header, layer):
    first = header.split("/")[0]
    if ".." in header.split("/"):
        return f'"{header}": no ../, write the layer path'
    if header == "version.h" and layer in ("consumer", "tests"):
        return None
    if header.startswith("consumer/base/"):
        return f'"{header}": write "{header.removeprefix("consumer/")}"'
    if first not in tree.FOLDER_OF:
        return f'"{header}" is no layer path (base/, config/, schemas/, sinks/, consumer/)'
    if first not in tree.SEES[layer]:
        return f"{layer} must not see {first}"
    if not (root / tree.FOLDER_OF[first] / header.split("/", 1)[1]).exists():
        return f'"{header}" does not exist'
    if path.startswith("sinks/load") and STRATEGY_REFUSES.match(header):
        return f'a strategy calls sink->ops only, not "{header}"'
    return None


def check_protocol(header):
    if header in PROTOCOL_REFUSES or re.match(r"(config|schemas|sinks)/", header):
        return f"the protocol is pure: it must not see {header}"
    if header.startswith("consumer/") and not header.startswith(PROTOCOL):
        return f'the protocol is pure: it sees only "base/" and "{PROTOCOL}", not "{header}"'
    return None


def check_file(root, path, owners):
    layer = tree.layer_of(path)
    findings = []
    seen = []
    for number, text in tree.lines(root, path):
        match = INCLUDE.match(text)
        if not match:
            continue
        own, system = match.groups()
        seen.append(own or system)
        problem = check_own_header(root, path, own, layer) if own else check_system_header(path, system, owners)
        if problem is None and path.startswith(PROTOCOL):
            problem = check_protocol(own or system)
        if problem:
            findings.append(f"{path}:{number}: {problem}")
    if path.endswith(".c") and layer != "tests" and "base/ban.h" not in seen:
        findings.append(f'{path}:1: "base/ban.h" is missing; every source includes it last')
    return findings


def check_guard(root, path):
    """The guard is the include path: sinks/pg_copy.h -> MR_SINKS_PG_COPY_H."""
    name = path.removeprefix("consumer/") if path.startswith("consumer/base/") else path
    guard = "MR_" + re.sub(r"[/.-]", "_", name).upper()
    text = (root / path).read_text(errors="replace")
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        return [f"{path}:1: the guard must be {guard}"]
    return []


def compile_alone(root, include_root, path):
    layer = tree.layer_of(path)
    name = path.removeprefix("consumer/") if layer == "base" else path
    roots = [f"-I{include_root / seen}" for seen in sorted(tree.SEES[layer])]
    done = subprocess.run(["gcc", "-fsyntax-only", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE",
                           "-DMR_FAULTS=1", *roots, f"-I{root / 'build/deps/include'}", "-x", "c", "-"],
                          input=f'#include "{name}"\n', capture_output=True, text=True, timeout=60, check=False,
                          cwd=include_root)  # a quoted include is looked up in the current folder first
    if done.returncode == 0:
        return []
    first = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr[:200])
    return [f"{path}:1: does not compile alone: {first}"]


def main():
    root = tree.root_from_arguments(__doc__)
    owners = read_owners(root)
    sources = [p for p in tree.files(root, ".c", ".h") if tree.layer_of(p)]
    headers = [p for p in sources if p.endswith(".h")]
    findings = []
    for path in sources:
        findings += check_file(root, path, owners)
    for path in headers:
        findings += check_guard(root, path)
    with tempfile.TemporaryDirectory() as folder:
        for layer, target in tree.FOLDER_OF.items():
            (Path(folder) / layer).mkdir()
            (Path(folder) / layer / layer).symlink_to(root / target)
        with ThreadPoolExecutor(int(os.environ.get("MR_JOBS", "2"))) as pool:
            for found in pool.map(lambda path: compile_alone(root, Path(folder), path), headers):
                findings += found
    tree.finish(findings)


if __name__ == "__main__":
    main()
