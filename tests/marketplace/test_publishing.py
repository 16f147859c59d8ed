"""Publishing: versions that never change, an index with digests, killed and concurrent writers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
)
from mlrun_like.marketplace import opening
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.importing import import_module, import_step
from mlrun_like.marketplace.resolving import find_item, read_asset
from mlrun_like.marketplace.sharing.index_file import read_rows
from mlrun_like.marketplace.sharing.publishing import publish
from mlrun_like.marketplace.sharing.signing import Signer
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import item

PUBLISH = (
    "import sys\n"
    "from mlrun_like.marketplace.sharing.publishing import publish\n"
    "publish(sys.argv[1], sys.argv[2], test='none', resolve=False)\n"
)
_publish = partial(publish, test="none", resolve=False)


def rows(hub: Path, kind: str = "functions") -> dict[str, Any]:
    """The index of a catalogue."""
    return read_rows(hub / kind / "master" / "catalog.json")


def test_what_is_published_is_used_and_tested_state_is_told(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    for kind in ("functions", "modules", "steps"):
        done = _publish(item(tmp_path, f"my_{kind}", kind=kind), hub)
        assert done.new and done.digest.startswith("sha256:") and done.tested == "not tested"
    row = rows(hub)["my_functions"]
    assert row["latest"] == row["1.0.0"] and row["1.0.0"]["assets"]["source"].startswith("src/")
    assert (hub / "functions/master/my_functions/latest/src/function.yaml").is_file()
    config.hub_url = str(hub)
    for name in ("my_functions", "my-functions:1.0.0", "default/my_functions:latest"):
        run = ml.import_function(f"hub://{name}").run(params={"rows": 2}, local=True)
        assert run.outputs["rows"] == 2
    assert import_module("hub://my_modules").total([1]) == 1
    assert import_step("hub://my_steps").__name__ == "MySteps"
    found = find_item(open_store(), "", "my_steps")
    assert found.class_name == "MySteps" and found.object_type == "steps"
    assert read_asset(open_store(), found, "docs").data.startswith(b"# my_steps")
    (hub / "steps/master/my_steps/1.0.0/src/extra.py").write_text("HARM = 1")
    with pytest.raises(NotFoundError, match=r"no file 'extra\.py'"):  # the index does not name it
        read_asset(open_store(), found, "extra.py")


def test_a_version_never_changes_and_the_newest_is_the_latest(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    for at, version in enumerate(("1.9.0", "1.10.0", "1.2.0")):
        _publish(item(tmp_path / str(at), version=version, code=f"\nAT = {at}\n"), hub)
    assert rows(hub)["clean_text"]["latest"]["version"] == "1.10.0"
    assert not _publish(tmp_path / "1/clean_text", hub).new
    before = (hub / "functions/master/catalog.json").read_bytes()
    with pytest.raises(ConflictError, match=r"other bytes: src/clean_text\.py"):
        _publish(item(tmp_path / "x", version="1.10.0", code="\nAT = 9\n"), hub)
    assert (hub / "functions/master/catalog.json").read_bytes() == before
    source = HubSource("ours", str(hub))
    tags = [one.tag for one in read_catalogue(source).items]
    assert tags == ["latest", "1.2.0", "1.9.0", "1.10.0"]
    config.hub_url = str(hub)
    assert import_module("hub://clean_text").AT == 1
    assert import_module("hub://clean_text:1.2.0").AT == 2
    with pytest.raises(NotFoundError):
        ml.import_function("hub://clean_text:3.0.0")


def test_mistakes_and_failing_tests_are_not_published(tmp_path: Path) -> None:
    folder, hub = item(tmp_path), tmp_path / "hub"
    (folder / "README.md").unlink()
    with pytest.raises(SpecError, match=r"README.md: there is no such file"):
        _publish(folder, hub)
    for target in ("", "https://example.org/hub", str(folder / "item.yaml")):
        with pytest.raises(InvalidArgumentError):
            _publish(item(tmp_path / f"t{len(target)}"), target)
    with pytest.raises(InvalidArgumentError, match="test='maybe' is unknown"):
        _publish(folder, hub, test="maybe")
    assert not hub.exists()


@pytest.mark.slow
def test_a_failing_test_is_shown_and_a_passing_one_is_told(tmp_path: Path) -> None:
    folder, hub = item(tmp_path), tmp_path / "hub"
    test = folder / "test_clean_text.py"
    good = test.read_text()
    test.write_text(good.replace('["rows"] == 3', '["rows"] == 4'))
    with pytest.raises(SpecError, match="does not pass: 1 failed, 1 passed"):
        publish(folder, hub, test="here", resolve=False)
    test.write_text(good)
    done = publish(folder, hub, test="here", resolve=False)
    assert done.tested.startswith("passed: 2 passed") and done.tested.endswith("(here)")
    assert rows(hub)["clean_text"]["1.0.0"]["tested"] == done.tested


def test_an_index_that_is_none_is_not_replaced(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    index = hub / "functions/master/catalog.json"
    index.parent.mkdir(parents=True)
    for text in ("[]", "{", "5", "[" * 100_000, '{"clean_text": []}'):
        index.write_text(text)
        with pytest.raises(SpecError):
            _publish(item(tmp_path / f"{len(text)}{text[:1]}"), hub)
        assert index.read_text() == text


@pytest.mark.parametrize("point", ["tempfile.mkdtemp", "os.rename", "os.replace", "os.symlink"])
def test_a_publisher_killed_half_way_leaves_the_old_index(tmp_path: Path, point: str) -> None:
    hub = tmp_path / "hub"
    _publish(item(tmp_path / "a", version="1.0.0", code="\nAT = 0\n"), hub)
    before = rows(hub)
    folder = item(tmp_path / "b", version="1.1.0", code="\nAT = 1\n")
    module, _, name = point.partition(".")
    die = (
        f"import os, signal, {module}\n"
        f"{module}.{name} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program = PUBLISH.replace("publish(sys", die + "publish(sys", 1)
    done = subprocess.run([sys.executable, "-c", program, str(folder), str(hub)], check=False)
    assert done.returncode == -signal.SIGKILL
    config.hub_url = str(hub)
    if point != "os.symlink":  # the index is replaced before the link
        assert rows(hub) == before
        assert import_module("hub://clean_text").AT == 0
        with pytest.raises(NotFoundError):  # its folder may be there, and no index names it
            ml.import_function("hub://clean_text:1.1.0")
    assert _publish(folder, hub).new is (point != "os.symlink")
    assert import_module("hub://clean_text").AT == 1
    assert import_module("hub://clean_text:1.0.0").AT == 0


@pytest.mark.slow
def test_publishers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    folders = [item(tmp_path / str(n), f"item_{n % 3}", f"1.{n}.0") for n in range(6)]
    running = [
        subprocess.Popen([sys.executable, "-c", PUBLISH, str(folder), str(hub)])
        for folder in folders
    ]
    assert [process.wait(60) for process in running] == [0] * 6
    found = {name: sorted(set(versions)) for name, versions in rows(hub).items()}
    assert found == {f"item_{n}": [f"1.{n}.0", f"1.{n + 3}.0", "latest"] for n in range(3)}


def test_bytes_that_are_not_the_promised_ones_are_refused(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    _publish(item(tmp_path), hub)
    config.hub_url = str(hub)
    place = hub / "functions/master/clean_text/1.0.0/src"
    for name, path in (("function.yaml", "src/function.yaml"), ("clean_text.py", "source")):
        good = (place / name).read_bytes()
        (place / name).write_bytes(good + b"\n")
        found = find_item(open_store(), "", "clean_text")
        with pytest.raises(IntegrityError, match="not what its catalogue promises"):
            read_asset(open_store(), found, path)
        if name == "function.yaml":
            with pytest.raises(IntegrityError):
                ml.import_function("hub://clean_text")
        (place / name).write_bytes(good)
    assert ml.import_function("hub://clean_text").kind == "job"


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_over_http_and_in_git_it_is_the_same(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    _publish(item(tmp_path / "a", code="\nAT = 0\n"), hub)
    git = ["git", "-C", str(hub), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    opening._failed.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(hub)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    store = open_store()
    try:
        store_source(store, HubSource("git", f"git+file://{hub}#main"))
        store_source(store, HubSource("web", f"http://127.0.0.1:{server.server_address[1]}"))
        for name in ("git", "web"):
            assert import_module(f"hub://{name}/clean_text:1.0.0").AT == 0
        # a copy of the index is older than the function that it names: both are read anew
        _publish(item(tmp_path / "b", version="1.1.0", code="\nAT = 1\n"), hub)
        assert import_module("hub://web/clean_text").AT == 0
        assert read_catalogue(HubSource("web", f"http://127.0.0.1:{server.server_address[1]}"),
                              refresh=True).items[0].version == "1.1.0"  # fmt: skip
        assert import_module("hub://web/clean_text").AT == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    # the copies serve when the server is away
    assert import_module("hub://web/clean_text").AT == 1


def test_a_source_with_a_key_offers_what_was_signed(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    hub, store = tmp_path / "hub", open_store()
    done = _publish(item(tmp_path / "a"), hub, sign=keys[0])
    store_source(store, HubSource("ours", str(hub), key=done.key))
    store_source(store, HubSource("theirs", str(hub), key=Signer(keys[1]).public))
    assert ml.import_function("hub://ours/clean_text").kind == "job"
    with pytest.raises(IntegrityError, match="not signed by its key"):
        ml.import_function("hub://theirs/clean_text")
    with pytest.raises(InvalidArgumentError, match="is signed, and no key was given"):
        _publish(item(tmp_path / "b", version="1.1.0"), hub)
    _publish(item(tmp_path / "c", version="1.2.0", code="\nAT = 2\n"), hub, sign=keys[0])
    assert import_module("hub://ours/clean_text").AT == 2
    # what no index names is not offered, however it lies there
    place = hub / "functions/master/other/latest/src"
    place.mkdir(parents=True)
    (place / "function.yaml").write_text("kind: job\n")
    with pytest.raises(NotFoundError):
        ml.import_function("hub://ours/other")
    found = find_item(store, "ours", "clean_text")
    (hub / found.folder / "src/evil.py").write_text("x")
    with pytest.raises(IntegrityError, match=r"does not name 'src/evil\.py'"):
        read_asset(store, found, "evil.py")
    index = hub / "functions/master/catalog.json"
    signatures = index.with_name("catalog.json.sig")
    kept = signatures.read_bytes()
    for text in (b"", b"AAAA", b"\xff\xfe", b"\n" * 1000, b"x" * 60_000):
        signatures.write_bytes(text)
        with pytest.raises(IntegrityError):
            ml.import_function("hub://ours/clean_text")
    signatures.write_bytes(kept)
    index.write_bytes(index.read_bytes().replace(b"1.2.0", b"1.3.0"))
    with pytest.raises(IntegrityError):
        read_catalogue(HubSource("ours", str(hub), key=done.key))


def test_killed_between_signature_and_index_the_old_one_still_counts(
    tmp_path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    done = _publish(item(tmp_path / "a", code="\nAT = 0\n"), hub, sign=keys[0])
    store_source(open_store(), HubSource("ours", str(hub), key=done.key))
    real = os.replace

    def failing(source: Any, target: Any) -> None:
        if str(target).endswith("catalog.json"):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        _publish(item(tmp_path / "b", version="1.1.0", code="\nAT = 1\n"), hub, sign=keys[0])
    monkeypatch.undo()
    assert import_module("hub://ours/clean_text").AT == 0


def test_keys_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    (tmp_path / "bad.pem").write_bytes(b"\xff")
    for path in ("bad.pem", "none.pem", "."):
        with pytest.raises(InvalidArgumentError, match="cannot be used to sign"):
            Signer(tmp_path / path)
    for key in ("x", "AAAA", "ä", 5):
        with pytest.raises(InvalidArgumentError, match="no key of a catalogue"):
            HubSource("ours", "/x", key=key)  # type: ignore[arg-type]
    document = HubSource("ours", "/x", key="A" * 43 + "=").to_dict()
    assert HubSource.from_dict(json.loads(json.dumps(document))).key == "A" * 43 + "="
