"""Reads logfmt: key=value, key="quoted value"; one event a line."""

import re

PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)=("(?:[^"\\]|\\.)*"|\S*)')
UNESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse(line: str) -> dict[str, str]:
    out = {}
    for key, raw in PAIR.findall(line):
        if raw.startswith('"') and raw.endswith('"') and len(raw) >= 2:
            raw = re.sub(r"\\(.)", lambda m: UNESCAPES.get(m[1], m[1]), raw[1:-1])
        out[key] = raw
    return out


def matches(event: dict[str, str], name: str | None, keys: dict) -> bool:
    if name is not None and event.get("event") != name:
        return False
    return all(event.get(key) == str(value) for key, value in keys.items())
