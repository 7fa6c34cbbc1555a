"""Writes millrace's configuration (libconfig syntax) from Python values.

dict -> group, list of dicts -> list, list of scalars -> array; str, bool, int, float as they are. An
integer that does not fit 32 bits gets the suffix L, without which libconfig 1.5 reads another number.
"""

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def text(value: str) -> str:
    return '"' + "".join(ESCAPES.get(c, c) for c in value) + '"'


def value_of(value, indent: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}L" if not -(1 << 31) <= value < (1 << 31) else str(value)
    if isinstance(value, float):
        shown = repr(value)
        return shown if "." in shown or "e" in shown else f"{shown}.0"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        inner = indent + "  "
        body = "".join(f"{inner}{k} = {value_of(v, inner)};\n" for k, v in value.items())
        return "{\n" + body + indent + "}"
    if isinstance(value, (list, tuple)):
        parts = [value_of(v, indent + "  ") for v in value]
        if any(isinstance(v, dict) for v in value):
            return "( " + ", ".join(parts) + " )"
        return "[ " + ", ".join(parts) + " ]"
    raise TypeError(f"no libconfig form for {type(value).__name__}")


def document(settings: dict) -> str:
    return "".join(f"{key} = {value_of(v)};\n" for key, v in settings.items())


def merged(base: dict, over: dict) -> dict:
    """`over` laid upon `base`, group by group; lists are replaced whole."""
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out
