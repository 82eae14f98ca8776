"""A publisher's state to look at: real journal rows, and real DBOS runs of the real flow.

Only the steps themselves are others: they give what a step of the flow gives, without a Hub and without MLX.
What becomes of a base stands in its name (`Broken`, `Drifted`, `Slow`).
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from dbos import DBOS

from bot import engine, flow, runs
from bot.child import Progress
from bot.errors import HubUnavailable
from bot.events import EventLog
from bot.journal import tables
from bot.journal.database import Journal
from bot.journal.timeline import tell
from bot.measure.request import Measurements
from bot.patch import start as patches
from bot.patch.patch import LeftAlone, Patch
from bot.plan.proposal import Estimate, Proposal, proposal_id
from bot.quantize import ModelFolders
from bot.recipes.book import Book
from bot.records import (
    BaseRevision,
    Divergence,
    Gate,
    Measurement,
    MeasureSettings,
    ModelFolder,
    Perplexity,
    Plan,
    PlannedQuant,
    RepoFile,
    Snapshot,
    Speed,
    TaskScore,
    from_json,
    to_json,
)
from bot.settings import Settings
from bot.steps import card, gate, make, release
from bot.steps.job import Job

SHA = "3f9a1c0de5b7a2468ace013579bdf02468ace135"
ENDPOINT = "https://hub.test"
ACCOUNT = "heron"
RECIPES = ("qx86-hi", "qx64-hi", "q8-hi", "mxfp4")
BITS = {"qx86-hi": 6.53, "qx64-hi": 5.12, "q8-hi": 9.0, "mxfp4": 4.25}
GIB = 2**30
HOSTILE = "<script>run('text')</script><img src=x onerror=\"run('image')\"> \u202eevil\u202c & 'quoted'"
LONG = "an-author-with-a-long-name/A-Base-Model-Whose-Name-Goes-On-235B-A22B-Instruct-2511-Preview"

Result = TypeVar("Result")

go_on = threading.Event()
"""The step of a `Slow` base ends when it is set."""


# ---------------------------------------------------------------- records


def plan_of(base: str, *, recipes: tuple[str, ...] = RECIPES, parameters: float = 8.2e9) -> Plan:
    """What would be made of a base of that many parameters."""
    book = Book(())
    name = base.split("/", 1)[1]
    return Plan(
        base=BaseRevision(
            repo=base,
            sha=SHA,
            license="apache-2.0",
            files=(RepoFile(path="model.safetensors", size=int(2 * parameters)),),
        ),
        account=ACCOUNT,
        endpoint=ENDPOINT,
        quants=tuple(
            PlannedQuant(
                recipe=recipe,
                recipe_hash="0" * 64,
                repo=f"{ACCOUNT}/{name}-{recipe}-mlx",
                predicted_bytes=int(parameters * BITS[recipe] / 8),
                bits_per_weight=BITS[recipe],
            )
            for recipe in recipes
        ),
        recipes=tuple(book.parse(recipe) for recipe in recipes),
        collections=(f"{name} MLX quants",),
        disk_bytes=int(6 * parameters),
    )


def proposal_of(plan: Plan, why: str, **more: Any) -> Proposal:
    estimate = Estimate(
        seconds=9600,
        seconds_low=7200,
        seconds_high=14_400,
        disk_bytes=plan.disk_bytes,
        memory_bytes=21 * GIB,
        upload_bytes=sum(quant.predicted_bytes for quant in plan.quants),
        basis="3 runs of bases of 7 to 9 GB on this machine",
    )
    wanted = {"kind": "new", "rule": "approval: ask (watchlist.yaml:27)", "estimate": estimate, **more}
    return Proposal(
        id=proposal_id(plan.base.repo, plan.base.sha, "make"),
        action="make",
        repo=plan.base.repo,
        sha=plan.base.sha,
        why=why,
        plan=plan,
        created_at=time.time() - 5400,
        **wanted,
    )


TASKS = {
    "arc_challenge": 0.441, "arc_easy": 0.532, "boolq": 0.622, "hellaswag": 0.612, "openbookqa": 0.398,
    "piqa": 0.751, "winogrande": 0.648,
}  # fmt: skip


def measured(name: str, recipe: str | None, parameters: float = 8.2e9) -> Measurement:
    """Plausible numbers: the fewer bits, the worse. BoolQ is answered alike throughout: it says nothing."""
    bits = BITS.get(recipe or "", 16.0)
    worse = 0.06 * max(0.0, 8 - bits) / 4
    return Measurement(
        name=name,
        recipe=recipe,
        tasks=tuple(
            TaskScore(
                task=task,
                metric="acc",
                value=value - (0 if task == "boolq" else worse * value),
                stderr=0.012,
                n=1200,
                chance=0.5 if task == "boolq" else 0.25,
                majority=0.622 if task == "boolq" else 0.3,
                answers=(1200, 0) if task == "boolq" else (400, 300, 300, 200),
            )
            for task, value in TASKS.items()
        ),
        perplexity=Perplexity(
            value=12.869 * (1 + worse), stderr=0.126, samples=256, sequence_length=512, dataset="tulu"
        ),
        divergence=None
        if recipe is None
        else Divergence(
            base="base",
            mean=worse / 3 + 0.002,
            stderr=0.001,
            median=0.001,
            p99=0.2,
            top1=0.96,
            tokens=131072,
            dataset="tulu",
        ),
        speed=Speed(
            prompt_tps=900.0, generation_tps=620.0 / bits, prompt_tokens=512, generation_tokens=128, trials=3
        ),
        peak_memory_bytes=int(parameters * bits / 8) + GIB,
        size_bytes=int(parameters * bits / 8),
        bits_per_weight=bits if recipe else 16.0,
        settings=MeasureSettings(),
        device="Apple M3 Ultra",
        compute_dtype="bfloat16",
    )


# ---------------------------------------------------------------- steps


def _step(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A step of that name, without registering a second one beside the flow's own."""

    def named(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*arguments: Any) -> Any:
            return DBOS.run_step({"name": name}, function, *arguments)

        return run

    return named


