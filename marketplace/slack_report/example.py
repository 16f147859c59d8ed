"""A report about two runs, to a web server of this script that stands for Slack."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import mlrun_like as ml


class Channel(BaseHTTPRequestHandler):
    """Prints what is posted."""

    def do_POST(self) -> None:
        post = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for block in post["blocks"]:
            print("|", block["text"]["text"].replace("\n", "\n| "))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def train(context: ml.MLClientCtx, depth: int) -> None:
    """Fails without a depth."""
    context.log_result("auc", 0.8 + 0.1 / depth)


if __name__ == "__main__":
    ml.get_or_create_project("slack-example", save=False)
    for depth in (2, 0):
        try:
            ml.new_function("train", kind="local").run(
                handler=train, params={"depth": depth}, local=True, name=f"train-{depth}"
            )
        except ml.errors.RunError as exc:
            print("failed, as it should:", str(exc).splitlines()[0])

    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        report = ml.import_function("hub://slack_report").run(
            params={"webhook": f"http://127.0.0.1:{server.server_address[1]}/", "hours": 1},
            project="slack-example",
            local=True,
        )
        server.shutdown()
    print(report.outputs)
