"""Waiting on conditions, never on time."""

import time

STEP_S = 0.03


def await_(condition, deadline_s: float, what, alive=None, step_s: float = STEP_S):
    """Calls `condition` until it gives something true, and gives that.

    what    the text of the failure, or a function that makes it (called late, so it can show state)
    alive   called on every turn; raises if waiting has become pointless, e.g. the process ended
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if alive is not None:
            alive()
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {deadline_s:g} s: {text}")
        time.sleep(step_s)
