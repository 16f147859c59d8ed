"""`mlrun-like replay`: recorded events again, compared with what they gave then."""

from __future__ import annotations

import bdb
import pdb
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_json
from mlrun_like.serving.function import graph_of
from mlrun_like.serving.observe.journal import read_journal
from mlrun_like.serving.observe.replay import Replayed, find_record, step_functions
from mlrun_like.serving.observe.replay import replay as replay_events
from mlrun_like.serving.observe.values import pack
from mlrun_like.serving.web.target import find_target

__all__ = ["replay"]


def replay(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="A folder of recordings, or a file in it.")
    ],
    graph: Annotated[
        str, typer.Option("--graph", "-g", help="graph.yaml, module:graph or file.py:graph.")
    ],
    event: Annotated[str, typer.Option("--event", "-e", help="Only the event with this id.")] = "",
    step: Annotated[
        str, typer.Option("--step", "-s", help="Only this step, with its recorded inputs.")
    ] = "",
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="How far numbers may differ (a part).")
    ] = 1e-9,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", help="A key of answers that may differ (also: timestamp)."),
    ] = None,
    use_pdb: Annotated[
        bool, typer.Option("--pdb", help="Stop in the debugger where the steps begin.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Send recorded events through a graph again and compare the answers.

    mlrun-like replay recordings/ --graph flows.py:graph

    mlrun-like replay recordings/ -g flows.py:graph --event 01a2 --step clean --pdb

    The exit code is 1 if an answer differs from the recorded one.
    """
    records: Any = iter([find_record(recording, event)]) if event else read_journal(recording)
    target, namespace = find_target(graph)
    found = graph_of(target)
    runner = _debugger(step_functions(found, namespace, step)) if use_pdb else None
    replayed = replay_events(
        records,
        found,
        step=step,
        namespace=namespace,
        tolerance=tolerance,
        ignore=("timestamp", *(ignore or ())),
        runner=runner,
    )
    try:
        return _shown(replayed, as_json)
    except bdb.BdbQuit:  # `q` in the debugger
        return 1


def _shown(replayed: Iterator[Replayed], as_json: bool) -> int:
    count = differing = 0
    documents = []
    for item in replayed:
        count += 1
        differing += not item.same
        if as_json:
            documents.append(_document(item))
            continue
        call = f" call {item.call}" if item.call else ""
        where = f" step {item.step}{call}" if item.step else ""
        status = f" {item.status}" if item.status is not None else ""
        times = f"{item.seconds * 1e3:.2f} ms, recorded {item.recorded_seconds * 1e3:.2f} ms"
        typer.echo(f"{item.event_id}{where}{status} {'same' if item.same else 'DIFFERS'} ({times})")
        for line in item.differences:
            typer.echo(f"  {line}")
        if item.error is not None:
            typer.echo(f"  {type(item.error).__name__}: {item.error}")
    if as_json:
        print_json(documents)
    else:
        typer.echo(f"{count} replayed: {count - differing} same, {differing} differ")
    return 1 if differing else 0


def _document(item: Replayed) -> dict[str, Any]:
    return {
        "event": item.event_id,
        "step": item.step,
        "call": item.call,
        "same": item.same,
        "differences": list(item.differences),
        "status": item.status,
        "answer": pack(item.answer),
        "error": f"{type(item.error).__name__}: {item.error}" if item.error is not None else None,
        "seconds": item.seconds,
        "recorded_seconds": item.recorded_seconds,
    }


def _debugger(functions: Sequence[Callable[..., Any]]) -> Callable[[Callable[[], Any]], Any]:
    """Calls a function under pdb, which stops where these begin, and after an error."""

    def run(call: Callable[[], Any]) -> Any:
        debugger: Any = pdb.Pdb(nosigint=True, readrc=False)
        for function in functions:
            code = function.__code__
            debugger.set_break(code.co_filename, code.co_firstlineno, funcname=code.co_name)
        debugger.rcLines.append("continue")  # on to the breakpoint
        try:
            found: Any = debugger.runcall(call)
        finally:
            debugger.clear_all_breaks()
        error = found[2]
        if error is not None:
            pdb.post_mortem(error.__traceback__)
        return found

    return run
