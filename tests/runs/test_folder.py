"""The working folder of a run in this process, and of its threads."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import MissingFileError
from mlrun_like.runs.folder import folder_here, working_in


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads share the folder")
def test_each_thread_works_in_its_own_folder(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=30)
    seen: dict[str, list[str]] = {}

    def where(name: str) -> None:
        seen[name] = [os.getcwd()]
        together.wait()
        together.wait()
        seen[name].append(os.getcwd())

    def go(name: str) -> None:
        (tmp_path / name).mkdir()
        fn = ml.new_function("f", kind="handler")
        fn.run(handler=where, params={"name": name}, workdir=tmp_path / name, watch=False)

    threads = [threading.Thread(target=go, args=(name,)) for name in ("a", "b")]
    before = os.getcwd()
    for thread in threads:
        thread.start()
    together.wait()
    assert os.getcwd() == before
    together.wait()
    for thread in threads:
        thread.join(30)
    assert seen == {name: [str(tmp_path / name)] * 2 for name in ("a", "b")}
    assert os.getcwd() == before


def test_without_folders_of_their_own_they_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_like.runs.folder._unshare", lambda: False)
    seen: list[tuple[str, str]] = []

    def go(name: str) -> None:
        (tmp_path / name).mkdir()
        with working_in(str(tmp_path / name)), working_in(""):
            seen.append((name, os.path.basename(os.getcwd())))

    before = os.getcwd()
    threads = [threading.Thread(target=go, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == [(str(number), str(number)) for number in range(8)]
    assert os.getcwd() == before


def test_a_run_whose_threads_run_others_does_not_wait_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mlrun_like.runs.folder._unshare", lambda: False)
    monkeypatch.setattr("mlrun_like.runs.folder._LONGEST", 1.0)
    for name in "abcd":
        (tmp_path / name).mkdir()

    def inner(name: str) -> str:
        with working_in(str(tmp_path / name)):
            time.sleep(0.01)  # the others, too, wait for one another
            return Path.cwd().name

    def outer() -> list[str]:
        with working_in(str(tmp_path / "a")), ThreadPoolExecutor(3) as pool:
            found = list(pool.map(inner, "bcd", timeout=30))
            return [*found, Path.cwd().name]

    before = os.getcwd()
    stop = threading.Event()
    threading.Thread(target=stop.wait, args=(60,), daemon=True).start()  # the process has others
    try:
        assert outer() == ["b", "c", "d", "a"]
        assert os.getcwd() == before
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(outer).result(30) == ["b", "c", "d", "a"]
    finally:
        stop.set()
    assert os.getcwd() == before
    assert [line.levelname for line in caplog.records if "waiting for" in line.message]


def test_who_leaves_the_folder_out_of_turn_leaves_it_to_the_later_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_like.runs.folder._unshare", lambda: False)
    monkeypatch.setattr("mlrun_like.runs.folder._LONGEST", 0.0)
    for name in "ab":
        (tmp_path / name).mkdir()
    inside, leave = threading.Event(), threading.Event()

    def later() -> str:
        with working_in(str(tmp_path / "b")):
            inside.set()
            leave.wait(30)
            return Path.cwd().name

    before = os.getcwd()
    with ThreadPoolExecutor(1) as pool:
        with working_in(str(tmp_path / "a")):
            found = pool.submit(later)
            assert inside.wait(30)
        leave.set()
        assert found.result(30) == "b"
    assert os.getcwd() == before


def test_the_main_thread_keeps_the_folder_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_like.runs.folder._unshare", lambda: pytest.fail("it is for good"))
    seen: list[str] = []
    asked, done = threading.Event(), threading.Event()

    def look() -> None:
        asked.wait(30)
        seen.append(os.getcwd())
        done.set()

    thread = threading.Thread(target=look)
    thread.start()
    before = os.getcwd()
    with working_in(str(tmp_path)):
        assert os.getcwd() == str(tmp_path)
    os.chdir(tmp_path)
    try:
        asked.set()
        assert done.wait(30)
    finally:
        os.chdir(before)
    thread.join(30)
    assert seen == [str(tmp_path)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads share the folder")
def test_a_first_run_in_a_thread_does_not_stay_where_the_main_thread_is(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in "abc"}
    for place in places.values():
        place.mkdir()

    def run() -> str:
        with working_in(str(places["b"])):
            return os.getcwd()

    before = os.getcwd()
    with ThreadPoolExecutor(1) as used, ThreadPoolExecutor(1) as idle:
        assert idle.submit(os.getcwd).result(30) == before
        with working_in(str(places["a"])), working_in(str(places["c"])):
            assert used.submit(run).result(30) == str(places["b"])  # it does not wait
            assert used.submit(os.getcwd).result(30) == before
            assert idle.submit(os.getcwd).result(30) == os.getcwd() == str(places["c"])
            with ThreadPoolExecutor(1) as late:
                assert late.submit(run).result(30) == str(places["b"])
                assert late.submit(os.getcwd).result(30) == before
        assert [pool.submit(os.getcwd).result(30) for pool in (used, idle)] == [before, before]
    assert os.getcwd() == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads share the folder")
def test_a_thread_that_a_run_started_does_not_stay_in_its_folder(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()

    def inner() -> str:
        with working_in(str(tmp_path / "b")):
            return Path.cwd().name

    def outer(pool: ThreadPoolExecutor) -> str:
        with working_in(str(tmp_path / "a")):
            return pool.submit(inner).result(30)

    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        with ThreadPoolExecutor(1) as used, ThreadPoolExecutor(1) as runner:
            assert runner.submit(outer, used).result(30) == "b"
            assert used.submit(os.getcwd).result(30) == os.getcwd() == str(tmp_path)
    finally:
        os.chdir(before)


def test_a_failure_goes_back(tmp_path: Path) -> None:
    before = os.getcwd()
    with pytest.raises(KeyError), working_in(str(tmp_path)):
        raise KeyError("x")
    assert os.getcwd() == before
    with pytest.raises(MissingFileError, match="does not exist"), working_in("/no/such/folder"):
        pass


@pytest.mark.parametrize("handler", ["where", ""])
def test_the_folder_of_an_image_need_not_be_here(tmp_path: Path, handler: str) -> None:
    file = tmp_path / "w.py"
    file.write_text("import os\ndef where(): return os.getcwd()\nprint('in', os.getcwd())")
    fn: Any = ml.new_function("j", kind="job", command=str(file), image="x")
    fn.spec.workdir = "/home/in/an/image"
    run = fn.run(handler=handler, local=True, watch=False)
    assert "the image's folder '/home/in/an/image' is not here" in run.logs(watch=False)
    assert f"in {os.getcwd()}" in run.logs(watch=False)
    with pytest.raises(MissingFileError, match="/nope"):
        fn.run(handler=handler, local=True, workdir="/nope")


def test_which_folders_are_meant() -> None:
    assert folder_here("", "job") == ("", "")
    assert folder_here("relative", "job") == ("relative", "")
    assert folder_here("/no/such", "local") == ("/no/such", "")
    assert folder_here("/no/such", "job")[0] == ""
