"""What measured widths win: `bot recipes tune` on the rehearsal bases, against the recipe each is like.

    uv run python benchmarks/tune.py [--base Tiny-Qwen3] [--like qx64-hi] [--samples 8] [--length 256]

The text is made from the rehearsal's small world, documents that the bases were not trained on; half of it
chooses the widths, the KL is that of the other half. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

from bot import child
from bot.recipes.names import parse
from bot.recipes.tune import LENGTH, SAMPLES, Tuned, TuneRequest
from bot.rehearsal.bases import BASES, bases_folder
from bot.rehearsal.corpus import Document, documents

SEED, DOCUMENTS = 77, 3000
HEADER = (
    "| base | recipe | bits per weight | bytes | KL | tuned: bits per weight | bytes | KL | nearer in | s |"
    "\n|:--|:--|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def plain(document: Document) -> str:
    if isinstance(document, str):
        return document
    return "\n".join(f"{message['role']}: {message['content']}" for message in document)


def tuned(folder: Path, base: str, like: str, samples: int, length: int) -> Tuned:
    """In a child process, on the text that lies in `folder`."""
    request = TuneRequest(
        folder=str(bases_folder() / base),
        base=base,
        identity="of the rehearsal",
        like=parse(like),
        name=f"tuned-{like}",
        budget="like",
        text=str(folder / "text.txt"),
        samples=samples,
        length=length,
    )
    return child.run("bot.recipes.tune.sensitivity", request, Tuned, log=folder / "log.txt")


def row(base: str, found: Tuned, seconds: float) -> str:
    like, own = found.like, found.tuned
    wins = sum(a < b for a, b in zip(own.of_samples, like.of_samples, strict=True))
    figures = [f"{w.bits_per_weight:.3f} | {w.bytes:,} | {w.kl:.4f}" for w in (like, own)]
    nearer = f"{wins} of {len(own.of_samples)}"
    return f"| {base} | {like.name} | {' | '.join(figures)} | {nearer} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", action="append", choices=[base.name for base in BASES])
    parser.add_argument("--like", action="append")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--length", type=int, default=LENGTH)
    arguments = parser.parse_args()
    bases = arguments.base or [base.name for base in BASES]
    print(HEADER)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = "\n\n".join(map(plain, itertools.islice(documents(SEED), DOCUMENTS)))
        (folder / "text.txt").write_text(text)
        for base, like in itertools.product(bases, arguments.like or ["qx64-hi"]):
            started = time.monotonic()
            found = tuned(folder, base, like, arguments.samples, arguments.length)
            print(row(base, found, time.monotonic() - started), flush=True)


if __name__ == "__main__":
    main()
