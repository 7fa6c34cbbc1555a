"""What does not arrive from a real source: what its connector loses, and what this version does not carry yet."""

from .debezium_work import MESSAGE_KEYS

KEEP = {
    "time.precision.mode": "structured", "decimal.handling.mode": "string", "interval.handling.mode": "string",
    "include.unknown.datatypes": "true", "column.propagate.source.type": ".*",
}
KINDS = ("made", "same")
MODES = {"defaults": MESSAGE_KEYS, "settings": KEEP}

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
STRUCTURED = ("date", "time", "time_3", "time_0", "timetz", "timestamp", "timestamp_3", "timestamp_0", "timestamptz",
              "timestamptz_3", "interval", "date_array", "timestamp_array", "timestamptz_array")
SHAPES = ("box", "lseg", "path", "polygon", "circle", "line")
STAGED_ARRAYS = ("inet", "cidr", "macaddr", "int4range", "numrange", "tsrange", "citext", "hstore")


def columns(mode: str, kind: str, table: str, names, why: str) -> dict[tuple, str]:
    return {(mode, kind, table, f"c_{name}"): why for name in names}


MISSING: dict[tuple, str] = {}
for a_kind in KINDS:
    for a_mode in MODES:
        MISSING |= columns(a_mode, a_kind, "main", ["point"], "T-40")
        MISSING |= columns(a_mode, a_kind, "more", SHAPES, "T-39, T-41")
    MISSING |= columns("defaults", a_kind, "main", ["timestamp_3"], "T-16")
    MISSING |= columns("defaults", a_kind, "more", ["numeric_array"], "T-60")
    MISSING |= columns("settings", a_kind, "main", STRUCTURED, "T-24")
    MISSING |= columns("settings", a_kind, "more", ["time_array", "timetz_array"], "T-24")
    MISSING |= {("settings", a_kind, "edges", f"e{n}"): "T-24" for n in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11)}
    MISSING |= {("defaults", a_kind, table, None): why for table, why in {
        "toast_key": "U-30", "toast_null": "U-13", "keyless_full": "E-40", "truncated": "R-20",
        "random": "U-30"}.items()}
for a_mode in MODES:
    MISSING |= columns(a_mode, "same", "main", ["hstore"], "T-38")
    MISSING |= columns(a_mode, "same", "main", ["bit_varying_30"], "T-33")
    MISSING |= columns(a_mode, "same", "more", ["numeric_small"], "T-72")
    MISSING |= columns(a_mode, "same", "more", [f"{name}_array" for name in STAGED_ARRAYS], "X-19")
    MISSING[a_mode, "same", "edges", "e13"] = "X-19"
# Options of routes that this version refuses; without them their tables cannot be equal.
REFUSED_OPTIONS = {"unavailable_null_columns": "U-13", "keyless": "E-40"}


def missing_columns(mode: str, kind: str, table: str) -> dict[str, str]:
    return {key[3]: why for key, why in MISSING.items() if key[:3] == (mode, kind, table) and key[3]}