@_step("fetch")
def fetch(run: str, plan_json: dict[str, Any]) -> dict[str, Any]:
    plan = from_json(Plan, plan_json)
    if "Broken" in plan.base.repo:
        raise HubUnavailable(f"the Hub does not answer for {plan.base.repo} (503): `bot retry` when it does")
    return to_json(Snapshot(repo=plan.base.repo, sha=plan.base.sha, path="nowhere", files=()))


@_step("quantize")
def quantize(run: str, plan_json: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    plan = from_json(Plan, plan_json)
    folders = tuple(
        ModelFolder(
            recipe=quant.recipe,
            recipe_hash=quant.recipe_hash,
            path=f"nowhere/{quant.recipe}",
            base=plan.base.repo,
            base_sha=plan.base.sha,
            files=(),
            bits_per_weight=quant.bits_per_weight,
            parameters=10,
        )
        for quant in plan.quants
    )
    return to_json(ModelFolders(items=folders))


@_step("measure")
def measure(
    run: str, plan_json: dict[str, Any], snapshot: dict[str, Any], folders: dict[str, Any]
) -> dict[str, Any]:
    plan = from_json(Plan, plan_json)
    if "Slow" in plan.base.repo:
        go_on.wait(120)
    items = [measured(plan.base.repo, None)]
    items += [measured(quant.repo, quant.recipe) for quant in plan.quants]
    return to_json(Measurements(items=tuple(items)))


@_step("tidy")
def tidy(plan_json: dict[str, Any], result: dict[str, Any]) -> None: ...


@_step("write card")
def write_card(job_json: dict[str, Any]) -> None: ...


@_step("create")
def create(job_json: dict[str, Any]) -> dict[str, Any]:
    return {}


@_step("upload")
def upload(job_json: dict[str, Any], place: dict[str, Any]) -> str:
    job = from_json(Job, job_json)
    if "Refused" in job.quant.repo and job.quant.recipe == "mxfp4":
        raise HubUnavailable(f"the upload of {job.quant.repo} was cut {HOSTILE}")
    return SHA


@_step("verify")
def verify(job_json: dict[str, Any], place: dict[str, Any], sha: str) -> list[str]:
    return ["model.safetensors"]


@_step("try out")
def try_out(job_json: dict[str, Any], place: dict[str, Any], sha: str, files: list[str]) -> dict[str, Any]:
    return {}


@_step("gate")
def pass_gate(
    job_json: dict[str, Any], place: dict[str, Any], sha: str, answers: dict[str, Any]
) -> dict[str, Any]:
    job = from_json(Job, job_json)
    drifted = "Drifted" in job.quant.repo and job.quant.recipe == "mxfp4"
    reasons = (
        "KL to the base is 0.812 nats a token, over 0.5 for 4bit",
        "perplexity is 1.72 times the base's",
    )
    found = Gate(passed=not drifted, reasons=reasons if drifted else (), width="4bit")
    return {"gate": to_json(found), "sha": sha}


@_step("release")
def make_public(job_json: dict[str, Any], place: dict[str, Any], sha: str) -> str:
    return sha


@_step("link")
def link(job_json: dict[str, Any]) -> list[str]:
    return []


@contextlib.contextmanager
def executing(settings: Settings) -> Iterator[None]:
    """A thread takes runs from the queue, with the steps above in the place of the flow's own.

    A thread, because the engine does not start where an event loop runs, as Playwright's does.
    """
    ready, stop = threading.Event(), threading.Event()

    def execute() -> None:
        with engine.running(settings, runs.MAIN):
            ready.set()
            stop.wait()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        for module, steps in (
            (make, {"fetch": fetch, "quantize": quantize, "measure": measure, "tidy": tidy}),
            (card, {"write_card": write_card}),
            (release, {"create": create, "upload": upload, "verify": verify, "try_out": try_out,
                       "release": make_public, "link": link}),
            (gate, {"pass_gate": pass_gate}),
        ):  # fmt: skip
            for name, step in steps.items():
                patch.setattr(module, name, step)
        assert flow.family is not None, "the flow registers its workflows"
        go_on.clear()
        execution = pool.submit(execute)
        try:
            while not ready.wait(0.05):
                assert not execution.done(), execution.result()
            yield
        finally:
            go_on.set()
            stop.set()
            execution.result()


def aside(function: Callable[..., Result], *arguments: Any, **wishes: Any) -> Result:
    """Call it in another thread, for the same reason."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments, **wishes).result()


def started(settings: Settings, base: str, **wishes: Any) -> str:
    """Put a base into the queue, and wait for nothing."""

    def start() -> str:
        with engine.client(settings) as client:
            return runs.start(client, plan_of(base, **wishes))[0]

    return aside(start)


def patched(settings: Settings, base: str) -> str:
    """Put a patch into the queue that finds nothing to write: its one quant was edited by hand."""
    left = LeftAlone(repo=f"{ACCOUNT}/Edited-q8-hi-mlx", why="its tokenizer was changed by hand")
    wanted = Patch(
        base=plan_of(base).base,
        before="0" * 40,
        kind="gone",
        account=ACCOUNT,
        endpoint=ENDPOINT,
        left=(left,),
    )

    def start() -> str:
        with engine.client(settings) as client:
            return patches.start(client, wanted)[0]

    return aside(start)


def ended(settings: Settings, run: str, within: float = 30.0) -> str:
    """Wait until a run is over; its status as DBOS calls it."""

    def wait() -> str:
        until = time.monotonic() + within
        with engine.client(settings) as client:
            while time.monotonic() < until:
                status = client.list_workflows(workflow_ids=[run], load_input=False)[0].status
                if status not in engine.UNFINISHED:
                    return str(status)
                time.sleep(0.05)
        raise AssertionError(f"{run} did not end")

    return aside(wait)


def attempts(settings: Settings, run: str) -> list[str]:
    """The ids of all attempts of a run."""

    def look() -> list[str]:
        with engine.client(settings) as client:
            return [found.workflow_id for found in engine.attempts(client, run)]

    return aside(look)


def says(settings: Settings, run: str, done: float, total: float = 1200) -> None:
    """A line of progress and one of the log, as the run's child process writes them."""
    log = EventLog(settings.run_folder(run), run)
    log(Progress(stage="measure", what="hellaswag", done=done, total=total, unit="questions"))
    with (log.path.parent / "log.txt").open("a") as file:
        file.write(f"{done:.0f} of {total:.0f} questions {HOSTILE}\n")


# ---------------------------------------------------------------- journal rows


def watches(journal: Journal, count: int) -> None:
    """So many watched repos of a dozen authors, some of them waiting, gone and renamed."""
    now = time.time()
    authors = ["Qwen", "LiquidAI", "openai", "zai-org", "mistralai", "google", "ibm-granite", "allenai"]
    rows = []
    for number in range(count):
        name = f"{authors[number % len(authors)]}/Base-{number}-{1 + number % 9}B-Instruct"
        rows.append(
            {
                "repo": LONG if number == 3 else name,
                "sha": f"{number:040x}",
                "standing": "gone" if number == 5 else "renamed" if number == 6 else "present",
                "renamed_to": "google/Base-6-renamed" if number == 6 else None,
                "revision": None,
                "waiting": WAITS if number in (1, 3) else None,
                "last_modified": f"2026-11-{1 + number % 23:02d}T10:00:00.000Z",
                "seen_at": now - 240,
            }
        )
    listings = [
        {"author": author, "etag": "", "newest": "", "read_at": now - 240, "full_at": now - 40_000}
        for author in authors
    ]
    with journal.writing() as connection:
        connection.execute(tables.repo.insert(), rows)
        connection.execute(tables.listing.insert(), listings)


WAITS = {
    "repo": "LiquidAI/Base-1-2B-Instruct",
    "sha": "1" * 40,
    "kind": "new",
    "reason": "its upload is not finished: 3 weight files are still to come",
    "until": None,
}


def waits(journal: Journal, proposal: Proposal, state: str = "waiting") -> None:
    row = {
        "id": proposal.id,
        "repo": proposal.repo,
        "sha": proposal.sha,
        "state": state,
        "created_at": proposal.created_at,
        "proposal": to_json(proposal),
    }
    with journal.writing() as connection:
        connection.execute(tables.plan.insert().values(**row))


def happened(journal: Journal) -> None:
    """A day's events."""
    now = time.time()
    for ago, kind, subject, text in (
        (36_000, "found", "Qwen/Qwen3-8B", "is new: 16.4 GB, apache-2.0"),
        (35_000, "decided", "Qwen/Qwen3-8B", "Qwen/Qwen3-8B: the page approved Qwen3-8B-51c0aa"),
        (34_900, "started", f"family:Qwen/Qwen3-8B@{SHA[:12]}+ab12cd34", "4 quants of Qwen/Qwen3-8B"),
        (22_000, "published", f"{ACCOUNT}/Qwen3-8B-qx86-hi-mlx", "is public, in 2 collections"),
        (
            21_000,
            "stopped",
            f"{ACCOUNT}/Drifted-2B-mxfp4-mlx",
            "KL to the base is 0.812 nats a token, over 0.5",
        ),
        (9000, "trouble", "", f"the Hub answered 503 for six minutes {HOSTILE}"),
        (5400, "waiting", LONG, "wants your yes: 4 quants, about 2.7 h"),
        (
            240,
            "frozen",
            "google/Base-6-renamed",
            "its license changed from apache-2.0 to other",
        ),
    ):
        tell(journal, kind, subject, text, at=now - ago)  # type: ignore[arg-type]  # a literal of the table


def machine(journal: Journal, executor: str, host: str, ago: float = 3.0) -> None:
    row = {
        "executor": executor,
        "host": host,
        "tags": ["mac", "mac-ultra"],
        "memory_bytes": 256.0 * GIB,
        "facts": None,
        "beat_at": time.time() - ago,
    }
    with journal.writing() as connection:
        connection.execute(tables.worker.insert().values(**row))
