"""Compares a drained target with what the generators produced: every entry by its id, every account and item by its
version, every dead letter by its offset, every position with Kafka's commits and the ends of the partitions."""

import dataclasses

from .generator import ID_BITS, State
from .source import NOBODY, TABLES

MOST_SHOWN = 10


@dataclasses.dataclass
class Verdict:
    """`lost`: entries, states and dead letters that are missing or too old. `twice`: those that are there again,
    and rows that stepped back to an older version. `wrong`: what is neither."""

    lost: int = 0
    twice: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)

    def note(self, kind: str, n: int, text: str) -> None:
        if n:
            if kind != "wrong":
                setattr(self, kind, getattr(self, kind) + n)
            self.wrong.append(f"{kind} {n}: {text}")

    @property
    def is_good(self) -> bool:
        return not self.wrong


class Oracle:
    """`states`: what each generator produced. Entries up to `floors` were compared before and put away into the
    table entries_past, account by account."""

    def __init__(self, target, source):
        self.target = target
        self.source = source
        self.floors = [0] * source.n_generators

    def check(self, states: list[State]) -> Verdict:
        verdict = Verdict()
        for number, state in enumerate(states):
            self._entries(number, state, verdict)
            self._accounts(number, state, verdict)
            self._items(number, state, verdict)
        self._strangers(len(states), verdict)
        self._invariant(verdict)
        self._letters(verdict)
        back = self.target.value("SELECT count(*) FROM stepped_back")
        verdict.note("twice", back, "rows that went back to an older version for a while")
        return verdict

    def _window(self, number: int) -> tuple[int, int]:
        return number << ID_BITS, (number + 1) << ID_BITS

    def _entries(self, number: int, state: State, verdict: Verdict) -> None:
        low, high = self._window(number)
        first, last = low + self.floors[number], low + state.entries
        found, distinct, inside = self.target.query(
            f"SELECT count(*), count(DISTINCT id), count(DISTINCT CASE WHEN id > {first} AND id <= {last} THEN id END) "
            f"FROM entries WHERE id >= {low} AND id < {high}")[0]
        gone = self._missing(first, last, inside)
        verdict.note("lost", last - first - inside, f"entries of generator {number}{gone}")
        verdict.note("twice", found - distinct, f"entries of generator {number}")
        verdict.note("twice", distinct - inside, f"entries of generator {number} outside {first + 1}..{last}")

    def _missing(self, first: int, last: int, inside: int) -> str:
        """Some of the missing ids, for the report of a failure."""
        if last - first == inside:
            return ""
        have = {row[0] for row in self.target.query(f"SELECT id FROM entries WHERE id > {first} AND id <= {last}")}
        gone = [i for i in range(first + 1, last + 1) if i not in have]
        return f": {gone[:MOST_SHOWN]}"

    def _accounts(self, number: int, state: State, verdict: Verdict) -> None:
        low, high = self._window(number)
        rows = self.target.query(f"SELECT id, version, balance FROM accounts WHERE id >= {low} AND id < {high}")
        found = {i - low: (v, b) for i, v, b in rows}
        wanted = {i: (v, b) for i, (v, b) in enumerate(zip(state.versions, state.balances)) if v}
        self._compare("accounts", wanted, found, verdict)

    def _items(self, number: int, state: State, verdict: Verdict) -> None:
        low, high = self._window(number)
        rows = self.target.query(f"SELECT id, version, note FROM items WHERE id >= {low} AND id < {high}")
        found = {i - low: (v, n) for i, v, n in rows}
        wanted = {i: (v, None if v % 11 == 0 else f"{v} é {i}") for i, v in enumerate(state.items) if v > 0}
        self._compare("items", wanted, found, verdict)

    @staticmethod
    def _compare(table: str, wanted: dict, found: dict, verdict: Verdict) -> None:
        """A row that is missing, too old or that a deletion should have taken is a lost change. A version that
        nobody has produced, or other values beside the right version, is wrong."""
        if wanted == found:
            return
        differ = [k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k)]
        lost = [k for k in differ if k not in found or k not in wanted or found[k][0] < wanted[k][0]]
        shown = [(k, wanted.get(k), found.get(k)) for k in sorted(differ)[:MOST_SHOWN]]
        verdict.note("lost", len(lost), f"changes of {table} (key, wanted, found): {shown}")
        verdict.note("wrong", len(differ) - len(lost), f"rows of {table} (key, wanted, found): {shown}")

    def _strangers(self, n_generators: int, verdict: Verdict) -> None:
        for table in TABLES:
            n = self.target.value(f"SELECT count(*) FROM {table} WHERE id >= {n_generators << ID_BITS} OR id < 0")
            verdict.note("wrong", n, f"rows of {table} that must not be loaded (ids from {NOBODY} on: the scheduler's)")
        if self.source.is_evolved:
            n = self.target.value("SELECT count(*) FROM entries WHERE added <> id")
            verdict.note("wrong", n, "entries with another value in `added`")

    def _invariant(self, verdict: Verdict) -> None:
        """Of the target alone: an account's version is the number of its entries, its balance their sum."""
        (n,), = self.target.query(
            "SELECT count(*) FROM (SELECT account, sum(n) AS n, sum(amount) AS amount FROM ("
            "SELECT account, 1 AS n, amount FROM entries UNION ALL SELECT account, n, amount FROM entries_past) AS b "
            "GROUP BY account) AS e "
            "LEFT JOIN accounts AS a ON a.id = e.account "
            "WHERE a.id IS NULL OR a.version <> e.n OR a.balance <> e.amount")
        verdict.note("wrong", n, "accounts that differ from the sum of their entries")

    def _letters(self, verdict: Verdict) -> None:
        wanted, found = self.source.expected_letters, {}
        for topic, partition, offset, code in self.target.all_letters():
            place = (topic, partition, offset)
            verdict.note("twice", 1 if place in found else 0, f"dead letter {place} {code}")
            found[place] = code
        gone = [place for place in wanted if place not in found]
        more = [(place, code) for place, code in found.items() if place not in wanted]
        other = [(p, found[p], wanted[p]) for p in wanted if p in found and found[p] != wanted[p]]
        verdict.note("lost", len(gone), f"dead letters {gone[:MOST_SHOWN]}")
        verdict.note("wrong", len(more), f"records put aside without need {more[:MOST_SHOWN]}")
        verdict.note("wrong", len(other), f"dead letters with another code (found, wanted) {other[:MOST_SHOWN]}")

    # -- positions
    def check_positions(self, committed, ends: dict) -> list[str]:
        """The target's positions, Kafka's commits and the ends of the partitions are the same numbers."""
        out = []
        positions = {(topic, p): o for topic in self.source.topics.values()
                     for p, o in self.target.positions(topic).items()}
        for place, end in ends.items():
            if positions.get(place, 0) != end:
                out.append(f"{place}: the position is {positions.get(place)}, the end {end}")
            if committed.get(place, 0) != end:
                out.append(f"{place}: Kafka's commit is {committed.get(place)}, the end {end}")
        return out

    def put_away(self, states: list[State]) -> None:
        """Keeps the sums of entries that were compared, and empties the table: a soak must not fill the disk."""
        self.target.put_away()
        self.floors = [state.entries for state in states]
