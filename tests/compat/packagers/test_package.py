"""`mlrun.package`: formats, pickles, type hints, log hints, the manager, packers of a project."""

from __future__ import annotations

import importlib
import typing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.packer import DefaultPackager
from mlrun_like.artifacts.ports import file_artifact
from mlrun_like.errors import InvalidArgumentError, RunError


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun.package")


class Shout(Packager):
    """Packs texts as results, without methods for artifact types."""

    PACKABLE_OBJECT_TYPE = str

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        return "result"

    def get_default_unpacking_artifact_type(self, data_item: Any) -> str:
        return "result"

    def get_supported_artifact_types(self) -> list[str]:
        return ["result"]

    def pack(
        self, obj: Any, key: str = "", artifact_type: Any = None, configurations: Any = None
    ) -> Any:
        return {key: f"{obj}!"}

    def unpack(self, data_item: Any, artifact_type: Any = None, instructions: Any = None) -> Any:
        return data_item.get(encoding="utf-8").upper()


class Rounded(DefaultPackager):
    """Packs floats as class methods do it."""

    PACKABLE_OBJECT_TYPE = float
    DEFAULT_PACKING_ARTIFACT_TYPE = "result"
    PRIORITY = 2

    @classmethod
    def pack_result(cls, obj: Any, key: str, digits: int = 1) -> dict[str, Any]:
        return {key: round(obj, digits)}

    @classmethod
    def pack_text(cls, obj: Any, key: str, place: str = "") -> Any:
        path = Path(place, f"{key}.txt")
        path.write_text(str(obj))
        cls.add_future_clearing_path(path=path)
        return file_artifact(key, path), {"place": place}


def test_formats(old: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "empty").mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"1")
    for fmt in old.ArchiveSupportedFormat.get_all_formats():
        handler = old.ArchiveSupportedFormat.get_format_handler(fmt=fmt)
        made = handler.create_archive(directory_path=str(folder), output_path=str(tmp_path))
        target = tmp_path / f"out-{fmt}"
        target.mkdir()
        found = Path(handler.extract_archive(archive_path=made, output_path=str(target)))
        assert (found / "a.bin").is_file() and (found / "empty").is_dir()
    for fmt in old.StructFileSupportedFormat.get_all_formats():
        handler = old.StructFileSupportedFormat.get_format_handler(fmt)
        for value in ({"a": [1]}, [1, {"b": 2}]):
            handler.write(obj=value, file_path=str(tmp_path / f"x.{fmt}"))
            assert handler.read(str(tmp_path / f"x.{fmt}")) == value
    assert old.ArchiveSupportedFormat.match_format("a/b.tar.gz") == "tar.gz"
    assert old.ArchiveSupportedFormat.match_format("a/b.txt") is None
    with pytest.raises(InvalidArgumentError):
        old.ArchiveSupportedFormat.get_format_handler("rar")
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    with pytest.raises(InvalidArgumentError):
        zipped = old.ArchiveSupportedFormat.get_format_handler("zip")
        zipped.extract_archive(str(tmp_path / "broken.zip"), str(tmp_path))


def test_arrays_and_tables(old: Any, tmp_path: Path) -> None:
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    arrays = importlib.import_module("mlrun.package.packagers.numpy_packagers").NumPySupportedFormat
    for fmt in arrays.get_single_array_formats():
        path = str(tmp_path / f"a.{fmt}")
        arrays.get_format_handler(fmt).save(np.ones((2, 3)), path)
        assert (arrays.get_format_handler(fmt).load(path) == 1).all()
    path = str(tmp_path / "a.npz")
    arrays.get_format_handler("npz").save([np.zeros(2)], path, is_compressed=True)
    assert list(arrays.get_format_handler("npz").load(path)) == ["arr_0"]
    with pytest.raises(InvalidArgumentError):
        arrays.get_format_handler("csv").save(np.ones((2, 2, 2)), path)
    module = importlib.import_module("mlrun.package.packagers.pandas_packagers")
    handler = module.PandasSupportedFormat.get_format_handler("csv")
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="n"))
    kept = handler.to(obj=frame, file_path=str(tmp_path / "t.csv"))
    assert handler.read(str(tmp_path / "t.csv"), **kept).equals(frame)


