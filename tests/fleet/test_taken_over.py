"""Four worker processes on one Postgres, killed at random: every plan ends once, nothing is done twice."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

from bot import engine
from bot.fleet import takeover
from bot.fleet.commands import who_lives
from bot.plan.proposal import Need
from tests.fleet.conftest import Machine, kill, marks, states, wait_for

PLANS = 12


def test_workers_killed_at_random_end_every_plan_once(machines: list[Machine]) -> None:
    """Twelve plans, four workers on three machines, a SIGKILL every second and a half: some workers come back
    under their name, one machine never does. Each plan ends well in exactly one attempt, and each of its
    parts is published once."""
    draw = random.Random(7)
    ultra, mini, box = machines
    places = {"one": ultra, "two": ultra, "three": mini, "four": box}
    workers = {name: machine.worker(name) for name, machine in places.items()}
    try:
        wait_for(lambda: engine_is_there(ultra), 30, "the first executor")
        with engine.client(ultra.settings) as client:
            for number in range(PLANS):
                ultra.ask(client, f"plan{number}", 0.3)
            for step in range(6):
                time.sleep(1.5)
                name = draw.choice(["one", "two", "three"]) if step else "four"
                kill(workers[name])
                if name != "four":
                    workers[name] = places[name].worker(name)
            wait_for(lambda: ended(states(client)), 60, f"the end of {states(client)}")
            runs = states(client)
            moved = [
                run.workflow_id
                for run in client.list_workflows(load_input=False)
                if takeover.MOVED in (run.attributes or {})
            ]
    finally:
        for worker in workers.values():
            kill(worker)

    for number in range(PLANS):
        attempts = [run for run in runs if run.split("~")[0] == f"family:plan{number}"]
        went_well = [run for run in attempts if runs[run] == "SUCCESS"]
        assert len(went_well) == 1, f"plan{number}: { {run: runs[run] for run in attempts} }"
        assert {runs[run] for run in attempts} - {"SUCCESS"} <= {"CANCELLED"}
    published = sorted(line for line in marks(ultra) if line.startswith("published"))
    assert published == sorted(f"published plan{n}-{part}" for n in range(PLANS) for part in range(2))
    assert not [line for line in marks(ultra) if line.startswith("failed")]
    assert all(runs[run] == "CANCELLED" for run in moved)


def engine_is_there(machine: Machine) -> bool:
    try:
        with engine.client(machine.settings) as client:
            return client.retrieve_queue("mac") is not None
    except Exception:  # noqa: BLE001  it is not
        return False


def ended(runs: dict[str, str]) -> bool:
    return bool(runs) and not set(runs.values()) & set(engine.UNFINISHED)


def test_a_machine_that_is_gone_leaves_its_run_to_another_and_nothing_is_published_twice(
    machines: list[Machine],
) -> None:
    """The machine dies between two of a family's parts. Another one begins the family anew, since its disk is
    gone; what was published before is joined, and only the rest is done."""
    ultra, mini, _ = machines
    first = ultra.worker("one", SLOW_PART="1")
    second: subprocess.Popen[str] | None = None
    try:
        wait_for(lambda: engine_is_there(ultra), 30, "the first executor")
        with engine.client(ultra.settings) as client:
            run = ultra.ask(client, "plan", 0.1, 3)
            wait_for(lambda: states(client).get("publish:acc/plan-0@1+q") == "SUCCESS", 30, "the first part")
            kill(first)
            second = mini.worker("two")
            wait_for(lambda: states(client).get(f"{run}~2") == "SUCCESS", 40, "the second machine")
            (old,) = client.list_workflows(workflow_ids=[run])
            (new,) = client.list_workflows(workflow_ids=[f"{run}~2"])
            parts = states(client)
    finally:
        kill(first)
        if second is not None:
            kill(second)
    assert (old.status, new.forked_from) == ("CANCELLED", run)
    assert new.output == {"size": 4, "published": 3}
    assert [line for line in marks(ultra) if line.startswith("published")] == [
        f"published plan-{part}" for part in range(3)
    ]
    assert parts["publish:acc/plan-0@1+q"] == "SUCCESS"
    assert "publish:acc/plan-0@1+q~2" not in parts, "what was out already was not tried again"


def test_a_retry_goes_on_where_its_folders_are(machines: list[Machine]) -> None:
    """The run failed after its first steps. A machine that placement would choose before is free now: what
    the steps made is not on its disk, so the retry stays where it was."""
    ultra, mini, _ = machines
    revoked = ultra.marks.with_name("revoked-acc")
    revoked.touch()
    workers = [ultra.worker("one", memory=2**40)]
    try:
        wait_for(lambda: engine_is_there(ultra), 30, "the first executor")
        with engine.client(ultra.settings) as client:
            run = ultra.ask(client, "plan", 0.0, 2)
            wait_for(lambda: states(client)[run] == "ERROR", 30, "the failure")
            revoked.unlink()
            workers.append(mini.worker("two"))
            wait_for(lambda: len(who_lives(ultra.settings)[1]) == 2, 30, "the smaller worker")
            again = engine.fork(client, run)
            wait_for(lambda: states(client)[again] == "SUCCESS", 30, "the retry")
            (retried,) = client.list_workflows(workflow_ids=[again])
    finally:
        for worker in workers:
            kill(worker)
    assert retried.executor_id == engine.executor_id(ultra.settings, "one")


def test_a_run_goes_to_the_worker_that_it_fits(machines: list[Machine]) -> None:
    """Tags and memory decide who takes a run; one that fits nowhere waits, and says why."""
    ultra, mini, _ = machines
    workers = [ultra.worker("one", "mac-ultra", memory=200 * 2**30), mini.worker("two", memory=2**30)]
    try:
        wait_for(lambda: engine_is_there(ultra), 30, "the first executor")
        with engine.client(ultra.settings) as client:
            tagged = [ultra.ask(client, f"tag{n}", 0.0, need=Need(tags=("mac-ultra",))) for n in range(2)]
            large = ultra.ask(client, "large", 0.0, need=Need(memory_bytes=100 * 2**30))
            never = ultra.ask(client, "never", 0.0, need=Need(tags=("mac-studio",)))
            wait_for(
                lambda: all(states(client)[run] == "SUCCESS" for run in (*tagged, large)), 40, "three runs"
            )
            executors = {run.workflow_id: run.executor_id for run in client.list_workflows(load_input=False)}
            waits = engine.why_waiting(ultra.settings, client)
            assert states(client)[never] == "ENQUEUED"
    finally:
        for worker in workers:
            kill(worker)
    assert {executors[run] for run in (*tagged, large)} == {engine.executor_id(ultra.settings, "one")}
    assert waits == {never: "no living worker has the tag mac-studio"}


def test_on_one_machine_with_sqlite_another_worker_goes_on_from_the_step_that_was_running(
    tmp_path: Path,
) -> None:
    """No Postgres: the file lock of the dead worker is free, and the other one finishes its run, with what
    lies on the disk."""
    machine = Machine(tmp_path / "mac", "")
    first = machine.worker("one")
    second: subprocess.Popen[str] | None = None
    try:
        wait_for(lambda: engine_is_there(machine), 30, "the worker")
        with engine.client(machine.settings) as client:
            run = machine.ask(client, "plan", 1.0, 2)
            wait_for(
                lambda: (machine.settings.state / "work" / "plan" / "weights").exists(), 30, "the first step"
            )
            time.sleep(0.3)
            kill(first)
            second = machine.worker("two")
            wait_for(lambda: states(client)[run] == "SUCCESS", 40, "the second worker")
            (ended_run,) = client.list_workflows(workflow_ids=[run])
            assert len([step for step in client.list_workflow_steps(run) if step["error"]]) == 0
    finally:
        kill(first)
        if second is not None:
            kill(second)
    assert ended_run.executor_id == engine.executor_id(machine.settings, "two")
    assert len([line for line in marks(machine) if line.startswith("published")]) == 2
