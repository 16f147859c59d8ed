"""A mail about a run, to a mail server of this script that prints what it gets."""

from __future__ import annotations

import socketserver
import threading

import mlrun_like as ml


class PrintingServer(socketserver.StreamRequestHandler):
    """Takes mails without TLS or login, and prints them."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self.wfile.write(b"354 go on\r\n" if word == b"DATA" else b"250 fine\r\n")
            if word == b"DATA":
                while (text := self.rfile.readline()) != b".\r\n":
                    print("|", text.decode().rstrip()[:100])
                self.wfile.write(b"250 kept\r\n")


def train(context: ml.MLClientCtx, depth: int = 3) -> None:
    """Something to write about."""
    context.log_result("auc", 0.91)
    context.log_artifact("notes", body="the validation set is small", format="txt")


if __name__ == "__main__":
    run = ml.new_function("train", kind="local").run(handler=train, local=True)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PrintingServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sent = ml.import_function("hub://send_email").run(
            params={
                "sender": "ml@example.org",
                "to": "team@example.org",
                "subject": "Training is done",
                "content": "Have a look.",
                "server_addr": f"127.0.0.1:{server.server_address[1]}",
                "tls": "none",  # a real server wants starttls, the default
                "runs": [run.metadata.uid],
                "attachments": [run.artifact("notes").url],
            },
            local=True,
        )
        server.shutdown()
    print(sent.outputs)
