"""A real limit on the address space of a program without sanitizers (those reserve terabytes): wherever memory lacks,
the program says so and waits, or ends with 70; a library that aborts may end it too. Nothing is lost or doubled.
Each single allocation is refused by tests/component/no_memory_test.c and its like."""

import pathlib
import re
import resource
import signal

from harness.streams import Load
from harness.waiting import await_

ENDS = {70, -signal.SIGABRT}  # librdkafka aborts
SAYS = re.compile(r"internal\.no_memory|out of memory|53200|[Cc]annot allocate memory")


def size_bytes(pid: int) -> int:
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmSize:\s+(\d+)", text)[1]) * 1024


def limit(one, soft: int) -> None:
    resource.prlimit(one.process.pid, resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))


def test_memory_that_is_gone_for_a_while_is_waited_for(pair, streams, millrace, target, release_program):
    """G-07: the limit falls to what the running process has, and is lifted again."""
    one = millrace(pair.routes(), program=release_program, memory_limit="256MiB", batch={"max_wait": "20ms"})
    one.start()
    with Load(streams, pair.both, rate=3000) as load:
        await_(lambda: target.count("log") > 0, 60, lambda: f"a first row\n{one.log_tail()}", one.must_run)
        for _ in range(5):
            if one.is_running():
                limit(one, size_bytes(one.process.pid))
                before = target.count("log")
                await_(lambda: SAYS.search(one.log_text()) or not one.is_running() or
                       target.count("log") > before + 9000,
                       30, lambda: f"an end, a word or progress\n{one.log_tail()}")
            if one.is_running():
                limit(one, resource.RLIM_INFINITY)
            else:
                assert one.process.returncode in ENDS, one.log_tail()
                one.start()
            await_(lambda: target.count("log") > 0, 60, lambda: f"rows\n{one.log_tail()}", one.must_run)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.stop()
