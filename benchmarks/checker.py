"""Precision and recall of the claim checker: on the seeds, and on claims over invented models.

    uv run python benchmarks/checker.py [--misses seeds|development]

The held-out claims are counted only: whoever works on the checker does not look at them one by one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the claims lie with the tests

from tests.review.claims.rates import measured, table


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--misses", choices=("seeds", "development"), help="also list the wrong answers of a set"
    )
    chosen = options.parse_args()
    sets = measured()
    print(table(sets))
    for answer in sets.get(chosen.misses or "", []):
        if answer.said != answer.verdict:
            print(f"\n{answer.verdict} -> {answer.said}: {answer.claim}\n    {answer.why}")


if __name__ == "__main__":
    main()
