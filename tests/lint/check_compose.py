#!/usr/bin/env python3
"""The compose file is valid, every service has a health check, and what depends on one waits for it."""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

FILE = "docker-compose.yml"


def compose_command():
    """`docker compose` where the plugin is installed, else the older program of its own, else None."""
    if shutil.which("docker"):
        done = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60, check=False)
        if done.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def services(text):
    """{service: its text}; the file is ours and indented by two, so no YAML library is needed."""
    body = text.partition("\nservices:\n")[2]
    body = re.split(r"^\S", body, maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.split(r"^  ([a-z][\w-]*):\n", body, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def check_services(root):
    findings = []
    found = services((root / FILE).read_text())
    for name, text in found.items():
        if "healthcheck:" not in text and "restart: \"no\"" not in text and "build:" not in text:
            findings.append(f"{FILE}:1: service {name} has no healthcheck")
        for other in re.findall(r"^      ([a-z][\w-]*):\n", text.partition("depends_on:\n")[2], re.MULTILINE):
            if other in found and not re.search(rf"^      {other}:\n        condition: service_", text, re.MULTILINE):
                findings.append(f"{FILE}:1: {name} does not wait for {other} to be healthy")
        for source in re.findall(r"^      - \./([^:]+):", text, re.MULTILINE):
            if not (root / source).exists():
                findings.append(f"{FILE}:1: {name} mounts {source}, which does not exist")
    return findings or ([] if found else [f"{FILE}:1: no service found"])


def main():
    root = tree.root_from_arguments(__doc__)
    if not (root / FILE).exists():
        tree.finish([])
    findings = check_services(root)
    command = compose_command()
    if command is None:
        if findings:
            tree.finish(findings)
        tree.skip("neither `docker compose` nor docker-compose is installed")
    done = subprocess.run([*command, "-f", FILE, "config"], cwd=root, capture_output=True, text=True, timeout=120,
                          check=False)
    if done.returncode != 0:
        findings.append(f"{FILE}:1: {json.dumps(done.stderr.strip()[-500:])}")
    tree.finish(findings)


if __name__ == "__main__":
    main()
