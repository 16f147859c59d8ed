from __future__ import annotations

import io
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlrun_like.images.tarring import END, Head, padding

HEADS = st.builds(
    Head,
    name=st.text("abcé/ .", min_size=1, max_size=300).filter(lambda text: text.strip("/ ") != ""),
    size=st.integers(0, 8**11 - 1),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32),
    gid=st.integers(0, 2**32),
    kind=st.just("0"),
    link=st.text("abcé/.", max_size=300),
)


@given(HEADS, st.integers(0, 2**33 - 1))
@example(Head("a" * 100, link="b" * 100), 0)
@example(Head("x" * 101), 0)
@example(Head("y", uid=8**7 - 1, gid=8**7), 8**11 - 1)
@example(Head("z" * 86), 0)  # the record's length gets a digit more by being written
@example(Head("z" * 977 + "é"), 0)
def test_tarfile_reads_what_was_written(head: Head, created: int) -> None:
    with tarfile.open(fileobj=io.BytesIO(head._replace(size=0).encode(created) + END)) as tar:
        found = tar.next()
    assert found is not None
    assert (found.name.rstrip("/"), found.linkname) == (head.name.rstrip("/"), head.link)
    assert (found.mode, found.uid, found.gid) == (head.mode, head.uid, head.gid)
    assert found.mtime == created


def test_files_larger_than_the_field() -> None:
    size = 8**11 + 5
    found = tarfile.TarInfo.frombuf(Head("a", size - 6).encode(), "utf-8", "strict")
    assert found.size == size - 6
    data = Head("a", size).encode()
    assert b" size=8589934597\n" in data and len(data) == 3 * 512


@pytest.mark.skipif(not shutil.which("tar"), reason="no tar program")
def test_the_system_reads_it_too() -> None:
    name = "é" * 80
    data = Head("app/", mode=0o755, kind="5").encode() + Head("app/x", 3).encode() + b"abc"
    data += padding(3) + Head(name, link="app/x", kind="2", mode=0o777).encode() + END
    command = ["tar", "--quoting-style=literal", "--show-transformed-names", "-tvf", "-"]
    done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=30)
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["drwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"]
    assert lines[1].split()[2] == "3" and lines[2].endswith(f"{name} -> app/x")
    assert not done.stderr
