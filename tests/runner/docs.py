"""The docs suite: pages that the program prints, and the commands that the README shows."""
import re
import shlex
import subprocess

from . import process
from .results import FAIL, PASS, SKIP, tail

BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>[^>]*?) -->\n+)?```(?:sh|bash|shell)\n(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


def check_generated(house, results):
    """tests/docs/generated.txt: `<page> <tab> <arguments of millrace>`; the page must equal the output."""
    listing = house.root / "tests/docs/generated.txt"
    if not listing.exists():
        return
    program = house.root / "build/release/millrace"
    for line in listing.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        page, _, arguments = line.partition("\t")
        name = f"{page} is what `millrace {arguments}` prints"
        try:
            done = subprocess.run([program, *shlex.split(arguments)], capture_output=True, timeout=60,
                                  stdin=subprocess.DEVNULL, check=False)
            fresh = done.returncode == 0 and done.stdout == (house.root / page).read_bytes()
            detail = f"remedy: build/release/millrace {arguments} >{page}"
        except (OSError, subprocess.TimeoutExpired) as error:
            fresh, detail = False, str(error)
        results.add(PASS if fresh else FAIL, name, "" if fresh else detail)


def run_readme(house, results):
    """Each shell block by its own bash, at the root. A block under `<!-- not run: reason -->` is a named skip, and
    one that a suite of this run has run as it stands is not run again."""
    text = (house.root / "README.md").read_text()
    for number, block in enumerate(BLOCK.finditer(text), 1):
        name = f"README.md block {number}: {block['text'].splitlines()[0] if block['text'] else ''}"
        if block["reason"]:
            results.add(SKIP, name, block["reason"])
            continue
        if house.ran.get(block["text"].strip()) == 0:
            results.add(PASS, name)
            continue
        log = house.log(f"readme-{number}")
        rc = process.run(["bash", "-euo", "pipefail", "-c", block["text"]], log, 900, cwd=house.root)
        results.add(PASS if rc == 0 else FAIL, name, "" if rc == 0 else f"exit {rc}\n{tail(log)}")
