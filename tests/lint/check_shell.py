#!/usr/bin/env python3
"""shellcheck over every shell script."""
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402


def main():
    root = tree.root_from_arguments(__doc__)
    if shutil.which("shellcheck") is None:
        tree.skip("shellcheck is not installed")
    scripts = tree.files(root, ".sh") + [p for p in (".ci/run",) if (root / p).exists()]
    done = subprocess.run(["shellcheck", "-S", "warning", "-f", "gcc", *scripts], cwd=root, capture_output=True,
                          text=True, timeout=120, check=False)
    findings = done.stdout.splitlines()
    for path in scripts:
        text = (root / path).read_text()
        wanted = "set -eu" if text.startswith("#!/bin/sh") else "set -euo pipefail"  # sh has no pipefail
        if text.startswith("#!") and wanted not in text:
            findings.append(f"{path}:1: `{wanted}` is missing")
        if text.startswith("#!") and not (root / path).stat().st_mode & 0o100:
            findings.append(f"{path}:1: is not executable")
    tree.finish(findings)


if __name__ == "__main__":
    main()
