"""`python -m bot.hub`: serve a folder; with --lifeline until standard input ends (the parent's death)."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from bot.errors import BotError
from bot.hub.server import serve


def _die_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bot.hub", description="Serve a loopback Hub.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--lifeline", action="store_true")
    options = parser.parse_args()
    if options.lifeline:
        threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        serve(options.root, options.port, open_=options.open, on_ready=_announce)
    except BotError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _announce(endpoint: str) -> None:
    sys.stdout.write(f"{endpoint}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
