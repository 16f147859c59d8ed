"""An application that ends its process is given up after its retries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.journal import Fallen, Journal
from mlrun_like.monitoring.applications.registering import enable, register_application
from mlrun_like.tracking.connect import close_stores, open_store

AT = Fallen("p", "e", "a", 60.0, 120.0)


def in_child(work: Callable[[], object]) -> int:
    """The exit code of a process that does something."""
    close_stores()
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_journal(home: Path) -> None:
    in_child(lambda: Journal().note(AT))
    mine = Journal()
    mine.note(AT)
    other = Journal()
    # what a dead process left is told once, what a living one does is not
    assert other.fallen() == [AT]
    assert mine.fallen() == []
    mine.note(None)
    for one in (mine, other):
        one.close()
        one.close()
    assert list((home / "monitoring-running").iterdir()) == []


def test_a_strange_file(home: Path) -> None:
    journal = Journal()
    for number, text in enumerate((b"", b"{}", b"[1, 2]", b"\xff", b'["p", "e", "a", "x", 1, ""]')):
        (home / "monitoring-running" / f"old-{number}").write_bytes(text)
    assert journal.fallen() == []
    journal.close()


def test_a_crash_is_tried_again_and_given_up(
    home: Path, make_endpoint: Callable[..., str], put_events: Callable[..., pd.DataFrame]
) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 240, 10)
    enable("p", 1, deploy_histogram_data_drift_app=False)
    path = f"{Path(__file__).with_name('apps.py')}:Crashing"
    register_application("p", "crashing", path, kwargs={"at": 60.0}, retries=2)
    codes = [in_child(lambda: controller_pass("p", 1000)) for _ in range(3)]
    assert codes == [9, 9, 9]
    assert in_child(lambda: controller_pass("p", 1000)) == 0
    rows = {row.start: row for _, _, row in open_store().list_windows("p", uid, "crashing")}
    assert {start: row.state for start, row in rows.items()} == {
        0.0: "done", 60.0: "skipped", 120.0: "done", 180.0: "done",
    }  # fmt: skip
    assert rows[60.0].attempts == 3
    kinds = [one.kind for one in open_store().list_happenings("p", limit=0)]
    assert kinds.count("mm-app-failed") == 1
    assert not controller_pass("p", 1000).busy
