#!/usr/bin/env python3
"""No text file names a path of one machine or a package registry's host, leaves work open, or is malformed."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

TEXT = (".c", ".h", ".def", ".sql", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yml", ".yaml", ".conf", ".ini",
        ".html", ".js", ".css", ".service", ".toml", ".supp", "Dockerfile", ".dockerignore", ".gitignore", "run")
MAX_FILE_BYTES = 2 * 1024 * 1024

# The patterns are put together from parts, so that this file does not find itself.
LOCAL = re.compile(r"(?<![\w.$}~-])/(?:wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me)/[\w.-]|\.\./sha" r"red\b")
HOSTS = re.compile(r"\b(?:py" r"pi\.org|pythonho" r"sted\.org|registry\.npm" r"js|crat" r"es\.io|repo\d?\.ma" r"ven|"
                   r"proxy\.gol" r"ang|deb\.deb" r"ian\.org)")
OPEN = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\s*\(?#\d+)|\bnot yet imple" r"mented\b")


def check_file(root, path):
    findings = []
    data = (root / path).read_bytes()
    if len(data) > MAX_FILE_BYTES:
        return [f"{path}:1: {len(data)} bytes, at most {MAX_FILE_BYTES}"]
    if not path.endswith(TEXT) or "/corpus/" in path or "/data/" in path:
        return findings
    text = data.decode(errors="replace")
    if data and not data.endswith(b"\n"):
        findings.append(f"{path}:{text.count(chr(10)) + 1}: no newline at the end")
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, what in ((LOCAL, "a path of one machine"), (HOSTS, "the host of a package registry"),
                              (OPEN, "work left open without an issue's number")):
            match = pattern.search(line)
            if match:
                findings.append(f"{path}:{number}: {what}: {match[0]}")
        if line != line.rstrip() and not path.endswith(".md"):
            findings.append(f"{path}:{number}: white space at the end of the line")
        if "\t" in line and path.endswith((".c", ".h", ".py", ".sh", ".yml", ".json")):
            findings.append(f"{path}:{number}: a tab")
    return findings


def main():
    root = tree.root_from_arguments(__doc__)
    findings = []
    for path in tree.files(root):
        findings += check_file(root, path)
    tree.finish(findings)


if __name__ == "__main__":
    main()
