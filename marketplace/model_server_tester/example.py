"""A server of the older protocol, made here, is tested with a small table."""

from __future__ import annotations

import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pandas as pd

import mlrun_like as ml


class Adding(BaseHTTPRequestHandler):
    """Answers `PUT /add/predict` with the sum of each row."""

    def do_PUT(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps([sum(row) for row in rows]).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    table = pd.DataFrame({"a": range(10), "b": range(10), "label": range(0, 20, 2)})
    with HTTPServer(("127.0.0.1", 0), Adding) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        table.to_csv(f"{folder}/rows.csv", index=False)
        run = ml.import_function("hub://model_server_tester").run(
            inputs={"table": f"{folder}/rows.csv"},
            params={"addr": f"http://127.0.0.1:{server.server_address[1]}", "model": "add"},
            local=True,
        )
        server.shutdown()
    print(run.outputs)
