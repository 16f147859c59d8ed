"""Signed indexes: one that is played back, kept back or moved is refused, until it is accepted."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import IntegrityError, MLRunLikeError, StoreUnavailableError
from mlrun_like.marketplace import signatures
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.importing import import_module
from mlrun_like.marketplace.index import read_index
from mlrun_like.marketplace.keeping import folder_of, keep
from mlrun_like.marketplace.opening import read_bytes
from mlrun_like.marketplace.sharing.index_file import read_rows, write_rows
from mlrun_like.marketplace.sharing.publishing import publish
from mlrun_like.marketplace.sharing.signing import Signer
from mlrun_like.marketplace.signatures import accept, read_signed, seen, serials_in, signed_bytes
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import item

PLACE = "functions/master/catalog.json"
_publish = partial(publish, test="none", resolve=False)


@pytest.fixture
def hub(tmp_path: Path, keys: tuple[Path, Path]) -> tuple[Path, Path, HubSource]:
    """A signed catalogue with version 1.0.0, a copy of it, then version 1.1.0; and its source."""
    hub, old = tmp_path / "hub", tmp_path / "old"
    done = _publish(item(tmp_path / "a", code="\nAT = 0\n"), hub, sign=keys[0])
    shutil.copytree(hub, old, symlinks=True)
    _publish(item(tmp_path / "b", version="1.1.0", code="\nAT = 1\n"), hub, sign=keys[0])
    source = HubSource("ours", str(hub), key=done.key)
    store_source(open_store(), source)
    return hub, old, source


def _play(old: Path, hub: Path) -> None:
    for name in ("catalog.json", "catalog.json.sig"):
        shutil.copy(old / "functions/master" / name, hub / "functions/master" / name)


def test_an_old_index_is_refused_until_it_is_accepted(hub: tuple[Path, Path, HubSource]) -> None:
    new, old, source = hub
    assert seen(source, PLACE) == 0 and import_module("hub://ours/clean_text").AT == 1
    first = seen(source, PLACE)
    assert abs(first - time.time()) < 1000
    _play(old, new)
    for call in (
        lambda: ml.import_function("hub://ours/clean_text"),
        lambda: read_catalogue(source),
        lambda: read_catalogue(source, refresh=True),
    ):
        with pytest.raises(IntegrityError, match=r"shows an old index, of .* UTC; one of .* UTC"):
            call()
    assert seen(source, PLACE) == first
    # another home folder, or another path, never saw the newer one
    assert HubSource("ours", str(old), key=source.key) and seen(source, PLACE) == first
    done = accept(source, PLACE)
    assert done is not None and done[0] == first and 0 < done[1] < first
    assert import_module("hub://ours/clean_text").AT == 0
    assert accept(source, "steps/master/catalog.json") is None


def test_who_set_it_back_and_publishes_has_the_newest_index(
    hub: tuple[Path, Path, HubSource], tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    new, old, source = hub
    assert import_module("hub://ours/clean_text").AT == 1
    first = seen(source, PLACE)
    shutil.rmtree(new)
    shutil.copytree(old, new, symlinks=True)
    _publish(item(tmp_path / "c", version="1.2.0", code="\nAT = 2\n"), new, sign=keys[0])
    # within a second of the other the clock says the same; it goes on
    if serials_in((new / f"{PLACE}.sig").read_bytes())[0][0] <= first:
        write_rows(new / PLACE, read_rows(new / PLACE), Signer(keys[0]))
    assert import_module("hub://ours/clean_text").AT == 2


def test_an_index_that_is_kept_back_does_not_let_the_next_source_answer(
    hub: tuple[Path, Path, HubSource], tmp_path: Path
) -> None:
    new, _, source = hub
    other = tmp_path / "other"
    _publish(item(tmp_path / "x", code="\nAT = 9\n"), other)
    store_source(open_store(), HubSource("zzz", str(other)))
    assert import_module("hub://clean_text").AT == 1
    shutil.rmtree(new / "functions")
    with pytest.raises(IntegrityError, match="an index of catalogue 'ours' is gone"):
        import_module("hub://clean_text")
    done = accept(source, PLACE)
    assert done is not None and done[0] and done[1] == 0
    assert import_module("hub://clean_text").AT == 9


def test_an_index_that_is_kept_back_does_not_let_an_old_one_elsewhere_answer(
    hub: tuple[Path, Path, HubSource], keys: tuple[Path, Path]
) -> None:
    new, _, source = hub
    data, place = b'{"clean_text": {"latest": {"version": "0.1.0"}}}', "functions/catalog.json"
    line = b"1600000000 %s\n" % Signer(keys[0]).sign(signed_bytes(place, 1_600_000_000, data))
    (new / place).write_bytes(data)
    (new / f"{place}.sig").write_bytes(line)
    index = read_index(source, "functions")
    assert index is not None and index.place == PLACE
    (new / PLACE).unlink()
    with pytest.raises(IntegrityError, match="an index of catalogue 'ours' is gone"):
        read_index(source, "functions")
    accept(source, PLACE)
    index = read_index(source, "functions")
    assert index is not None and index.place == place


def test_a_signature_of_the_older_form_says_that_it_is_one(
    hub: tuple[Path, Path, HubSource], tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    new, _, source = hub
    lines = (new / f"{PLACE}.sig").read_bytes()
    older = Signer(keys[0]).sign((new / PLACE).read_bytes()) + b"\n"
    (new / f"{PLACE}.sig").write_bytes(older)
    with pytest.raises(IntegrityError, match="signed in the form of an older version") as caught:
        read_catalogue(source)
    assert "mlrun-like hub publish ITEM CATALOGUE --sign KEY.pem" in caught.value.fix
    again = item(tmp_path / "again", version="1.1.0", code="\nAT = 1\n")
    assert not _publish(again, new, sign=keys[0]).new  # what it says can be done
    assert read_catalogue(source).items and (new / f"{PLACE}.sig").read_bytes() != lines
    (new / f"{PLACE}.sig").write_bytes(older)  # after a new one it is an old index played back
    with pytest.raises(IntegrityError, match="is not signed by its key"):
        read_catalogue(source, refresh=True)


def test_an_index_of_another_channel_or_kind_is_not_this_one(
    hub: tuple[Path, Path, HubSource],
) -> None:
    new, _, source = hub
    shutil.copytree(new / "functions/master", new / "functions/dev", symlinks=True)
    shutil.copytree(new / "functions/master", new / "modules/master", symlinks=True)
    with pytest.raises(IntegrityError, match="not signed by its key"):
        read_catalogue(HubSource("dev", str(new), channel="dev", key=source.key))
    with pytest.raises(IntegrityError, match="not signed by its key"):
        read_catalogue(source)


def test_serials_grow_whatever_the_clock_says(
    tmp_path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    _publish(item(tmp_path / "a"), hub, sign=keys[0])
    (first, _), *none = serials_in((hub / f"{PLACE}.sig").read_bytes())
    assert not none
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    for number in (1, 2):
        write_rows(hub / PLACE, read_rows(hub / PLACE), Signer(keys[0]))
        (serial, _), *none = serials_in((hub / f"{PLACE}.sig").read_bytes())
        assert (serial, none) == (first + number, [])


@pytest.mark.parametrize(
    "lines",
    [b"", b"\xff" * 1000, b"1\n", b" x", b"-5 AAAA", b"9" * 400 + b" AAAA", b"1 AAAA\n" * 9000,
     b"999999999999999999 AAAA", b"\x00 \x00", b"\xd9\xa1 AAAA", b"1.5 AAAA"],
)  # fmt: skip
def test_lines_that_are_no_signatures(hub: tuple[Path, Path, HubSource], lines: bytes) -> None:
    new, _, source = hub
    good = (new / f"{PLACE}.sig").read_bytes()
    (new / f"{PLACE}.sig").write_bytes(lines)
    with pytest.raises(MLRunLikeError):
        read_catalogue(source)
    assert seen(source, PLACE) == 0
    (new / f"{PLACE}.sig").write_bytes(good)
    assert read_catalogue(source).items


@pytest.mark.parametrize("text", [b"", b"x", b"-1", b"9" * 500, b"\xff", b"1e9"])
def test_a_broken_memory_is_none(hub: tuple[Path, Path, HubSource], text: bytes) -> None:
    source = hub[2]
    keep(f"serial:///{source.key}/{source.path}/{PLACE}", text)
    assert seen(source, PLACE) == 0 and read_catalogue(source).items


def test_a_serial_cannot_be_changed(hub: tuple[Path, Path, HubSource]) -> None:
    new, _, source = hub
    path = new / f"{PLACE}.sig"
    serial, line = serials_in(path.read_bytes())[0]
    path.write_bytes(b"%d %s\n" % (serial + 1, line))
    with pytest.raises(IntegrityError, match="not signed by its key"):
        read_catalogue(source)
    assert signed_bytes("a", 1, b"x") != signed_bytes("a", 2, b"x")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, StoreUnavailableError, MemoryError])
def test_what_was_seen_is_kept_whatever_ends_accepting(
    hub: tuple[Path, Path, HubSource], monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    new, old, source = hub
    assert read_catalogue(source).items
    first = seen(source, PLACE)
    _play(old, new)

    def failing(*_: object, **__: object) -> None:
        raise kind("x")

    with monkeypatch.context() as patched:
        patched.setattr(signatures, "_verified", failing)
        with pytest.raises(kind):
            accept(source, PLACE)
    assert seen(source, PLACE) == first > 0


def test_of_two_processes_the_newer_serial_stays(
    hub: tuple[Path, Path, HubSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hub[2]
    found, address = read_bytes(source, PLACE, 1 << 20), f"serial:///{source.key}/{source.path}"
    verified = signatures._verified

    def overtaken(*given: Any, **more: Any) -> Any:
        told = verified(*given, **more)
        assert told is not None
        keep(f"{address}/{PLACE}", str(told.serial + 5).encode())  # another process, meanwhile
        return told

    monkeypatch.setattr(signatures, "_verified", overtaken)
    read_signed(source, PLACE, found)
    told = verified(source, PLACE, found)
    assert told is not None and seen(source, PLACE) == told.serial + 5


def test_who_cannot_remember_says_so(
    hub: tuple[Path, Path, HubSource],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = hub[2]
    found = read_bytes(source, PLACE, 1 << 20)
    monkeypatch.setattr(signatures, "keep", lambda *_: None)  # the disk is full
    assert read_signed(source, PLACE, found).data == found.data
    assert "catalogue 'ours'" in caplog.text and "an older one would pass" in caplog.text


@pytest.mark.parametrize("lost", [False, True])
def test_what_cannot_be_kept_is_not_accepted(
    hub: tuple[Path, Path, HubSource], monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    new, old, source = hub
    assert read_catalogue(source).items
    first = seen(source, PLACE)
    _play(old, new)
    if lost:
        (new / PLACE).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(signatures, "keep", lambda *_: None)  # the disk is full
        with pytest.raises(StoreUnavailableError, match="cannot be kept: one of 20") as told:
            accept(source, PLACE)
        assert "1970" not in str(told.value)
        assert accept(source, "steps/master/catalog.json") is None  # there is nothing to keep
    assert seen(source, PLACE) == first
    done = accept(source, PLACE)
    assert done is not None and done[0] == first and seen(source, PLACE) == done[1] < first


def test_nobody_writes_between_the_look_and_the_writing(
    hub: tuple[Path, Path, HubSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hub[2]
    address = f"serial:///{source.key}/{source.path}/{PLACE}"
    code = (
        "import sys\n"
        "from mlrun_like.marketplace.signatures import _remember\n"
        "from mlrun_like.marketplace.source import HubSource\n"
        "_remember(HubSource('ours', sys.argv[1], key=sys.argv[2]), sys.argv[3], 200)\n"
    )
    others: list[subprocess.Popen[bytes]] = []
    lock = folder_of(address) / ".lock"

    def late(place: str, data: bytes | None) -> Path | None:
        command = [sys.executable, "-c", code, source.path, source.key, PLACE]
        home = {**os.environ, "MLRUN_LIKE_HOME": str(config.path())}
        others.append(subprocess.Popen(command, env=home))
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(lock, "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # the other one has to wait until this one is done
        else:
            assert others[0].wait(60) == 0  # it is done in between
        return keep(place, data)

    monkeypatch.setattr(signatures, "keep", late)
    signatures._remember(source, PLACE, 100)
    assert [other.wait(60) for other in others] == [0]
    assert seen(source, PLACE) == 200
