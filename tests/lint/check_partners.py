#!/usr/bin/env python3
"""A test has the path of what it tests: sinks/x.c <-> tests/unit/sinks/x_test.c (consumer/base/x.c <->
tests/unit/base/x_test.c). A test of one aspect may add words: decode_limits_test.c belongs to decode.c."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

UNTESTED = "tests/lint/untested.txt"


def test_path(source):
    inner = source.removeprefix("consumer/") if source.startswith("consumer/base/") else source
    return f"tests/unit/{inner.removesuffix('.c')}_test.c"


def source_stem(test):
    """tests/unit/base/err_test.c -> consumer/base/err"""
    inner = test.removeprefix("tests/unit/").removesuffix("_test.c")
    return f"consumer/{inner}" if inner.startswith("base/") else inner


def has_source(root, test):
    stem = source_stem(test)
    folder, _, name = stem.rpartition("/")
    if folder == "support":
        folder = "tests/support"
    words = name.split("_")
    for n in range(len(words), 0, -1):
        if any((root / folder / ("_".join(words[:n]) + end)).exists() for end in (".c", ".h", ".def")):
            return True
    return False


def main():
    root = tree.root_from_arguments(__doc__)
    findings = []
    excused = {}
    for number, (path, reason) in tree.table(root, UNTESTED, ":", 2):
        excused[path] = number
        if len(reason) < 10:
            findings.append(f"{UNTESTED}:{number}: {path} needs a reason")
        if not (root / path).exists():
            findings.append(f"{UNTESTED}:{number}: {path} does not exist")
        elif not path.startswith("tests/") and (root / test_path(path)).exists():
            findings.append(f"{UNTESTED}:{number}: {path} has a test by now; remove this row")
    for source in tree.files(root, ".c"):
        if tree.is_product(source) and not (root / test_path(source)).exists() and source not in excused:
            findings.append(f"{source}:1: {test_path(source)} is missing (or a reason in {UNTESTED})")
        if source.startswith("tests/unit/") and source.endswith("_test.c"):
            if not has_source(root, source) and source not in excused:
                findings.append(f"{source}:1: there is no {source_stem(source)}.c or .h")
        if source.startswith(("tests/unit/", "tests/component/")) and source.endswith("_test.c"):
            text = (root / source).read_text(errors="replace")
            if "MR_TEST(" not in text and "MR_CONFORM(" not in text:
                findings.append(f"{source}:1: holds no MR_TEST")
    tree.finish(findings)


if __name__ == "__main__":
    main()
