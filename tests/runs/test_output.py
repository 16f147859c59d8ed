# ruff: noqa: T201 - printing is what handlers do
from __future__ import annotations

import contextlib
import functools
import io
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.output import capture

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


def test_what_a_handler_prints_is_its_log(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def handler(context: MLClientCtx) -> None:
        print("one")
        context.logger.info("two", n=2)
        print("three", file=sys.stderr)
        threading.Thread(target=lambda: print("four")).run()
        thread = threading.Thread(target=lambda: print("five"))
        thread.start()
        thread.join()
        print("äöü €", end="")

    run = bench.run(handler)
    lines = run.logs().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [
        "one", "2}", "three", "four", "five", "€",
    ]  # fmt: skip
    assert capsys.readouterr().out.startswith("one\n")
    assert sys.stdout.__class__.__name__ != "_Tee"


def test_two_threads_run_the_same_function_at_once(bench: Bench) -> None:
    barrier = threading.Barrier(2)

    def handler(context: MLClientCtx, n: int) -> int:
        barrier.wait(10)
        for _ in range(20):
            print(f"line of {n}")
        barrier.wait(10)
        return n

    runs: dict[int, Any] = {}
    threads = []

    def run(n: int) -> None:
        runs[n] = bench.run(handler, params={"n": n})

    for n in (1, 2):
        thread, _ = bench.start(functools.partial(run, n))
        threads.append(thread)
    for thread in threads:
        thread.join(20)
    for n, done in runs.items():
        assert done.output("return") == n
        assert bench.log(done) == f"line of {n}\n" * 20
    assert len(runs) == 2


def capture_all() -> tuple[list[bytes], Any]:
    got: list[bytes] = []
    return got, capture(got.append)


def test_lines_arrive_at_once_and_the_rest_at_the_end() -> None:
    got, captured = capture_all()
    with captured:
        print("a line")
        assert b"".join(got) == b"a line\n"
        print("no end", end="")
        assert b"".join(got) == b"a line\n"
        print("x" * 9000, end="")
        assert b"x" in b"".join(got)
        print("rest", end="")
    assert b"".join(got).endswith(b"rest")


def test_text_that_is_no_text_is_refused_as_always() -> None:
    got, captured = capture_all()
    with captured:
        with pytest.raises(TypeError):
            sys.stdout.write(5)  # type: ignore[arg-type]
        print("\udc80 goes on", file=io.StringIO())
        print("goes on")
    assert b"".join(got) == b"goes on\n"


def test_nested_runs_have_logs_of_their_own(bench: Bench) -> None:
    def inner() -> None:
        print("inside")

    def outer() -> str:
        print("before")
        run = bench.run(inner)
        print("after")
        return bench.log(run)

    run = bench.run(outer)
    assert run.output("return") == "inside\n"
    assert bench.log(run) == "before\nafter\n"


def test_a_stream_the_handler_put_in_place_is_left(bench: Bench) -> None:
    mine = io.StringIO()

    def handler() -> None:
        with contextlib.redirect_stdout(mine):
            print("for me")
        print("for the log")

    before = sys.stdout
    assert bench.log(bench.run(handler)) == "for the log\n"
    assert mine.getvalue() == "for me\n"
    assert sys.stdout is before


def test_no_standard_output_at_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(context: MLClientCtx) -> int:
        print("into the void")
        context.logger.info("nothing")
        return 1

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert bench.run(handler).output("return") == 1


@pytest.mark.parametrize("watch", [True, False])
def test_output_is_shown_when_watched(
    bench: Bench, capsys: pytest.CaptureFixture[str], watch: bool
) -> None:
    def handler() -> None:
        print("out")
        print("err", file=sys.stderr)

    assert bench.log(bench.run(handler, watch=watch)) == "out\nerr\n"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (("out\n", "err\n") if watch else ("", ""))
