#!/usr/bin/env python3
"""Every relative link of every Markdown page resolves, its heading too; decision records keep their form."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tree  # noqa: E402

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^\s*(```|~~~)")
MAX_DECISION_LINES = 40


def prose(root, path):
    """Lines outside fenced blocks, inline code removed."""
    inside = False
    for number, text in tree.lines(root, path):
        if FENCE.match(text):
            inside = not inside
        elif not inside:
            yield number, re.sub(r"`[^`]*`", "", text)


def anchors(root, path):
    """The anchors that a forge makes of a page's headings."""
    found = set()
    inside = False
    for _, text in tree.lines(root, path):
        if FENCE.match(text):
            inside = not inside
        match = None if inside else re.match(r"^#{1,6}\s+(.*?)\s*#*$", text)
        if match:
            slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", match[1]).lower()).replace(" ", "-")
            n = 0
            while slug + (f"-{n}" if n else "") in found:
                n += 1
            found.add(slug + (f"-{n}" if n else ""))
        found.update(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    return found


def check_page(root, path):
    findings = []
    for number, text in prose(root, path):
        for link in LINK.findall(text):
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            target, _, anchor = link.partition("#")
            file = (root / path).parent / target if target else root / path
            if target.startswith("/") or not file.exists():
                findings.append(f"{path}:{number}: link to {link}, which does not exist")
            elif not str(file.resolve()).startswith(str(root)):
                findings.append(f"{path}:{number}: link to {link} leaves the repository")
            elif anchor and file.suffix == ".md":
                relative = str(file.resolve().relative_to(root))
                if anchor not in anchors(root, relative):
                    findings.append(f"{path}:{number}: {relative} has no heading #{anchor}")
    if path.startswith("docs/decisions/") and len(tree.lines(root, path)) > MAX_DECISION_LINES:
        findings.append(f"{path}:{MAX_DECISION_LINES}: a decision record has at most {MAX_DECISION_LINES} lines")
    return findings


def main():
    root = tree.root_from_arguments(__doc__)
    findings = []
    for path in tree.files(root, ".md"):
        findings += check_page(root, path)
    tree.finish(findings)


if __name__ == "__main__":
    main()
