from __future__ import annotations

import base64
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.runtimes.spark import submit
from mlrun_like.runtimes.spark.driver import settle_path
from mlrun_like.specs.function import FunctionDoc, FunctionSpec


def doc(code: str = "", **spec: Any) -> FunctionDoc:
    found = FunctionDoc(kind="spark", spec=FunctionSpec(**spec))
    found.metadata.name = "f"
    found.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    return found


def test_the_whole_command_line() -> None:
    document = doc(
        deps={"jars": ["a.jar", "b.jar"], "packages": "g:a:1", "pyFiles": ["own.py"]},
    )
    files = {"properties": "/run/spark.conf", "code": "/run/code.zip"}
    argv = submit.command(document, "train", "spark://h:7077", files, ["/run/driver.py", "x"])
    assert argv[0].endswith("spark-submit")
    assert argv[1:] == [
        *("--master", "spark://h:7077", "--deploy-mode", "client", "--name", "train"),
        *("--properties-file", "/run/spark.conf", "--jars", "a.jar,b.jar"),
        *("--py-files", "/run/code.zip,own.py", "--packages", "g:a:1"),
        *("/run/driver.py", "x"),
    ]


def test_a_program_for_the_jvm() -> None:
    argv = submit.command(
        doc(main_class="org.Pi"), "pi", "local[1]", {"properties": "p"}, ["x.jar"]
    )
    assert argv[-3:] == ["--class", "org.Pi", "x.jar"]


@pytest.mark.parametrize(
    "deps", [{"jar": ["x"]}, {"jars": ["a,b"]}, {"jars": [1]}, {"files": [""]}]
)
def test_dependencies_that_are_none(deps: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        submit.deps_of(doc(deps=deps))


def test_properties_are_private_and_follow_sparks_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "conf"))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text("spark.a  site")
    document = doc(spark_conf={"spark.b": "1"}, driver_java_options="-Dx=y")
    path = submit.write_properties(document, "local[1]", tmp_path, {"spark.b": "0", "spark.c": "2"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert lines[0] == "spark.a  site"
    assert "spark.b=1" in lines and "spark.c=2" in lines
    options = next(line for line in lines if "extraJavaOptions" in line)
    assert "log4j2.configurationFile=file:///" in options and options.endswith("-Dx=y")


def test_a_logger_of_the_users_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    (tmp_path / "log4j2.properties").write_text("rootLogger.level = debug")
    folder = tmp_path / "run"
    folder.mkdir()
    text = submit.write_properties(doc(), "local[1]", folder, {}).read_text()
    assert "log4j" not in text


_JAVA = """
import java.io.*; import java.util.*;
public class Read {
  public static void main(String[] a) throws Exception {
    Properties p = new Properties();
    p.load(new InputStreamReader(new FileInputStream(a[0]), "UTF-8"));
    for (String k : new TreeSet<>(p.stringPropertyNames()))
      System.out.write((k + "\\0" + p.getProperty(k) + "\\1").getBytes("UTF-8"));
    System.out.flush();
  }
}
"""


@pytest.mark.slow
def test_java_reads_back_what_was_written(tmp_path: Path) -> None:
    values = {
        "spark.plain": "x",
        "spark.executorEnv.A B": "a=b:c # ! d",
        "spark.path": "C:\\dir\\new",
        "spark.lines": "one\ntwo\r\tthree\\",
        "spark.front": "  spaces",
        "spark.mark": "#no comment",
        "spark.uni": "žluťoučký 漢字 🐎",
    }
    document = doc(spark_conf=values)
    path = submit.write_properties(document, "local[1]", tmp_path, {})
    source = tmp_path / "Read.java"
    source.write_text(_JAVA)
    java = submit.java_program()
    if not java:
        pytest.skip("no java")
    done = subprocess.run(
        [java, "-XX:TieredStopAtLevel=1", str(source), str(path)], capture_output=True, check=True
    )
    rows = dict(row.split("\0") for row in done.stdout.decode().split("\1") if row)
    rows.pop("spark.driver.extraJavaOptions")
    assert rows == values


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_value_never_breaks_its_line(text: str) -> None:
    assert not {"\n", "\r"} & set(submit._escape(text))


def test_the_modules_travel_under_every_name(tmp_path: Path) -> None:
    document = doc("def f(): return 1\n")
    document.spec.build.origin_module = "pkg.train"
    document.spec.build.modules = {"pkg/tools.py": "X = 1\n", "other.py": "Y = 2\n"}
    path = submit.write_code(document, tmp_path)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert {"pkg/__init__.py", "pkg/train.py", "pkg/tools.py", "other.py"} <= names
    program = "import pkg.train, pkg.tools, other; print(pkg.train.f(), pkg.tools.X, other.Y)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1 1 2\n", done.stderr


def test_the_same_code_gives_the_same_archive(tmp_path: Path) -> None:
    first = submit.write_code(doc("x = 1\n"), tmp_path)
    assert first is not None
    before = first.read_bytes()
    assert submit.write_code(doc("x = 1\n"), tmp_path) == first
    assert first.read_bytes() == before
    assert submit.write_code(doc(), tmp_path) is None


def test_the_driver_runs_with_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    env = submit.driver_environment({"LEVEL": "3"}, tmp_path)
    assert env["PYSPARK_PYTHON"] == env["PYSPARK_DRIVER_PYTHON"] == sys.executable
    assert env["LEVEL"] == "3"
    assert (
        submit.driver_environment({"PYSPARK_PYTHON": "python3"}, tmp_path)["PYSPARK_PYTHON"]
        == "python3"
    )


def test_a_wrong_spark_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="SPARK_HOME") as info:
        submit.submit_program()
    assert "pyspark's" in info.value.fix


def test_the_installed_pyspark_goes_before_its_archive(tmp_path: Path) -> None:
    site = tmp_path / "site"
    lib = site / "pyspark" / "python" / "lib"
    lib.mkdir(parents=True)
    (site / "pyspark" / "__init__.py").write_text("")
    archive, py4j = str(lib / "pyspark.zip"), str(lib / "py4j-0.1-src.zip")
    own = str(Path(submit.DRIVER).parent)
    path = [own, archive, py4j, "/usr/lib/python3", str(site)]
    settle_path(path, "/package")
    assert path == [py4j, "/usr/lib/python3", str(site), "/package", archive]
    (site / "py4j").mkdir()
    settle_path(path, "/package")
    assert path == ["/usr/lib/python3", str(site), "/package", py4j, archive]
    foreign = ["/opt/spark/python/lib/pyspark.zip", str(site)]
    settle_path(foreign, "-")
    assert foreign == ["/opt/spark/python/lib/pyspark.zip", str(site)]
