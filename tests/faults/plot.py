"""Two curves over time as SVG, by hand: resident memory and descriptors of every instance."""

import pathlib

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 220, 70, 30, 70
COLOURS = ["#1f6fb2", "#c2571a", "#3a8f3a", "#8a4fb5"]


def _panel(rows, column: int, scale: float, title: str, top: int, most_s: float) -> list[str]:
    most = max((row[column] / scale for row in rows), default=1) * 1.1

    def place(seconds: float, value: float) -> str:
        return f"{LEFT + WIDTH * seconds / most_s:.1f},{top + HEIGHT * (1 - value / scale / most):.1f}"
    out = [f'<text x="{LEFT}" y="{top - 8}">{title}</text>',
           f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>']
    for part in range(5):
        y = top + HEIGHT * (1 - part / 4)
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most * part / 4:,.0f}</text>')
        out.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>')
    for n, name in enumerate(sorted({row[1] for row in rows})):
        colour = COLOURS[n % len(COLOURS)]
        for pid in sorted({row[2] for row in rows if row[1] == name}):  # a new process is a new line
            points = " ".join(place(row[0], row[column]) for row in rows if row[1:3] == (name, pid))
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        out.append(f'<text x="{LEFT + 8 + 140 * n}" y="{top + 16}" fill="{colour}">{name}</text>')
    return out


def write(path: pathlib.Path, rows, marks) -> None:
    """rows: (seconds, instance, pid, rss_kib, descriptors); marks: (seconds, text), one for each comparison."""
    most_s = max((row[0] for row in rows), default=1)
    second = TOP + HEIGHT + GAP
    body = _panel(rows, 3, 1024, "resident memory, MiB", TOP, most_s)
    body += _panel(rows, 4, 1, "open descriptors", second, most_s)
    for minute in range(0, int(most_s / 60) + 1, max(1, int(most_s / 600))):
        x = LEFT + WIDTH * minute * 60 / most_s
        body.append(f'<text x="{x:.1f}" y="{second + HEIGHT + 16}" text-anchor="middle">{minute}</text>')
    body.append(f'<text x="{LEFT + WIDTH / 2}" y="{second + HEIGHT + 34}" text-anchor="middle">minutes; '
                f'{len(marks)} comparisons</text>')
    for seconds, _ in marks:
        x = LEFT + WIDTH * seconds / most_s
        body.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{second}" y2="{second + HEIGHT}" stroke="#ccc"/>')
    height = second + HEIGHT + 50
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
                    'font-family="sans-serif" font-size="12" style="background:white">\n' + "\n".join(body)
                    + "\n</svg>\n", encoding="utf-8")
