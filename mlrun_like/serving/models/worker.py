"""The process behind a `RouteProcess`: makes one step, then answers events one at a time."""

from __future__ import annotations

import pickle
import sys
from multiprocessing.connection import Connection
from typing import Any

from mlrun_like.errors import StepError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.server import GraphServer

__all__ = ["DROPPED", "main"]

DROPPED = "\0dropped"
"""What stands for `DROP` between processes, where it would be another object."""


def main(number: int) -> None:
    """Answer events that come through an inherited socket, until the other end closes it."""
    pipe = Connection(number)
    try:
        server = _server(pipe.recv_bytes())
    except Exception as exc:  # noqa: BLE001  users' code; the other process raises it
        pipe.send_bytes(_packed(exc))
        return
    pipe.send_bytes(_packed(None))
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            server.close()
            return
        pipe.send_bytes(_packed(_answered(server, message)))


def _server(message: bytes) -> GraphServer:
    path, packed = pickle.loads(message)
    sys.path[:] = path
    values: dict[str, Any] = pickle.loads(packed)
    graph = flow()
    found, arguments = values["found"], values["arguments"]
    step = graph.add_step(
        found if values["method"] else None,
        values["name"],
        values["method"] or found,
        full_event=values["full_event"],
        input_path=values["input_path"],
        result_path=values["result_path"],
        **arguments,
    )
    step.respond()
    context = GraphContext(values["parameters"], values["is_mock"])
    return GraphServer(graph, context=context)


def _answered(server: GraphServer, message: bytes) -> Any:
    event = Event.__new__(Event)
    try:
        event.__dict__.update(pickle.loads(message))
        event.deadline = None  # the caller watches the time
        plan = server.plan
        found = server.background.wait(plan.run_async(event)) if plan.is_async else plan.run(event)
        if found is DROP:
            event.body = DROPPED
            return vars(event)
        if isinstance(found.body, Response) and found.body.is_stream:
            raise TypeError("a stream cannot leave its process")
        return vars(found)
    except Exception as exc:  # noqa: BLE001  users' code; the other process raises it
        cause = exc.__cause__
        return cause if isinstance(exc, StepError) and isinstance(cause, Exception) else exc


def _packed(value: Any) -> bytes:
    try:
        packed = pickle.dumps(value)
        pickle.loads(packed)  # some exceptions can be written but not read
        return packed
    except Exception as exc:  # noqa: BLE001  users' objects may raise anything
        what = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else str(exc)
        return pickle.dumps(StepError(f"{what} (which cannot leave the route's process)"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
