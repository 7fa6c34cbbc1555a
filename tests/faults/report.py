"""The closing table, and the cases for the runner."""

import collections
import json
import statistics


def table(outcomes) -> list[str]:
    """kind, times, recovered in (median, longest), lost, twice. A difference is found at the end of a round: it is
    counted for the kinds of that round, and once in the total."""
    times = collections.defaultdict(list)
    lost, twice = collections.Counter(), collections.Counter()
    for outcome in outcomes:
        for one in outcome.happened:
            times[f"{one.kind}{'' if outcome.name == 'postgres' else f' ({outcome.name})'}"].append(one.recovered_s)
        for kinds, verdict in outcome.per_round:
            for kind in set(kinds):
                name = f"{kind}{'' if outcome.name == 'postgres' else f' ({outcome.name})'}"
                lost[name] += verdict.lost
                twice[name] += verdict.twice
    lines = [f"{'kind':<34} {'times':>5} {'recovered in p50':>17} {'max':>8} {'lost':>5} {'twice':>6}"]
    for name in sorted(times):
        took = [t for t in times[name] if t is not None]
        p50, most = (f"{statistics.median(took):.2f} s", f"{max(took):.2f} s") if took else ("-", "-")
        lines.append(f"{name:<34} {len(times[name]):>5} {p50:>17} {most:>8} {lost[name]:>5} {twice[name]:>6}")
    lines.append(total(outcomes))
    return lines


def total(outcomes) -> str:
    happened = [one for outcome in outcomes for one in outcome.happened]
    verdicts = [verdict for outcome in outcomes for _, verdict in outcome.per_round]
    return (f"total {len(happened)} faults, {len({one.kind for one in happened})} kinds, "
            f"{sum(outcome.records for outcome in outcomes)} records: "
            f"lost {sum(v.lost for v in verdicts)}, twice {sum(v.twice for v in verdicts)}")


def write(path, cases, lines) -> None:
    """cases: (status, name, detail), which tests/runner adds up."""
    path.write_text(json.dumps({"cases": cases, "table": lines}, indent=1) + "\n", encoding="utf-8")
