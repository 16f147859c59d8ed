"""A filled store, a filled service as a process, and one Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from mlrun_like.tracking.store import SqlStore
from tests.api.pages.filled import PROJECT, Filled, fill

_ROOT = Path(__file__).parents[3]
expect.set_options(timeout=30_000)  # the machine may have much else to do


@pytest.fixture
def filled(store: SqlStore, home: Path) -> Filled:
    """The store of `service`, filled."""
    return fill(store, home / "artifacts" / PROJECT, runs=24)


@pytest.fixture(scope="session")
def pages_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `live_pages`, with its `store.db`."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session")
def live_pages(pages_folder: Path) -> Iterator[str]:
    """The address of a filled service that runs as a process."""
    folder = pages_folder
    with subprocess.Popen(
        [sys.executable, "-m", "tests.api.pages.serving", str(folder)],
        cwd=_ROOT,
        env={**os.environ, "MLRUN_LIKE_HOME": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), "the service did not start"
        try:
            yield address
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module; as long as it is there, `asyncio.run` is not possible
    in this thread, so it must not live longer."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        yield browser
        browser.close()
