"""The launcher's output, taken apart by rank however it was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.runtimes.mpi.outputs import TAGS, Splitter


def _split(vendor: str, *parts: bytes) -> list[tuple[int, bytes]]:
    splitter = Splitter(TAGS[vendor])
    return [row for part in parts for row in splitter.feed(part)] + splitter.end()


def test_open_mpi() -> None:
    text = (
        b"[1,0]<stdout>:part[1,1]<stdout>:other[1,0]<stdout>:-end\n"
        b"mpirun says something\n"
        b"[1,1]<stderr>: line\n[1,0]<stdout>:last"
    )
    assert _split("openmpi", text) == [
        (0, b"part-end\n"),
        (-1, b"mpirun says something\n"),
        (1, b"other line\n"),
        (0, b"last\n"),
    ]


def test_mpich_and_horovod() -> None:
    assert _split("mpich", b"[0] a\n[1]  b\nnoise\n") == [
        (0, b"a\n"),
        (1, b" b\n"),
        (-1, b"noise\n"),
    ]
    assert _split("horovodrun", b"[0]<stdout>:a\n[1,1]<stderr>:b\n") == [(0, b"a\n"), (1, b"b\n")]


def test_text_that_looks_like_a_mark() -> None:
    text = b"[1,0]<stdout>:x = [1,2] and [3]\n[1,0]<stdout>:[\n[1,0]<stdout>:tail ["
    assert _split("openmpi", text) == [(0, b"x = [1,2] and [3]\n"), (0, b"[\n"), (0, b"tail [\n")]


@given(st.data())
def test_any_cut_gives_the_same(data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=12)), min_size=1, max_size=8)
    )
    wanted: dict[int, bytes] = {}
    text = b""
    for rank, line in rows:
        line = line.replace(b"\n", b"").replace(b"[", b"(")
        text += b"[1,%d]<stdout>:%s\n" % (rank, line)
        wanted[rank] = wanted.get(rank, b"") + line + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    places = [0, *cuts, len(text)]
    parts = [text[a:b] for a, b in pairwise(places)]
    got: dict[int, bytes] = {}
    for rank, line in _split("openmpi", *parts):
        got[rank] = got.get(rank, b"") + line
    assert got == wanted


def test_a_line_without_end_is_bounded() -> None:
    splitter = Splitter(TAGS["openmpi"])
    rows = splitter.feed(b"[1,0]<stdout>:")
    for _ in range(40):
        rows += splitter.feed(b"x" * 10_000)
    assert sum(len(line) for _, line in rows) > 200_000
    assert all(rank == 0 for rank, _ in rows)


@pytest.mark.parametrize("vendor", list(TAGS))
def test_nothing(vendor: str) -> None:
    assert _split(vendor) == []
    assert _split(vendor, b"", b"\n") == [(-1, b"\n")]
