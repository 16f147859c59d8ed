"""What the contract suite's tests run functions with."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import RunError
from mlrun_like.names import new_uid
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.contract.kinds import Place

__all__ = ["Background", "Stage", "wait_for"]

_SUBMIT = """
import sys
import mlrun_like as ml
ml.config.home = sys.argv[1]
ml.import_function(sys.argv[2]).run(name=sys.argv[3], watch=False)
"""


def wait_for(check: Callable[[], Any], seconds: float) -> Any:
    """The first true value of `check()`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not seen within {seconds:g} s")


class Background:
    """A run that goes on while the test looks at it.

    Args:
        stage: Where it runs.
        name: Its name, by which it is found.
    """

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self.name = name
        self.error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def submit_here(self, function: Any, options: Mapping[str, Any]) -> None:
        """Submit from a thread of this process."""

        def submit() -> None:
            try:
                function.run(name=self.name, watch=False, **options)
            except BaseException as exc:  # noqa: BLE001 - the test looks at it
                self.error = exc

        self._thread = threading.Thread(target=submit, daemon=True)
        self._thread.start()

    def submit_elsewhere(self, function: Any, folder: Path) -> None:
        """Submit from another process."""
        document = folder / f"{self.name}.yaml"
        function.export(str(document))
        command = [sys.executable, "-c", _SUBMIT, config.home, str(document), self.name]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def record(self) -> dict[str, Any]:
        """The run as it is recorded; empty before it is."""
        found = self._stage.store.list_runs(RunQuery(project="*", name=self.name))
        return found[0] if found else {}

    def state(self) -> str:
        """The recorded state."""
        return str(self.record().get("status", {}).get("state", ""))

    def results(self) -> dict[str, Any]:
        """The recorded results up to now."""
        return dict(self.record().get("status", {}).get("results", {}))

    def log(self) -> str:
        """What it printed up to now."""
        return self._stage.log(self.record()) if self.record() else ""

    def wait_log(self, text: str) -> str:
        """Wait until the log holds a text; the log."""

        def seen() -> str:
            log = self.log()
            if text not in log and self.over():
                log = self.log()
                assert text in log, f"the run ended without it: {self.record()['status']}\n{log}"
            return log if text in log else ""

        return str(wait_for(seen, self._stage.place.patience))

    def over(self) -> bool:
        """Whether the record says that it is over."""
        return self.state() in TERMINAL

    def abort(self) -> str:
        """Abort it as a user does."""
        return ml.RunObject.from_dict(self.record(), self._stage.store).abort(
            self._stage.place.patience
        )

    def finish(self) -> dict[str, Any]:
        """Wait for the end of the run and of its submitter; the record."""
        if self._thread is not None:
            self._thread.join(self._stage.place.patience)
            assert not self._thread.is_alive(), f"still {self.state()}: {self.log()}"
        if self._process is not None:
            self._process.wait(self._stage.place.patience)
        wait_for(self.over, self._stage.place.patience)
        return self.record()

    def close(self) -> None:
        """Leave no process of ours behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


class Stage:
    """Runs functions at a place.

    Args:
        place: The kind, ready to run.
        folder: For files of this test.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.store = open_store()
        self._backgrounds: list[Background] = []

    def function(self, code: str, *, handler: str = "handler", **spec: Any) -> Any:
        """A function of this code; other arguments are set on its `spec`."""
        path = self.folder / f"code_{new_uid()[:8]}.py"
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        function = ml.code_to_function(
            "contract",
            filename=str(path),
            kind=self.place.kind,
            handler=handler,
            image=self.place.image or None,
        )
        return self.prepared(function, **spec)

    def prepared(self, function: Any, **spec: Any) -> Any:
        """The function, ready for the place."""
        for name, value in spec.items():
            setattr(function.spec, name, value)
        self.place.prepare(function)
        return function

    def run(self, function: Any, **options: Any) -> ml.RunObject:
        """Run code or a function to its end, which must be good."""
        function = self.function(function) if isinstance(function, str) else function
        run: ml.RunObject = function.run(watch=False, **options)
        assert run.status.state == "completed"
        return run

    def fail(self, function: Any, **options: Any) -> tuple[RunError, dict[str, Any]]:
        """Run code or a function that must fail: the error, and the record."""
        background = Background(self, f"fails-{new_uid()[:8]}")
        function = self.function(function) if isinstance(function, str) else function
        try:
            function.run(name=background.name, watch=False, **options)
        except RunError as exc:
            return exc, background.record()
        raise AssertionError(f"it did not fail: {background.record()}")

    def begin(self, function: Any, *, elsewhere: bool = False, **options: Any) -> Background:
        """Start code or a function in the background."""
        function = self.function(function) if isinstance(function, str) else function
        background = Background(self, f"goes-on-{new_uid()[:8]}")
        self._backgrounds.append(background)
        if elsewhere:
            background.submit_elsewhere(function, self.folder)
        else:
            background.submit_here(function, options)
        return background

    def log(self, run: Any) -> str:
        """What a run printed."""
        record = run if isinstance(run, dict) else run.to_dict()
        self.store.flush()
        meta = record["metadata"]
        return self.store.read_log(meta["project"], meta["uid"]).decode("utf-8", "replace")

    def close(self) -> None:
        """End what a failed test left running."""
        for background in self._backgrounds:
            background.close()
