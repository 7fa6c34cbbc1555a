"""Breaks a drained target that was right, one way at a time, and sees the oracle notice: a proof that cannot fail
proves nothing. Every break is taken back (a transaction that is rolled back)."""

from .schedule import plan, shown

# what is done to the target, and the lost and twice that must be found; None: only that something is wrong
BREAKS = [
    ("an entry is missing", ["DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)"], 1, 0),
    ("three entries are missing",
     ["DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY id LIMIT 3)"], 3, 0),
    ("an entry is there twice",
     ["INSERT INTO entries SELECT * FROM entries WHERE id = (SELECT min(id) FROM entries)"], 0, 1),
    ("one is missing and another there twice",
     ["DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)",
      "INSERT INTO entries SELECT * FROM entries WHERE id = (SELECT min(id) FROM entries)"], 1, 1),
    ("an item lost its last change",
     ["ALTER TABLE items DISABLE TRIGGER ALL",
      "UPDATE items SET version = version - 1 WHERE id = (SELECT max(id) FROM items)"], 1, 0),
    ("an item is missing", ["DELETE FROM items WHERE id = (SELECT max(id) FROM items)"], 1, 0),
    ("an account lost its last change",
     ["ALTER TABLE accounts DISABLE TRIGGER ALL",
      "UPDATE accounts SET version = version - 1 WHERE id = (SELECT max(id) FROM accounts)"], 1, 0),
    ("an account went back to an older state for a while",
     ["UPDATE accounts SET version = version - 1 WHERE id = (SELECT max(id) FROM accounts)",
      "UPDATE accounts SET version = version + 1 WHERE id = (SELECT max(id) FROM accounts)"], 0, 1),
    ("an item has another value", ["UPDATE items SET note = 'x' WHERE id = (SELECT max(id) FROM items)"], None, None),
    ("an entry moved to another account",
     ["UPDATE entries SET account = account + 1 WHERE id = (SELECT max(id) FROM entries)"], None, None),
    ("a record was put aside without need",
     ['INSERT INTO millrace.dead_letters (pipeline, topic, partition, "offset", code) '
      "VALUES ('p', 't', 0, 0, 'x')"], None, None),
]


def check_oracle(world) -> list[tuple[str, str, str]]:
    """Cases for the runner, of a world whose last verdict was good."""
    cases = []
    for title, statements, lost, twice in BREAKS:
        verdict = world.target.trial(statements, lambda: world.oracle.check(world.states))
        if lost is None:
            right = not verdict.is_good
        else:
            right = (verdict.lost, verdict.twice) == (lost, twice) and not verdict.is_good
        cases.append(("pass" if right else "fail", f"the oracle sees that {title}",
                      "" if right else f"lost {verdict.lost}, twice {verdict.twice}: {verdict.wrong}"))
    again = world.oracle.check(world.states)
    cases.append(("pass" if again.is_good else "fail", "the oracle finds nothing where nothing is broken",
                  "\n".join(again.wrong)))
    return cases


def check_positions(world) -> tuple[str, str, str]:
    ends = dict(world.source.ends())
    place = next(iter(ends))
    wrong = world.oracle.check_positions(ends, {**ends, place: ends[place] + 1})
    return ("pass" if len(wrong) == 2 else "fail", "the oracle sees a position that is not the partition's end",
            "\n".join(wrong))


def check_pairs(seed: int, kinds) -> tuple[str, str, str]:
    """A fault that asks a server is never given to one that stops this server."""
    faults = [fault for one in plan(seed, "pairs", kinds, 4000) for fault in one.faults if fault.companion]
    wrong = [f"{f.kind.name} with {f.companion.name}" for f in faults
             if f.kind.stops is not None and f.kind.stops == f.companion.asks]
    return ("fail" if wrong else "pass", "no fault asks a server that another one has stopped", "\n".join(wrong))


def check_schedule(seed: int, kinds) -> tuple[str, str, str]:
    first, second, other = (shown(plan(s, "postgres", kinds, 40)) for s in (seed, seed, seed + 1))
    return ("pass" if first == second != other else "fail", "a seed gives its schedule again, another one another", "")
