"""Locks and their layers: made once, kept, and whole or not there."""

from __future__ import annotations

import multiprocessing
import tarfile
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.base import Base, inspect_base
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.environment import Request, lock_environment, locked_layer
from mlrun_like.images.layers import Layer
from tests.images.wheels import DEBIAN, OFFICIAL, base_with, index_lines, make_wheel


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    make_wheel(folder, "one", "1.0")
    make_wheel(folder, "one", "2.0")
    make_wheel(folder, "two", "1.0", requires=["one>=1"], scripts={"two": "two:main"})
    return folder


@pytest.fixture
def base() -> Base:
    return inspect_base(base_with(DEBIAN))


def names(layer: Layer | None) -> list[str]:
    assert layer is not None
    with BlobCache().open(layer.digest) as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
        return tar.getnames()


def test_a_lock_is_made_once(index: Path, base: Base) -> None:
    said: list[str] = []
    request = Request((*index_lines(index), "two"), base)
    first = lock_environment(request, say=said.append)
    assert first.fresh and first.pins == {"one": "2.0", "two": "1.0"}
    make_wheel(index, "one", "3.0")
    second = lock_environment(request, say=said.append)
    assert not second.fresh and second.text == first.text
    assert len(said) == 1 and "2 requirements" not in said[0]
    third = lock_environment(request, renew=True)
    assert third.pins["one"] == "3.0" and third.hash != first.hash


def test_the_key_stands_for_requirements_and_target(index: Path, base: Base) -> None:
    lines = (*index_lines(index), "two")
    request = Request(lines, base)
    assert request.key == Request(tuple(reversed(lines)), base, environ={"A": "secret"}).key
    others = [
        Request((*lines, "one"), base),
        Request(lines, inspect_base(base_with(OFFICIAL))),
        Request(lines, base, {"one": "1.0"}),
    ]
    assert len({request.key, *(other.key for other in others)}) == 4
    assert "secret" not in repr(Request(lines, base, environ={"A": "secret"}))


def test_the_layer(index: Path, base: Base) -> None:
    request = Request((*index_lines(index), "two"), base)
    locked = lock_environment(request)
    made = locked_layer(locked, request)
    assert not made.reused and made.layer is not None
    found = names(made.layer)
    assert "usr/local/lib/python3.11/dist-packages/one.py" in found
    assert "usr/local/bin/two" in found
    again = locked_layer(locked, request)
    assert again.reused and again.layer == made.layer
    BlobCache().path(made.layer.digest).unlink()
    anew = locked_layer(locked, request)
    assert not anew.reused and anew.layer == made.layer


def test_the_same_in_another_home(index: Path, base: Base, tmp_path: Path) -> None:
    request = Request((*index_lines(index), "two"), base)
    first = locked_layer(lock_environment(request), request).layer
    with config.override(home=str(tmp_path / "other")):
        second = locked_layer(lock_environment(request), request).layer
    assert first is not None and second is not None
    assert first.digest == second.digest


def test_what_the_base_has_is_not_installed_again(index: Path) -> None:
    site = "/usr/local/lib/python3.12/site-packages"
    files = {f"{site}/one.py": "", f"{site}/one-1.0.dist-info/RECORD": "one.py,,\n"}
    base = inspect_base(base_with(OFFICIAL, files))
    lines = (*index_lines(index), "two")
    made = locked_layer(lock_environment(Request(lines, base)), Request(lines, base))
    found = names(made.layer)
    assert f"{site}/two.py".lstrip("/") in found
    assert not [name for name in found if "one" in name.rpartition("/")[2]]
    assert made.removed == ()
    alone = Request((*index_lines(index), "one"), base)
    assert locked_layer(lock_environment(alone), alone).layer is None


def test_another_version_than_the_bases_replaces_its_files(index: Path) -> None:
    site = "/usr/local/lib/python3.12/site-packages"
    record = "one.py,,\none_old.py,,\none-1.0.dist-info/RECORD,,\n../../../../../etc/passwd,,\n"
    files = {f"{site}/one_old.py": "", f"{site}/one-1.0.dist-info/RECORD": record}
    base = inspect_base(base_with(OFFICIAL, files))
    request = Request((*index_lines(index), "one>=2"), base)
    locked = lock_environment(request)
    found = names(locked_layer(locked, request).layer)
    top = site.lstrip("/")
    assert f"{top}/.wh.one_old.py" in found and f"{top}/one.py" in found
    assert f"{top}/.wh.one.py" not in found
    assert not [name for name in found if "passwd" in name]
    plain = locked_layer(locked, request, whiteouts=False)
    assert f"{site}/one_old.py" in plain.removed
    assert not [name for name in names(plain.layer) if ".wh." in name]


def test_a_wheel_of_ours_is_locked_without_its_place(tmp_path: Path, base: Base) -> None:
    wheel = make_wheel(tmp_path / "mine", "mine", "1.0")
    request = Request(("--no-index", str(wheel)), base)
    locked = lock_environment(request)
    assert locked.pins == {"mine": ""}
    first = locked_layer(locked, request).layer
    (tmp_path / "elsewhere").mkdir()
    other = wheel.rename(tmp_path / "elsewhere" / wheel.name)
    assert locked_layer(locked, request).layer == first  # the folder is needed no more
    with config.override(home=str(tmp_path / "other")):
        again = Request(("--no-index", str(other)), base)
        assert lock_environment(again).hash == locked.hash
        assert locked_layer(lock_environment(again), again).layer == first


def test_a_failure_leaves_nothing(index: Path, base: Base) -> None:
    request = Request((*index_lines(index), "nothing-here"), base)
    for _ in range(2):
        with pytest.raises(BuildError, match="nothing-here"):
            lock_environment(request)
    assert not list(config.path("images").rglob("requirements.lock"))


def _lock_in_child(home: str, lines: tuple[str, ...], base: Base, fresh: object) -> None:
    with config.override(home=home):
        fresh.put(lock_environment(Request(lines, base)).fresh)  # type: ignore[attr-defined]


def test_two_builds_at_once_make_one_lock(index: Path, base: Base, home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    fresh = context.Queue()
    lines = (*index_lines(index), "two")
    children = [
        context.Process(target=_lock_in_child, args=(str(home), lines, base, fresh))
        for _ in range(2)
    ]
    for child in children:
        child.start()
    found = sorted(fresh.get(timeout=60) for _ in children)
    for child in children:
        child.join(30)
    assert found == [False, True]


def test_killed_while_installing(index: Path, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request((*index_lines(index), "two"), base)
    locked = lock_environment(request)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlrun_like.images.environment.add_bytecode", killed)
        with pytest.raises(KeyboardInterrupt):
            locked_layer(locked, request)
    made = locked_layer(locked, request)
    assert not made.reused and made.layer is not None
