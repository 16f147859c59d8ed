"""Packers of one's own: MLRun's form, priority, registration and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.packer_table import has_registered, lent_packers
from mlrun_like.artifacts.packers import (
    DefaultPackager,
    Packer,
    PackingWarning,
    pack_outputs,
    register_packer,
    unpack_input,
    unregister_packer,
)
from mlrun_like.errors import InvalidArgumentError
from tests.artifacts.packing_run import Run


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def run(tmp_path: Path, store_folder: Path) -> Run:
    return Run(tmp_path, store_folder)


class Shape:
    def __init__(self, sides: int) -> None:
        self.sides = sides


class Square(Shape):
    def __init__(self) -> None:
        super().__init__(4)


class ShapePackager(DefaultPackager):
    """The form that MLRun's documentation gives."""

    PACKABLE_OBJECT_TYPE = Shape
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = "outline"
    DEFAULT_UNPACKING_ARTIFACT_TYPE = "outline"

    def pack_outline(
        self, obj: Shape, key: str, mark: str = "-"
    ) -> tuple[Artifact, dict[str, Any]]:
        path = self.folder() / f"{key}.txt"
        path.write_text(mark * obj.sides)
        return Artifact(key=key, src_path=str(path)), {"mark": mark}

    def unpack_outline(self, data_item: Any, mark: str = "-") -> Shape:
        return Shape(data_item.get(encoding="utf-8").count(mark))

    def pack_result(self, obj: Shape, key: str) -> dict[str, Any]:
        return {f"{key}_sides": obj.sides}


@pytest.fixture
def shapes() -> Iterator[None]:
    register_packer(ShapePackager)
    yield
    unregister_packer(ShapePackager)


@pytest.mark.usefixtures("shapes")
def test_custom_packer_in_mlruns_form(run: Run) -> None:
    run.pack(Square(), {"key": "square", "mark": "x"})
    assert run.instructions("square") == {
        "packager_name": "ShapePackager",
        "object_type": f"{Square.__module__}.Square",
        "artifact_type": "outline",
        "instructions": {"mark": "x"},
    }
    assert unpack_input(run.input("square")).sides == 4
    assert unpack_input(run.input("square"), Shape).sides == 4
    run.pack(Shape(3), "triangle:result")
    assert run.results == {"triangle_sides": 3}
    plain = run.log_artifact("plain", body="---")
    assert unpack_input(run.input(plain.key), Shape).sides == 3


def test_a_packer_that_is_gone_is_replaced_with_a_warning(run: Run) -> None:
    register_packer(ShapePackager)
    run.pack(Shape(3), "shape:object")
    unregister_packer(ShapePackager)
    with pytest.warns(PackingWarning, match="'ShapePackager', which is not registered"):
        assert unpack_input(run.input("shape")).sides == 3


class _Int(Packer):
    PACKABLE_OBJECT_TYPE = int


class First(_Int):
    def pack_result(self, obj: int, key: str) -> dict[str, Any]:
        return {key: "first"}

    DEFAULT_PACKING_ARTIFACT_TYPE = "result"


class Second(First):
    def pack_result(self, obj: int, key: str) -> dict[str, Any]:
        return {key: "second"}


@pytest.mark.parametrize(
    ("priorities", "winner"), [((..., ...), "second"), ((1, 2), "first"), ((6, 7), 1)]
)
def test_priority(priorities: tuple[Any, Any], winner: Any, run: Run) -> None:
    First.PRIORITY, Second.PRIORITY = priorities
    try:
        register_packer(First)
        register_packer(Second)
        run.pack(1, "x")
        assert run.results["x"] == winner
    finally:
        unregister_packer(First)
        unregister_packer(Second)


def test_registering_by_path() -> None:
    path = f"{__name__}.ShapePackager"
    register_packer(path, mandatory=True)
    unregister_packer(ShapePackager)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module_here.A", "could not be collected from the module"),
        ("json.NoSuchPackager", "does not exist in the module"),
        ("json.JSONDecoder", "not a subclass of Packer"),
        ("Alone", "has no module"),
    ],
)
def test_registering_what_is_no_packer(path: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        register_packer(path, mandatory=True)
    with pytest.warns(PackingWarning, match=message):
        register_packer(path)


@pytest.mark.parametrize("priority", [0, 11, "3", True])
def test_bad_priority(priority: Any) -> None:
    class Bad(Packer):
        PRIORITY = priority

    with pytest.raises(InvalidArgumentError, match="from 1 to 10"):
        register_packer(Bad)


def test_packing_and_unpacking_only_types() -> None:
    class OneWay(Packer):
        PACKABLE_OBJECT_TYPE = str

        def pack_summary(self, obj: str, key: str) -> dict[str, Any]:
            return {key: obj}

        def unpack_legacy(self, data_item: Any) -> str:
            return ""

    packer, item = OneWay(), Any
    assert "summary" in packer.get_supported_packing_artifact_types()
    assert "summary" not in packer.get_supported_unpacking_artifact_types()
    assert {"summary", "legacy"} <= set(packer.get_supported_artifact_types())
    assert packer.is_packable("a", "summary")
    assert not packer.is_packable("a", "legacy")
    assert not packer.is_packable(1)
    assert packer.is_unpackable(item, str, "legacy")  # type: ignore[arg-type]
    assert not packer.is_unpackable(item, str, "summary")  # type: ignore[arg-type]


def test_a_packer_that_returns_nonsense_is_reported(run: Run) -> None:
    class Wrong(Packer):
        PACKABLE_OBJECT_TYPE = complex

        def pack_object(self, obj: Any, key: str, pickle_module_name: str = "") -> Any:
            return 5

        def pack_file(self, obj: Any, key: str) -> Any:
            return 5, {}

    register_packer(Wrong)
    try:
        with pytest.warns(PackingWarning, match="Wrong returned int"):
            pack_outputs(1j, ["a"], run)
        with pytest.warns(PackingWarning, match="returned int as artifact"):
            pack_outputs(1j, ["a:file"], run)
    finally:
        unregister_packer(Wrong)


def test_packers_are_lent_while_anybody_uses_them() -> None:
    class Lent(Packer):
        PACKABLE_OBJECT_TYPE = Shape

    rows = [(Lent, True)]
    first, second = lent_packers(rows), lent_packers(rows)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # as two runs in threads, which end one after the other
    assert has_registered()
    second.__exit__(None, None, None)
    assert not has_registered()
    register_packer(Lent)
    try:
        with lent_packers(rows):
            pass
        assert has_registered()  # somebody else's doing, and left to them
    finally:
        unregister_packer(Lent)
