"""The oracle: applies the changes that were produced and says what the table must then hold.

It knows only the meaning of a change (design.md section 5), nothing of batches, offsets or SQL, and
is compared with the real table row by row.
"""

import collections

MAX_SHOWN = 20


class Model:
    """Strategy upsert: the row equals the key's last state."""

    def __init__(self, columns: list[str]):
        self.columns = list(columns)
        self.rows: dict[tuple, dict] = {}

    def apply(self, change: tuple | None) -> None:
        """change = (op, key, row): op c, r, u write the row; d and tombstone delete; t empties."""
        if change is None:
            return
        op, key, row = change
        if op in ("c", "r", "u"):
            self.rows[key] = row
        elif op in ("d", "tombstone"):
            self.rows.pop(key, None)
        elif op == "t":
            self.rows.clear()
        else:
            raise ValueError(f"the oracle does not know op {op!r}")

    def expected(self) -> list[tuple]:
        return [tuple(row.get(c) for c in self.columns) for row in self.rows.values()]

    def check(self, actual: list[tuple], what: str = "table") -> None:
        report = difference(self.expected(), actual, self.columns)
        assert not report, f"{what} differs from the oracle\n{report}"


class AppendModel(Model):
    """Strategy append: every change is one row, except tombstones of envelope topics (R-26)."""

    def __init__(self, columns: list[str]):
        super().__init__(columns)
        self.log: list[dict] = []

    def apply(self, change: tuple | None) -> None:
        if change is None or change[0] == "tombstone":
            return
        op, key, row = change
        self.log.append({**(row or {}), "_op": op, "_key": key})

    def expected(self) -> list[tuple]:
        return [tuple(row.get(c) for c in self.columns) for row in self.log]


def _order(row: tuple):
    return tuple((value is not None, str(type(value)), str(value)) for value in row)


def difference(expected: list[tuple], actual: list[tuple], columns: list[str]) -> str:
    """Empty if both hold the same rows, each as often; else a report that names the columns."""
    want = collections.Counter(map(tuple, expected))
    have = collections.Counter(map(tuple, actual))
    if want == have:
        return ""
    missing = sorted((want - have).elements(), key=_order)
    extra = sorted((have - want).elements(), key=_order)
    lines = [f"expected {len(expected)} rows, found {len(actual)}: "
             f"{len(missing)} missing or wrong, {len(extra)} unexpected"]
    by_first = {row[:1]: row for row in extra}
    shown = 0
    for row in missing[:MAX_SHOWN]:
        twin = by_first.pop(row[:1], None)
        if twin is None:
            lines.append(f"  missing    {_named(row, columns)}")
        else:
            parts = [f"{c}: expected {w!r}, found {h!r}" for c, w, h in zip(columns, row, twin) if w != h]
            if want[row] > 1 or have[row]:
                parts.append(f"times: expected {want[row]}, found {have[row]}")
            lines.append(f"  differs    {columns[0]}={row[0]!r}  " + "; ".join(parts))
            extra.remove(twin)
        shown += 1
    for row in extra[:MAX_SHOWN]:
        times = f"  ({have[row]} times, expected {want[row]})" if have[row] > 1 else ""
        lines.append(f"  unexpected {_named(row, columns)}{times}")
        shown += 1
    if len(missing) + len(extra) > shown:
        lines.append("  ...")
    return "\n".join(lines)


def _named(row: tuple, columns: list[str]) -> str:
    return ", ".join(f"{c}={v!r}" for c, v in zip(columns, row))
