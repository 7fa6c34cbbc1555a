"""What does not arrive from a real source: what its connector loses, and what this version does not carry yet."""

from .debezium_work import CONNECTOR

KEEP = {
    "time.precision.mode": "structured", "decimal.handling.mode": "string", "interval.handling.mode": "string",
    "include.unknown.datatypes": "true", "column.propagate.source.type": ".*",
}
KINDS = ("made", "same")
MODES = {"defaults": CONNECTOR, "settings": KEEP}

# The columns of `main` that the connector does not send whole, and why; nothing at the target can mend them.
LOST = {
    "defaults": {
        "c_interval": "months and days are folded into microseconds; interval.handling.mode = string keeps them",
        "c_timetz": "the offset is folded into UTC; time.precision.mode = structured keeps it",
        "c_numeric": "NaN of a numeric without scale is sent as null; decimal.handling.mode = string keeps it",
    },
    "settings": {},
}

# What this version does not carry yet: (mode, made or same, table, column or None) -> the contract's row. Strict: a
# case that works fails its test until it is taken from here.
MISSING: dict[tuple, str] = {}
# Options of routes that this version refuses: option -> the contract's row.
REFUSED_OPTIONS: dict[str, str] = {}


def missing_columns(mode: str, kind: str, table: str) -> dict[str, str]:
    return {key[3]: why for key, why in MISSING.items() if key[:3] == (mode, kind, table) and key[3]}
