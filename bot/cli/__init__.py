"""The command line: thin over the library. Each file of this folder is a group of commands.

Nothing heavy is imported here: `bot --help` answers at once. Commands import what they need when they run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from bot import settings
from bot.cli import (
    adopt,
    approve,
    card,
    check,
    compare,
    daemon,
    doctor,
    export,
    history,
    hub,
    init,
    measure,
    notify,
    plan,
    publish,
    quantize,
    recall,
    recipes,
    refuse,
    rehearse,
    released,
    runs,
    service,
    show_run,
    watch,
)
from bot.errors import BotError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Quantize base models with MLX, measure them, write their cards, publish: unattended or by hand.",
    epilog="More: bot watch, plan, approve, refuse, history, quantize, check, measure, compare, recipes, "
    "card, release, unpublish, adopt, recall, show, export, retry, cancel, pause, resume, worker, "
    "service, notify, rehearse, hub. Each has --help.",
)


@app.callback()
def _prepare() -> None:
    # Before any command imports huggingface_hub, which reads its endpoint once.
    settings.apply(settings.from_environment())


def _register() -> None:
    """The first help screen shows five commands; the rest answer to their names and stand in the epilog."""
    app.command("init")(init.init)
    app.command("doctor")(doctor.doctor)
    app.command("publish")(publish.publish)
    app.command("run")(daemon.run)
    app.command("status")(runs.status)
    rest: dict[str, Callable[..., None]] = {
        "watch": watch.watch,
        "quantize": quantize.quantize,
        "check": check.check,
        "measure": measure.measure,
        "compare": compare.compare,
        "approve": approve.approve,
        "refuse": refuse.refuse,
        "release": released.release,
        "adopt": adopt.adopt,
        "recall": recall.recall,
        "unpublish": released.unpublish,
        "show": show_run.show,
        "history": history.history,
        "export": export.export,
        "retry": runs.retry,
        "cancel": runs.cancel,
        "pause": daemon.pause,
        "resume": daemon.resume,
        "worker": daemon.worker,
        "notify": notify.notify,
        "rehearse": rehearse.rehearse,
    }
    for name, command in rest.items():
        app.command(name, hidden=True)(command)
    app.add_typer(plan.plan, name="plan", hidden=True)
    app.add_typer(recipes.recipes, name="recipes", hidden=True)
    app.add_typer(card.card, name="card", hidden=True)
    app.add_typer(service.service, name="service", hidden=True)
    app.add_typer(hub.hub, name="hub", hidden=True)


_register()


def main() -> None:
    """The `bot` command. A BotError ends it with its sentence and its exit code, never with a traceback."""
    try:
        app()
    except BotError as error:
        print(f"bot: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("bot: stopped; the same command goes on where it was", file=sys.stderr)  # noqa: T201
        sys.exit(130)
