"""`bot hub serve`: the loopback Hub in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

hub = typer.Typer(help="A Hub on this machine, for rehearsals and tests.", no_args_is_help=True)


@hub.callback()
def _hub() -> None:
    """A Hub on this machine, for rehearsals and tests."""


@hub.command()
def serve(
    root: Annotated[Path, typer.Option(help="Folder of its repos; made when missing.")],
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback open it to the network.")
    ] = "127.0.0.1",
    open_: Annotated[bool, typer.Option("--open", help="Let any token write in any namespace.")] = False,
) -> None:
    """Serve the Hub that lies under --root until Ctrl-C. The token hf_NAME is the user NAME."""
    from bot.hub.server import serve as serve_hub  # starlette and uvicorn are not paid by `bot --help`

    serve_hub(root, port, host=host, open_=open_, on_ready=lambda endpoint: _announce(root, endpoint))


def _announce(root: Path, endpoint: str) -> None:
    typer.echo(f"The Hub in {root} answers at {endpoint}; look at it there. In another terminal:\n")
    typer.echo(f"  export HF_ENDPOINT={endpoint}")
    typer.echo(
        "  export HF_HUB_DISABLE_XET=1        # the client would upload through xet whatever a Hub says"
    )
    typer.echo("  export HF_HOME=$(mktemp -d)        # a cache of its own: never mix two Hubs' answers")
    typer.echo("  export HF_TOKEN=hf_NAME            # you are the user NAME")
    typer.echo("\nCtrl-C ends it.")