def test_pickler(compat: ModuleType, tmp_path: Path) -> None:
    pickler = importlib.import_module("mlrun.package.utils").Pickler
    path, notes = pickler.pickle({"a": 1}, "pickle", str(tmp_path / "x.pkl"))
    assert pickler.unpickle(path, **notes) == {"a": 1}
    assert notes["python_version"] == pickler._get_python_version()
    with pytest.raises(InvalidArgumentError, match="pickle module is expected to have a"):
        pickler.pickle(1, "math", str(tmp_path / "y.pkl"))


def test_type_hints(compat: ModuleType) -> None:
    hints = importlib.import_module("mlrun.package.utils.type_hint_utils").TypeHintUtils
    assert hints.is_typing_type(list[int]) and not hints.is_typing_type(int)
    assert hints.is_pure_hint(int | None) and not hints.is_pure_hint(list[int])
    assert hints.reduce_type_hint({int | str}) == {int, str}
    assert hints.reduce_type_hint(typing.Literal["a", 1]) == {str, int}
    assert hints.reduce_type_hint(typing.ForwardRef("nothing.Here")) == set()
    assert hints.is_matching(bool, str | int)
    assert not hints.is_matching(bool, int, include_subclasses=False)
    assert hints.deconstruct_type_hint(tuple[int, ...]) == (tuple, (int,))
    assert hints.parse_type_hint("dict[str, int]") == dict[str, int]
    for text, told in [
        ("Nothing", "not a valid builtin Python type"),
        ("nothing.Here", "the module 'nothing' cannot be imported"),
        ("json.Here", "from the module 'json' but it seems it doesn't exist"),
        ("a b", "not a valid Python type hint"),
    ]:
        with pytest.raises(InvalidArgumentError) as found:
            hints.parse_type_hint(text)
        assert told in str(found.value)


def test_log_hints(old: Any) -> None:
    hint = old.LogHint.parse_obj("2 * fold : file[file_format='csv', n=1]")
    assert (hint.key, hint.itemized, hint.artifact_type) == ("fold", 2, "file")
    assert hint.packing_kwargs == {"file_format": "csv", "n": 1}
    assert old.LogHint.parse_obj(hint.dict()) == hint and hint.copy() is not hint
    assert old.LogHint.parse_obj("*fold").itemized is True
    for text in ("a:b[c", "a:b[c]", "a:b[c=d]", "a:b[=1]", "a:"):
        with pytest.raises(InvalidArgumentError):
            old.LogHint.parse_obj(text)
    utils = importlib.import_module("mlrun.package.utils").LogHintUtils
    assert utils.parse_log_hint("k : file") == {"key": "k", "artifact_type": "file"}
    assert utils.parse_log_hint(None) is None


def test_hints_in_runs(old: Any) -> None:
    mlrun = importlib.import_module("mlrun")
    hint = old.LogHint("part", itemized=True)
    run = mlrun.new_function().run(handler=lambda: {"a": [1, 2], "b": 3}, returns=[hint])
    assert run.status.results == {"part_a_0": 1, "part_a_1": 2, "part_b": 3}
    text = "t:file[file_format='yaml']"
    run = mlrun.new_function().run(handler=lambda: {"a": 1}, returns=[text])
    assert run.artifact("t").url.endswith(".yaml")


