#!/usr/bin/env python3
"""Every C file is as clang-format 19 writes it."""
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

PROGRAM = "clang-format-19"


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which(PROGRAM) is None:
        tree.skip(f"{PROGRAM} is not installed")
    findings = []
    for path in tree.files(root, ".c", ".h"):
        done = subprocess.run([PROGRAM, "--dry-run", "--Werror", path], cwd=root, capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode != 0:
            where = next((line.split(": ")[0] for line in done.stderr.splitlines() if "error:" in line), path)
            findings.append(f"{where}: remedy: {PROGRAM} -i {path}")
    tree.finish(findings)


if __name__ == "__main__":
    main()
