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
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which("docker") is None or run("docker", "info", timeout=60).returncode != 0:
        tree.skip("the image is not built: no Docker daemon answers here")
    done = run("docker", "build", "--tag", TAG, str(root), timeout=1200)
    if done.returncode == 0:
        done = run("docker", "run", "--rm", TAG, "--version", timeout=60)
    tree.finish([] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()[-20:])


if __name__ == "__main__":
    main()
