#!/usr/bin/env python3
"""clang-tidy 19 over the sources, with the flags of build/clang. A file whose text, headers and checks are those of
an earlier clean run is not checked again (build/lint-cache)."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

PROGRAM = "clang-tidy-19"


def common_key(root):
    """What every result depends on: the checks, all our headers, and the compiler's arguments."""
    digest = hashlib.sha256()
    for path in [".clang-tidy", "build/clang/compile_commands.json", *tree.files(root, ".h", ".def")]:
        digest.update(path.encode() + b"\0" + (root / path).read_bytes())
    return digest


def real_path(root, line):
    """Diagnostics name a header by the build's include root: build/clang/include/base/base/err.h."""
    line = line.replace(f"{root}/", "")
    match = re.match(r"build/clang/include/(\w+)/\1/", line)
    return f"{tree.FOLDER_OF[match[1]]}/{line[match.end():]}" if match else line


def check(root, cache, path, key):
    digest = key.copy()
    digest.update(path.encode() + b"\0" + (root / path).read_bytes())
    clean = cache / digest.hexdigest()
    if clean.exists():
        return []
    done = subprocess.run([PROGRAM, "-p", "build/clang", "--quiet", path], cwd=root, capture_output=True, text=True,
                          timeout=600, check=False)
    if done.returncode == 0:
        clean.touch()
        return []
    found = [real_path(root, line) for line in done.stdout.splitlines() if re.search(" (error|warning): ", line)]
    return found or [f"{path}:1: {PROGRAM} failed: {done.stderr.strip()[-300:]}"]


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which(PROGRAM) is None:
        tree.skip(f"{PROGRAM} is not installed")
    if not (root / "build/clang/compile_commands.json").exists():
        print("build/clang is not configured; remedy: cmake --preset clang")
        sys.exit(1)
    cache = root / "build/lint-cache"
    cache.mkdir(parents=True, exist_ok=True)
    key = common_key(root)
    sources = [path for path in tree.files(root, ".c") if tree.is_product(path)]
    findings = set()
    with ThreadPoolExecutor(int(os.environ.get("MR_JOBS", "2"))) as pool:
        for found in pool.map(lambda path: check(root, cache, path, key), sources):
            findings.update(found)
    tree.finish(sorted(findings))


if __name__ == "__main__":
    main()
