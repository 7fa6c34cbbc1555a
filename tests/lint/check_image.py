#!/usr/bin/env python3
"""The image builds, and its program says its version. Skipped where no Docker daemon answers."""
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

TAG = "millrace:check"


def run(*command, timeout):
    """(whether it ended well, what it said)"""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return False, f"{' '.join(command[:2])} did not end within {timeout} s"
    return done.returncode == 0, done.stdout + done.stderr


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which("docker") is None or not run("docker", "info", timeout=60)[0]:
        tree.skip("the image is not built: no Docker daemon answers here")
    good, said = run("docker", "build", "--tag", TAG, str(root), timeout=1200)
    if good:
        good, said = run("docker", "run", "--rm", TAG, "--version", timeout=60)
        good = good and said.startswith("millrace ")
    tree.finish([] if good else said.splitlines()[-20:] or ["the image says nothing"])


if __name__ == "__main__":
    main()