def test_the_manager(old: Any, tmp_path: Path) -> None:
    manager = old.PackagersManager()
    manager.collect_packagers([Shout, f"{__name__}.Rounded"])
    assert [type(one) for one in manager._packagers] == [Rounded, Shout]
    assert manager.pack("hi", {"key": "a"}) == {"a": "hi!"}
    manager.pack([1.26, 2.34], {"key": "*b_", "digits": 1})
    manager.pack({"x": 1.26}, old.LogHint("c", itemized=1))
    assert manager.results == {"a": "hi!", "b_0": 1.3, "b_1": 2.3, "c_x": 1.3}
    manager.pack(1.5, {"key": "d", "artifact_type": "text", "place": str(tmp_path)})
    assert len(manager.artifacts) == 1 and (tmp_path / "d.txt").is_file()
    manager.clear_packagers_outputs()
    assert not (tmp_path / "d.txt").exists()
    item = SimpleNamespace(key="k", url="u", get=lambda encoding: "text")
    assert manager.unpack(item, int | str) == "TEXT"
    assert manager.unpack([item], str) == ["TEXT"]
    with pytest.raises(old.MLRunPackageUnpackingError, match="Could not unpack data item"):
        manager.unpack(item, int)
    with pytest.raises(InvalidArgumentError, match="has a dictionary unpacking prefix"):
        manager.pack(1.0, {"key": "**x"})
    with pytest.raises(old.MLRunPackagePackingError, match="No packager was found"):
        manager.pack(1.0, {"key": "x", "artifact_type": "plot"})
    for path, told in [
        ("no.such.Module", "could not be collected from the module"),
        (f"{__name__}.Nobody", "does not exist in the module"),
        ("json.JSONDecoder", "is not a `mlrun.Packager`"),
    ]:
        with pytest.raises(old.MLRunPackageCollectionError) as found:
            manager.collect_packagers([path])
        assert told in str(found.value)


def test_the_context_handler(old: Any) -> None:
    mlrun = importlib.import_module("mlrun")
    handler = importlib.import_module("mlrun.package.context_handler").ContextHandler()
    handler.look_for_context((), {})
    assert not handler.is_context_available()
    context = mlrun.get_or_create_ctx("x")
    handler.look_for_context((context,), {})
    handler.set_labels({"a": "b"})
    handler.log_outputs([1, (2, 3), 4], ["one", "two", None])
    assert context.results == {"one": 1, "two": [2, 3]} and context.labels["a"] == "b"
    assert handler.parse_inputs((5,), {"y": 6}, {"x": int}) == (5,)
    context.commit(completed=True)


def test_packers_of_a_project(old: Any, tmp_path: Path) -> None:
    mlrun = importlib.import_module("mlrun")
    project = mlrun.get_or_create_project("shop", str(tmp_path))
    project.add_custom_packager(f"{__name__}.Shout", True)
    with pytest.raises(InvalidArgumentError):
        project.add_custom_packager(f"{__name__}.Shout", True)
    run = mlrun.new_function(project="shop").run(handler=lambda: "hi", returns=["word"])
    assert run.output("word") == "hi!"
    project.remove_custom_packager(f"{__name__}.Shout")
    run = mlrun.new_function(project="shop").run(handler=lambda: "hi", returns=["word"])
    assert run.output("word") == "hi"
    project.add_custom_packager("no.such.Packer", True)
    with pytest.raises(RunError, match="no"):
        mlrun.new_function(project="shop").run(handler=lambda: "hi")


def test_what_old_code_gets_as_input(old: Any, tmp_path: Path) -> None:
    mlrun = importlib.import_module("mlrun")
    made = mlrun.new_function().run(handler=lambda: [1, 2], returns=["rows:file"])

    def untyped(rows):  # type: ignore[no-untyped-def]
        return type(rows).__name__

    uri = {"rows": made.outputs["rows"]}
    assert mlrun.new_function().run(handler=untyped, inputs=uri).output("return") == "DataItem"
    mlrun.mlconf.packagers.enabled = False
    run = mlrun.new_function().run(handler=lambda: 7, returns=["named"])
    assert run.status.results == {"return": 7}
