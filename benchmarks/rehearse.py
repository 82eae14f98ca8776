"""How long a rehearsal takes, with OpenBLAS and with the BLAS that MLX's Linux wheel brings, side by side.

    uv run python benchmarks/rehearse.py [--only Tiny-Qwen3] [--runs 1]

Prints one line a run and stage, and a Markdown table. On a Mac both runs are the same (Metal).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def rehearse(blas: str, only: list[str]) -> dict[str, float]:
    """Seconds of one rehearsal as a process, and the quants it published."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "bot", "rehearse", "--json", str(result)]
        command += [word for name in only for word in ("--only", name)]
        environment = dict(os.environ)
        environment.pop("BOT_OPENBLAS", None)
        if blas == "reference":
            environment["BOT_OPENBLAS"] = "off"
        started = time.monotonic()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        families = json.loads(result.read_text())["families"]
    quants = [o for f in families for o in f["outcomes"] if o["status"] == "published"]
    measured = sum(o["measurement"]["seconds"] for o in quants)
    return {"seconds": seconds, "quants": len(quants), "measuring": measured}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    for _ in range(arguments.runs):
        for blas in ("OpenBLAS", "reference"):
            found = rehearse(blas, arguments.only)
            rows.append((blas, found))
            print(blas, found, flush=True)
    print("\n| BLAS | quants | whole rehearsal | of it measuring the quants |\n|:--|--:|--:|--:|")
    for blas, found in rows:
        print(f"| {blas} | {found['quants']:.0f} | {found['seconds']:.0f} s | {found['measuring']:.0f} s |")


if __name__ == "__main__":
    main()
