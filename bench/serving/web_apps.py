"""The servers that `web.py` measures: python web_apps.py NAME PORT, in the server's environment.

All of them answer three requests: POST /echo gives the body back, /predict classifies irises by
logistic regression, /big counts and sums 11,500 numbers.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def model() -> Any:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, kinds = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(rows, kinds)


def predict(fitted: Any, rows: Any) -> list[int]:
    import numpy

    return [int(kind) for kind in fitted.predict(numpy.array(rows))]


def total(numbers: list[float]) -> dict[str, Any]:
    return {"n": len(numbers), "sum": sum(numbers)}


def work(fitted: Any, body: Any) -> Any:
    """What each request asks for; the body tells which one it is."""
    values = body.get("inputs")
    if values is None:
        return body
    return {"outputs": predict(fitted, values)} if isinstance(values[0], list) else total(values)


# The limit: a handler with nothing around it ------------------------------------------------------


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def bare_app() -> Any:
    import orjson

    fitted = model()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await lifespan(receive, send)
            return
        message = await receive()
        raw = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            raw += message.get("body", b"")
        out = orjson.dumps(work(fitted, orjson.loads(raw)))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(out))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": out})

    return app


def on_uvicorn(app: Any, port: int) -> None:
    import uvicorn

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


# Ours: three steps each ---------------------------------------------------------------------------


def our_graph(name: str) -> Any:
    from mlrun_like.serving import flow

    def same(body: Any) -> Any:
        return body

    def keep(body: Any) -> Any:
        return body

    graph = flow()
    if name == "predict":
        fitted = model()
        graph.to(lambda body: body["inputs"][0], "row").to(
            lambda rows: predict(fitted, rows), "model"
        ).options(batching=True).to(lambda kind: {"outputs": [kind]}, "answer").respond()
    elif name == "big":
        graph.to(same, "same").to(lambda body: total(body["inputs"]), "total").to(keep).respond()
    else:
        graph.to(same, "same").to(keep, "keep").to(lambda body: body, "echo").respond()
    return graph


# Peers --------------------------------------------------------------------------------------------


def fastapi(port: int) -> None:
    from fastapi import FastAPI, Request

    app, fitted = FastAPI(), model()

    async def answer(request: Request) -> Any:
        return work(fitted, await request.json())

    answer.__annotations__["request"] = Request
    app.add_api_route("/{rest:path}", answer, methods=["POST"], response_model=None)
    on_uvicorn(app, port)


def mlrun(port: int, engine: str) -> None:
    """MLRun's own HTTP gateway (Nuclio) is a container; a thin adapter is its upper bound."""
    os.environ.setdefault("MLRUN_DBPATH", "")
    import mlrun as peer
    from mlrun.serving.server import MockEvent

    fitted = model()
    space = {
        "echo": lambda body: body,
        "big": lambda body: total(body["inputs"]),
        "predict": lambda body: {"outputs": predict(fitted, body["inputs"])},
    }
    servers: dict[str, Any] = {}

    def build(name: str) -> Any:
        function = peer.new_function("b" + name, kind="serving", project="bench", image="x")
        step = function.set_topology("flow", engine=engine).to(name=name, handler=name)
        if engine == "async":
            step.respond()
        return function.to_mock_server(namespace=space)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            for name in space:
                servers["/" + name] = await asyncio.to_thread(build, name)
            await lifespan(receive, send)
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message.get("body", b""), message.get("more_body")
        event = MockEvent(body=raw, path="/", content_type="application/json", method="POST")
        found = servers[scope["path"]].run(event, get_body=True)
        found = await found if asyncio.iscoroutine(found) else found
        out = found if isinstance(found, bytes) else json.dumps(found).encode()
        out = found.encode() if isinstance(found, str) else out
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(out))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": out})

    on_uvicorn(app, port)


def run_file(code: str, *words: str) -> None:
    """Run code as a file of its own, which the peer's worker processes can import."""
    folder = Path(tempfile.mkdtemp())
    (folder / "bench_peer.py").write_text(
        f"import sys\nsys.path.insert(0, {str(HERE)!r})\nimport web_apps\n{code}"
    )
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true"}
    subprocess.run(words, cwd=folder, env=environment, check=False)


def litserve(port: int) -> None:
    code = f"""
import litserve

class Api(litserve.LitAPI):
    def setup(self, device):
        self.fitted = web_apps.model()

    def decode_request(self, request):
        return request

    def predict(self, body):
        return web_apps.work(self.fitted, body)

    def encode_response(self, output):
        return output

if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port={port}, log_level="error", generate_client_file=False)
"""
    run_file(code, sys.executable, "bench_peer.py")


def mosec(port: int) -> None:
    code = """
import mosec

class App(mosec.Worker):
    def __init__(self):
        self.fitted = web_apps.model()

    def forward(self, body):
        return web_apps.work(self.fitted, body)

if __name__ == "__main__":
    server = mosec.Server()
    server.append_worker(App, num=1, route=["/echo", "/predict", "/big"])
    server.run()
"""
    words = ["--address", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    run_file(code, sys.executable, "bench_peer.py", *words)


def bentoml(port: int) -> None:
    code = """
import bentoml

@bentoml.service(workers=1)
class App:
    def __init__(self):
        self.fitted = web_apps.model()

    @bentoml.api
    async def echo(self, name: str, value: int) -> dict:
        return {"name": name, "value": value}

    @bentoml.api
    async def predict(self, inputs: list[list[float]]) -> dict:
        return {"outputs": web_apps.predict(self.fitted, inputs)}

    @bentoml.api
    async def big(self, inputs: list[float]) -> dict:
        return web_apps.total(inputs)
"""
    command = str(Path(sys.executable).parent / "bentoml")
    words = ["serve", "bench_peer:App", "--host", "127.0.0.1", "--port", str(port)]
    run_file(code, command, *words)


def ray(port: int) -> None:
    import ray as peer
    from ray import serve

    @serve.deployment(max_ongoing_requests=256)
    class App:
        def __init__(self) -> None:
            self.fitted = model()

        async def __call__(self, request: Any) -> Any:
            return work(self.fitted, await request.json())

    peer.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(App.bind(), route_prefix="/")
    while True:
        time.sleep(1)


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    peers = {
        "fastapi": fastapi,
        "litserve": litserve,
        "mosec": mosec,
        "bentoml": bentoml,
        "ray": ray,
    }
    if name == "bare":
        on_uvicorn(bare_app(), port)
    elif name in peers:
        peers[name](port)
    elif name.startswith("mlrun-"):
        mlrun(port, name.partition("-")[2])
    elif name.startswith("asgi-"):
        from mlrun_like.serving.web.app import GraphApp

        on_uvicorn(GraphApp(our_graph(name.partition("-")[2])), port)
    else:
        from mlrun_like.serving import serve_forever

        serve_forever(our_graph(name.partition("-")[2]), port=port)


if __name__ == "__main__":
    main()
