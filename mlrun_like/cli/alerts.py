"""`mlrun-like alerts`: who is told when something happens, and what became of it."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from mlrun_like.cli.alerts_shown import print_incidents, said_in, told, watched
from mlrun_like.cli.output import Json, clean, print_fields, print_json, print_table
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError
from mlrun_like.monitoring.alerts.configs import (
    delete_alert_config,
    get_alert_config,
    list_alerts_configs,
    reset_alert_config,
    store_alert_config,
)
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.events import generate_event
from mlrun_like.monitoring.alerts.incidents import (
    acknowledge,
    get_activation,
    list_activations,
    resolve_activation,
    time_line,
)
from mlrun_like.monitoring.alerts.kinds import ENTITIES_OF, EventKind
from mlrun_like.monitoring.alerts.passing import alert_pass
from mlrun_like.monitoring.alerts.silences import end_silence, list_silences, silence
from mlrun_like.monitoring.alerts.templates import list_alert_templates
from mlrun_like.monitoring.alerts.trying import try_notifications

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Alerts: who is told, and what is done, when something happens.",
)
Name = Annotated[str, typer.Argument(help="The alert's name.")]
Number = Annotated[int, typer.Argument(help="The incident's number.")]
Project = Annotated[str, typer.Option("--project", "-p", help="Its project.")]
Note = Annotated[str, typer.Option("--note", help="What there is to say.")]


@app.command("list")
def list_alerts(project: Project = "", as_json: Json = False) -> None:
    """List alerts with how often they went off.

    mlrun-like alerts list --project fraud
    """
    found = list_alerts_configs(project)
    if as_json:
        print_json([item.to_dict() for item in found])
        return
    rows = [
        [item.name, str(item.severity), watched(item), item.state, item.count, told(item)]
        for item in found
    ]
    print_table(["name", "severity", "watches", "state", "count", "tells"], rows)


@app.command()
def show(name: Name, project: Project = "", as_json: Json = False) -> None:
    """Show an alert and its last incidents.

    mlrun-like alerts show drift
    """
    found = get_alert_config(name, project)
    incidents = list_activations(project, name, limit=10)
    if as_json:
        shown = [item.to_dict() for item in incidents]
        print_json({**found.to_dict(), "incidents": shown})
        return
    document = found.to_dict()
    hidden = ("notifications", "project", "id")
    fields = [(key, value) for key, value in document.items() if key not in hidden]
    print_fields([*fields, ("tells", told(found))])
    print_incidents(incidents)


@app.command()
def store(
    file: Annotated[Path, typer.Argument(help="YAML or JSON: the alert's fields.")],
    project: Project = "",
) -> None:
    """Store an alert, or change the one of its name.

    mlrun-like alerts store drift.yaml
    """
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise MissingFileError(f"{file} cannot be read: {exc.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"{file} is no YAML: {exc}") from None
    if not isinstance(fields, dict):
        raise InvalidArgumentError(f"{file} must hold an alert's fields", fix="name: my-alert ...")
    place = project or str(fields.get("project") or config.default_project)
    alert = AlertConfig.from_dict({**fields, "project": place})
    kept = store_alert_config(str(alert.name or ""), alert, place)
    typer.echo(f"{kept.name}: stored in {place}, id {kept.id}")


@app.command()
def delete(name: Name, project: Project = "") -> None:
    """Delete an alert; its history stays.

    mlrun-like alerts delete drift
    """
    if not delete_alert_config(name, project):
        raise NotFoundError(f"there is no alert {name!r}", fix="mlrun-like alerts list")
    typer.echo(f"{name}: deleted")


@app.command()
def reset(name: Name, project: Project = "") -> None:
    """Let an alert go off again; its incidents end.

    mlrun-like alerts reset drift
    """
    reset_alert_config(name, project)
    typer.echo(f"{name}: reset")


@app.command()
def templates(as_json: Json = False) -> None:
    """List templates: AlertConfig(template=NAME) takes what is in them.

    mlrun-like alerts templates
    """
    found = list_alert_templates()
    if as_json:
        print_json([item.to_dict() for item in found])
        return
    rows = [[t.template_name, str(t.severity), t.template_description] for t in found]
    print_table(["template", "severity", "for"], rows)


@app.command()
def activations(
    name: Annotated[str, typer.Option("--name", help="Only of this alert.")] = "",
    project: Project = "",
    state: Annotated[str, typer.Option("--state", help="open, acknowledged or resolved.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """List incidents, newest first.

    mlrun-like alerts activations --state open
    """
    found = list_activations(project, name, state=state, limit=limit)
    if as_json:
        print_json([item.to_dict() for item in found])
        return
    print_incidents(found)


@app.command()
def incident(number: Number, project: Project = "", as_json: Json = False) -> None:
    """Show an incident from its first event to its end.

    mlrun-like alerts incident 7
    """
    found, lines = get_activation(number, project), time_line(number, project)
    if as_json:
        print_json({**found.to_dict(), "time_line": lines})
        return
    shown = ("name", "state", "severity", "summary", "reason", "firings", "acknowledged_by",
             "resolution")  # fmt: skip
    head = [("incident", number), (found.entity_kind, found.entity_id)]
    print_fields([*head, *((key.replace("_", " "), getattr(found, key)) for key in shown)])
    typer.echo("")
    for line in lines:
        typer.echo(clean(f"{line['time'][:19]}  {line['kind']:<13} {said_in(line)}".rstrip()))


@app.command()
def ack(
    number: Number,
    who: Annotated[str, typer.Option("--who", help="Who takes care of it.")] = "",
    note: Note = "",
    project: Project = "",
) -> None:
    """Take care of an incident: its repetitions are not told any more.

    mlrun-like alerts ack 7 --note "looking at it"
    """
    found = acknowledge(number, who or getpass.getuser(), note, project)
    typer.echo(f"incident {number}: {found.state} by {found.acknowledged_by}")


@app.command()
def resolve(number: Number, note: Note = "", project: Project = "") -> None:
    """End an incident by hand.

    mlrun-like alerts resolve 7 --note "new model is out"
    """
    found = resolve_activation(number, getpass.getuser(), note, project)
    typer.echo(f"incident {number}: {found.state}")


@app.command("silence")
def make_silence(
    alert: Annotated[str, typer.Argument(help="The alert, with * and ?; empty: any.")] = "",
    duration: Annotated[str, typer.Option("--for", help="How long: 90s, 15m, 2h.")] = "1h",
    entity: Annotated[str, typer.Option("--entity", help="Only about this entity.")] = "",
    severity: Annotated[str, typer.Option("--severity", help="Only of this severity.")] = "",
    end: Annotated[str, typer.Option("--end", help="End the silence of this id now.")] = "",
    note: Note = "",
    project: Project = "",
) -> None:
    """Hold back what alerts would tell and do, for a time.

    mlrun-like alerts silence "drift-*" --for 2h --note "new data is loaded"
    """
    if end:
        end_silence(end, project)
        typer.echo(f"{end}: ended")
        return
    given = {"name": alert, "entity": entity, "severity": severity}
    wanted = {key: value for key, value in given.items() if value}
    key = silence(wanted, duration, who=getpass.getuser(), note=note, project=project)
    typer.echo(f"{key}: silent for {duration}; to end it: mlrun-like alerts silence --end {key}")


@app.command()
def silences(
    ended: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    project: Project = "",
    as_json: Json = False,
) -> None:
    """List silences.

    mlrun-like alerts silences
    """
    found = list_silences(project, ended=ended)
    if as_json:
        print_json(found)
        return
    rows = [
        [s["id"], s["state"], json.dumps(s["matchers"]), s["end"][:19], s["who"], s["note"]]
        for s in found
    ]
    print_table(["id", "state", "about", "until", "who", "note"], rows)


@app.command()
def test(name: Name, project: Project = "") -> int:
    """Send an alert's notifications now, marked as a test; the exit code is 1 if one fails.

    mlrun-like alerts test drift
    """
    outcomes = try_notifications(name, project)
    rows = [[o["name"], o["kind"], o["status"], o.get("reason", "")] for o in outcomes]
    print_table(["notification", "kind", "status", "reason"], rows)
    return int(any(o["status"] == "error" for o in outcomes))


@app.command()
def event(
    kind: Annotated[str, typer.Argument(help="What happened: failed, data-drift-detected, ...")],
    entity: Annotated[str, typer.Argument(help="To what: its name or id.")],
    value: Annotated[
        list[str] | None, typer.Option("--value", "-v", help="What else is known: KEY=VALUE.")
    ] = None,
    project: Project = "",
) -> None:
    """Tell that something happened, and judge it at once.

    mlrun-like alerts event failed train -v error=boom
    """
    place = project or config.default_project
    values = {k: parse_value(v) for k, v in parse_pairs(value or (), "--value").items()}
    known = [str(item) for item in EventKind]
    name = kind.replace("_", "-")
    about = str(ENTITIES_OF[EventKind(name)][0]) if name in known else "job"
    data = {"entity": {"kind": about, "project": place, "ids": [entity]}, "value_dict": values}
    generate_event(name, data, place)
    report = alert_pass(place)
    typer.echo(f"{report.judged.firings} alerts went off, {report.delivered.sent} deliveries made")
