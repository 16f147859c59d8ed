"""Lines of a log: each once, whatever is read again."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.runtimes.kubernetes.code import read_document, split_document
from mlrun_like.runtimes.kubernetes.logs import Lines


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=6)), max_size=12),
    st.lists(st.integers(0, 400), max_size=5),
    st.integers(1, 30),
)
def test_nothing_is_lost_or_repeated(
    rows: list[tuple[int, bytes]], cuts: list[int], size: int
) -> None:
    """Times rise and may be the same; connections break anywhere, also inside a line."""
    rows = sorted(((at, text.replace(b"\n", b"")) for at, text in rows), key=lambda row: row[0])
    stamped = [
        (f"2024-01-01T00:00:{at // 2:02}.{5 * (at % 2)}Z".encode(), text + b"\n")
        for at, text in rows
    ]
    lines, seen = Lines(), b""
    for cut in [*cuts, None]:
        since = lines.since.encode()[:19]
        log = b"".join(at + b" " + text for at, text in stamped if at[:19] >= since)
        lines.again()
        part = log if cut is None else log[:cut]
        for start in range(0, len(part), size):
            seen += lines.feed(part[start : start + size])
    seen += lines.end()
    assert seen == b"".join(text for _, text in stamped)


def test_other_texts_pass() -> None:
    lines = Lines()
    assert lines.feed(b"unable to retrieve container logs\n") == (
        b"unable to retrieve container logs\n"
    )
    assert lines.since == ""
    lines.feed(b"2024-05-06T07:08:09.123456789Z a\n")
    assert lines.since == "2024-05-06T07:08:09Z"


@given(st.lists(st.sampled_from([*b"0123456789-:.TZ+ \nx"]), max_size=60).map(bytes))
def test_anything_may_come(data: bytes) -> None:
    lines = Lines()
    lines.feed(data)
    lines.again()
    lines.feed(data)
    lines.end()


def test_nodes_with_a_time_of_their_place() -> None:
    lines = Lines()
    assert (
        lines.feed(b"2024-05-06T01:30:00.5+02:00 a\n2024-05-06T01:30:00.6+02:00 b\n") == b"a\nb\n"
    )
    assert lines.since == "2024-05-05T23:30:00Z"
    lines.again()
    assert lines.feed(b"2024-05-06T01:30:00.6+02:00 b\n2024-05-06T01:30:01+02:00 c\n") == b"c\n"


def test_documents_are_put_together(tmp_path: object) -> None:
    from pathlib import Path

    import pytest

    from mlrun_like.errors import InvalidArgumentError, MissingFileError

    folder = Path(str(tmp_path))
    text = random.Random(2).randbytes(1_500_000).hex() + "é\ud800"
    parts = split_document("a.txt", text)
    assert len(parts) > 1
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    assert read_document(folder, "a.txt") == text
    last = sorted(parts)[-1]
    (folder / last).write_bytes(b"broken")
    with pytest.raises(InvalidArgumentError, match="is damaged"):
        read_document(folder, "a.txt")
    (folder / sorted(parts)[0]).unlink()
    with pytest.raises(MissingFileError, match="only in part"):
        read_document(folder, "a.txt")
    with pytest.raises(MissingFileError):
        read_document(folder, "b.txt")
