from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, IntegrityError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import digest_of


def test_blobs(home: Path) -> None:
    cache = BlobCache()
    digest = cache.put(b"abc")
    assert cache.path(digest) == home / "images" / "blobs" / "sha256" / digest[7:]
    assert cache.size(digest) == 3 and cache.get(digest) == b"abc"
    with cache.open(digest) as file:
        assert file.read() == b"abc"
    assert cache.put(b"abc") == digest
    assert cache.get(digest_of(b"other")) is None and cache.size(digest_of(b"other")) is None
    with pytest.raises(BuildError, match="not in the cache any more"):
        cache.open(digest_of(b"other"))
    cache.path(digest).write_bytes(b"abd")
    assert cache.get(digest) is None, "damaged"


@pytest.mark.parametrize("digest", ["../../x", "sha256:..", "", "sha256:" + "A" * 64, "md5:0"])
def test_digests_that_are_none(digest: str) -> None:
    with pytest.raises(IntegrityError, match="not a digest"):
        BlobCache().path(digest)


def test_what_is_not_committed_is_dropped() -> None:
    cache = BlobCache()
    with cache.writer() as writer:
        writer.write(b"abc")
    with pytest.raises(ZeroDivisionError), cache.writer() as writer:
        writer.write(b"abc")
        raise ZeroDivisionError
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


def test_prune(home: Path) -> None:
    cache = BlobCache()
    old, new, used = cache.put(b"old"), cache.put(b"new"), cache.put(b"used")
    cache.remember("key", {"a": 1})
    past = time.time() - 40 * 24 * 3600
    for digest in (old, used):
        os.utime(cache.path(digest), (past, past))
    cache.used(used)
    cache.used(digest_of(b"none"))
    assert cache.prune() == 3
    assert [cache.size(digest) for digest in (old, new, used)] == [None, 3, 4]
    assert cache.recall("key") == {"key": "key", "a": 1}
    assert BlobCache(home / "none").prune() == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with config.override(home=str(tmp_path / "file")):
        with pytest.raises(BuildError, match="cannot be written"):
            BlobCache().put(b"x")
        with pytest.raises(BuildError, match="cannot be written"):
            BlobCache().remember("x", {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path)
    with cache.writer() as writer:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, writer._file.fileno())
        os.close(full)
        with pytest.raises(BuildError, match=r"No space left(.|\n)*MLRUN_LIKE_HOME"):
            writer.write(b"x")
