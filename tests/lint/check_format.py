#!/usr/bin/env python3
"""Every C file is as clang-format 19 writes it."""
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

PROGRAM = "clang-format-19"


def check(root, path):
    done = subprocess.run([PROGRAM, "--dry-run", "--Werror", path], cwd=root, capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode == 0:
        return []
    where = next((line.split(": ")[0] for line in done.stderr.splitlines() if "error:" in line), path)
    return [f"{where}: remedy: {PROGRAM} -i {path}"]


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which(PROGRAM) is None:
        tree.skip(f"{PROGRAM} is not installed")
    with ThreadPoolExecutor(int(os.environ.get("MR_JOBS", "2"))) as pool:
        found = pool.map(lambda path: check(root, path), tree.files(root, ".c", ".h"))
        tree.finish([finding for findings in found for finding in findings])


if __name__ == "__main__":
    main()
