"""`mlrun-like schedules`: functions that run by themselves."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_fields, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.functions.creators import import_function
from mlrun_like.runtimes.kubernetes.manifest import CronPolicy, cron_manifest
from mlrun_like.runtimes.kubernetes.rendering import Call, Manifest
from mlrun_like.schedules.define import iso, read_schedule, set_paused
from mlrun_like.schedules.firing import going_on
from mlrun_like.schedules.service import Scheduler
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.specs.trigger import read_trigger
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.connect import open_store

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Functions that run by themselves: fn.run(schedule=...) or run --schedule makes one.",
)
Name = Annotated[str, typer.Argument(help="The schedule's name.")]
Project = Annotated[str, typer.Option("--project", "-p", help="Its project.")]


@app.command("list")
def list_schedules(
    project: Annotated[str, typer.Option("--project", "-p", help="Only this project.")] = "*",
    as_json: Json = False,
) -> None:
    """List schedules with their next time.

    mlrun-like schedules list
    """
    store = open_store()
    found = store.list_schedules(project)
    if as_json:
        print_json(found)
        return
    header = ["project", "name", "when", "time zone", "next", "last"]
    rows = []
    for document in found:
        spec = document["spec"]
        coming = "paused" if document.get("paused") else document.get("next_run_time") or "never"
        zone = spec.get("time_zone") or "UTC"
        place = (document["project"], document["name"])
        last = [f"{item.outcome} {item.uid}" for item in store.list_firings(*place, limit=1)]
        rows.append([*place, _when(spec), zone, coming, *(last or [""])])
    print_table(header, rows)


@app.command()
def show(name: Name, project: Project = "", as_json: Json = False) -> None:
    """Show one schedule and its last runs.

    mlrun-like schedules show nightly
    """
    schedule = _read(name, project)
    if as_json:
        print_json(schedule.to_dict())
        return
    spec = schedule.spec
    print_fields(
        [
            ("name", schedule.name),
            ("project", schedule.project),
            ("when", _when(schedule.to_dict()["spec"])),
            ("time zone", spec.time_zone or "UTC"),
            ("function", spec.function),
            ("parameters", spec.run.spec.parameters),
            ("concurrency", spec.concurrency),
            ("missed", spec.missed),
            ("next", "paused" if schedule.paused else schedule.next_run_time or "never"),
        ]
    )
    _print_history(_history(schedule, 10))


@app.command()
def history(
    name: Name,
    project: Project = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what became of a schedule's times, newest first.

    mlrun-like schedules history nightly
    """
    firings = _history(_read(name, project), limit)
    if as_json:
        print_json(
            [{**item._asdict(), "due": iso(item.due), "fired": iso(item.fired)} for item in firings]
        )
        return
    _print_history(firings)


@app.command()
def pause(name: Name, project: Project = "") -> None:
    """Let a schedule rest; times that pass meanwhile are not run later.

    mlrun-like schedules pause nightly
    """
    set_paused(open_store(), project or config.default_project, name, True)
    typer.echo(f"{name}: paused")


@app.command()
def resume(name: Name, project: Project = "") -> None:
    """Let a paused schedule run again.

    mlrun-like schedules resume nightly
    """
    schedule = set_paused(open_store(), project or config.default_project, name, False)
    typer.echo(f"{name}: next {schedule.next_run_time or 'never'}")


@app.command()
def invoke(name: Name, project: Project = "") -> int:
    """Run a schedule's function now, here; the exit code is 1 if it fails.

    mlrun-like schedules invoke nightly
    """
    store, schedule = open_store(), _read(name, project)
    with Scheduler(store) as service:
        done = service.invoke(schedule)
    typer.echo(f"{name}: {done.outcome} {done.uid} {done.text}".rstrip())
    return int(done.outcome != "completed")


@app.command()
def delete(name: Name, project: Project = "") -> None:
    """Delete a schedule with its history; its runs stay.

    mlrun-like schedules delete nightly
    """
    place = project or config.default_project
    if not open_store().delete_schedule(place, name):
        raise NotFoundError(
            f"there is no schedule {name!r}",
            where=f"project {place!r}",
            fix="mlrun-like schedules list",
        )
    typer.echo(f"{name}: deleted")


@app.command()
def manifest(
    name: Name,
    project: Project = "",
    image: Annotated[str, typer.Option("--image", help="The image of its containers.")] = "",
) -> None:
    """Print a schedule as a Kubernetes CronJob.

    mlrun-like schedules manifest nightly --image registry:5000/report:1 > cronjob.yaml
    """
    schedule = _read(name, project)
    spec = schedule.spec
    if spec.trigger:
        raise InvalidArgumentError(
            f"{name!r} is a trigger, and Kubernetes only knows times",
            fix="run `mlrun-like schedules serve` in the cluster",
        )
    document = import_function(f"db://{spec.function}")._doc()
    document.metadata.name = schedule.name  # two schedules of a function are two objects
    if image:
        document.spec.image = image
    if not (document.spec.image or document.spec.build.image):
        raise InvalidArgumentError(
            f"the function of schedule {name!r} has no image",
            fix="--image registry/name:tag with mlrun-like in it; `mlrun-like build` makes one",
        )
    policy = CronPolicy(
        time_zone=spec.time_zone or "Etc/UTC",
        concurrency=spec.concurrency.capitalize(),
        starting_deadline=None if spec.missed != "skip" else max(10, int(spec.grace)),
        suspend=schedule.paused,
    )
    run = spec.run.spec
    call = Call(run.handler, run.parameters, run.inputs, schedule.name, schedule.project)
    typer.echo(str(Manifest(cron_manifest(document, spec.cron, policy, call))), nl=False)


@app.command()
def serve(
    threads: Annotated[int, typer.Option("--threads", min=1, help="Runs at the same time.")] = 16,
) -> int:
    """Run schedules until interrupted; several services may share a store.

    mlrun-like schedules serve
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    store = open_store()
    with Scheduler(store, threads) as service:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: service.stop())
        count = len(store.list_schedules())
        typer.echo(f"{count} schedules; waiting for their times (Ctrl-C ends it)")
        service.serve()
    return 0


def _when(spec: Mapping[str, Any]) -> str:
    if spec.get("trigger"):
        return str(read_trigger(spec["trigger"]))
    return str(spec.get("cron", ""))


def _read(name: str, project: str) -> ScheduleDoc:
    return read_schedule(open_store(), project or config.default_project, name)


def _history(schedule: ScheduleDoc, limit: int) -> list[Firing]:
    store = open_store()
    going_on(store, schedule, config.lost_after)
    return store.list_firings(schedule.project, schedule.name, limit)


def _print_history(firings: list[Firing]) -> None:
    rows = [[iso(item.due), item.outcome, item.uid, item.text] for item in firings]
    print_table(["due", "outcome", "run", "text"], rows)
