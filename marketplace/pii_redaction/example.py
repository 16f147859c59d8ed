"""Personal data of a support ticket, before it goes on to a model or a log."""

from __future__ import annotations

from typing import Any

import mlrun_like as ml

TICKET = {
    "customerName": "Maria Garcia",
    "subject": "Refund",
    "text": "Please refund 4111 1111 1111 1111, mail me at maria@example.org or +44 20 7946 0958.",
    "lines": [{"note": "paid from GB82 WEST 1234 5698 7654 32"}],
}


if __name__ == "__main__":
    for mode in ("mask", "replace", "number"):
        fn: Any = ml.new_function("private", kind="serving")
        graph = fn.set_topology("flow", engine="async")
        graph.to("hub://pii_redaction", mode=mode, report_path="found").respond()
        print(f"{mode}:")
        for field, value in fn.to_mock_server().test("/", body=TICKET).items():
            print(f"  {field}: {value}")
