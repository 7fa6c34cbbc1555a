#!/usr/bin/env python3
"""The house numbers that clang-tidy does not count: lines a file, lines a function (tests too), columns.

An exception is a row of size_exceptions.txt: `path | limit | date | reason`; it raises that file's limit of lines,
and is itself a finding once the file is small again.
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

MAX_LINES = {".c": 600, ".h": 200, ".py": 600, ".sh": 600}
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = {".c": 100, ".h": 100, ".def": 160, ".py": 120}
EXCEPTIONS = "tests/lint/size_exceptions.txt"


def read_exceptions(root, findings):
    exceptions = {}
    for number, (path, limit, date, reason) in tree.table(root, EXCEPTIONS, "|", 4):
        if not limit.isdigit() or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date) or len(reason) < 10:
            findings.append(f"{EXCEPTIONS}:{number}: want `path | limit | yyyy-mm-dd | reason`")
        elif not (root / path).exists():
            findings.append(f"{EXCEPTIONS}:{number}: {path} does not exist")
        else:
            exceptions[path] = (int(limit), number)
    return exceptions


def check_functions(path, text_lines):
    """Formatted C starts and ends a function's body with a brace in the first column."""
    findings = []
    opened = None
    for number, text in text_lines:
        if text == "{":
            opened = number
        elif text.startswith("}") and opened is not None:
            n_lines = number - opened - 1
            if n_lines > MAX_FUNCTION_LINES:
                findings.append(f"{path}:{opened}: function of {n_lines} lines, at most {MAX_FUNCTION_LINES}")
            opened = None
    return findings


def check_file(root, path, exceptions):
    findings = []
    suffix = Path(path).suffix
    text_lines = tree.lines(root, path)
    limit = MAX_LINES.get(suffix)
    if limit is not None:
        allowed, row = exceptions.get(path, (limit, None))
        if len(text_lines) > allowed:
            findings.append(f"{path}:{len(text_lines)}: {len(text_lines)} lines, at most {allowed}: split it by duty")
        elif row is not None and len(text_lines) <= limit:
            findings.append(f"{EXCEPTIONS}:{row}: {path} is within the limit again; remove this row")
    for number, text in text_lines:
        if len(text) > MAX_COLUMNS.get(suffix, len(text)) and "http" not in text:
            findings.append(f"{path}:{number}: {len(text)} columns, at most {MAX_COLUMNS[suffix]}")
    if suffix == ".c":
        findings += check_functions(path, text_lines)
    return findings


def main():
    root = tree.root_from_arguments(__doc__)
    findings = []
    exceptions = read_exceptions(root, findings)
    for path in tree.files(root, ".c", ".h", ".def", ".py", ".sh"):
        findings += check_file(root, path, exceptions)
    tree.finish(findings)


if __name__ == "__main__":
    main()
