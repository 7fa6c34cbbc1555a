"""What all checks share: the files of the tree, its layers, and how a check ends.

A check is a program `check_*.py [--root DIR]`: exit 0 when the tree is clean, 1 with a line `file:line: text`
for each finding, 77 when it cannot run here (the last line says why). test_lint.py sees each of them fail.
"""
import argparse
import os
import sys
from pathlib import Path

SKIPPED_FOLDERS = {"build", ".git", ".venv", "__pycache__", "node_modules", ".cache"}
EXIT_SKIPPED = 77

# Folder -> layer, longest prefix first; layer -> what it sees.
LAYER_OF = (("consumer/base/", "base"), ("config/", "config"), ("schemas/", "schemas"), ("sinks/", "sinks"),
            ("consumer/", "consumer"), ("tests/", "tests"), ("bench/", "tests"))
SEES = {
    "base": {"base"},
    "config": {"base", "config"},
    "schemas": {"base", "schemas"},
    "sinks": {"base", "schemas", "sinks"},
    "consumer": {"base", "config", "schemas", "sinks", "consumer"},
    "tests": {"base", "config", "schemas", "sinks", "consumer", "tests"},
}
FOLDER_OF = {"base": "consumer/base", "config": "config", "schemas": "schemas", "sinks": "sinks",
             "consumer": "consumer", "tests": "tests"}


def layer_of(path):
    """The layer of a path relative to the root, or None."""
    for prefix, layer in LAYER_OF:
        if path.startswith(prefix):
            return layer
    return None


def is_product(path):
    return layer_of(path) not in (None, "tests")


def root_from_arguments(doc):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    return parser.parse_args().root.resolve()


def files(root, *suffixes):
    """Relative paths of the tree's files that end in one of `suffixes` (all without), sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        for name in names:
            if not suffixes or name.endswith(suffixes):
                found.append(str((Path(folder) / name).relative_to(root)))
    return sorted(found)


def lines(root, path):
    """(number, text) of each line."""
    return list(enumerate((root / path).read_text(errors="replace").splitlines(), 1))


def table(root, path, separator, n_fields):
    """Rows of a data file of the checks: fields by `separator`, `#` comments; [] without the file."""
    rows = []
    if not (root / path).exists():
        return rows
    for number, text in lines(root, path):
        if text.strip() and not text.startswith("#"):
            fields = [f.strip() for f in text.split(separator, n_fields - 1)]
            rows.append((number, fields + [""] * (n_fields - len(fields))))
    return rows


def finish(findings):
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)


def skip(reason):
    print(reason)
    sys.exit(EXIT_SKIPPED)
