"""The command line of spark-submit, its private properties file, the code for the executors.

Options as in Spark's documentation, page "Submitting Applications". Properties travel in a file
that only the user can read, because a command line is visible to everybody on a machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from mlrun_like.configuration import environment, environment_copy
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.packaging.unpack import files_of, unpack
from mlrun_like.runtimes.spark.conf import properties
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "DEPS",
    "DRIVER",
    "command",
    "deps_of",
    "driver_environment",
    "java_program",
    "submit_program",
    "write_code",
    "write_log_settings",
    "write_properties",
]

DRIVER = str(Path(__file__).with_name("driver.py"))
"""The file that spark-submit runs."""

DEPS: Mapping[str, str] = {
    "jars": "--jars",
    "files": "--files",
    "archives": "--archives",
    "pyFiles": "--py-files",
    "packages": "--packages",
    "repositories": "--repositories",
    "excludePackages": "--exclude-packages",
}
"""Key of `spec.deps` (the operator's spelling) -> option of spark-submit."""

_LOG = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.utils.name = org.apache.spark.util.Utils
logger.utils.level = error
logger.resources.name = org.apache.spark.sql.catalyst.util.SparkStringUtils
logger.resources.level = error
logger.hooks.name = org.apache.spark.util.ShutdownHookManager
logger.hooks.level = off
"""


def submit_program() -> str:
    """The path of spark-submit: of `SPARK_HOME`, else of the installed pyspark, else on PATH.

    Raises:
        EngineError: if Spark is not installed.
    """
    name = "spark-submit.cmd" if sys.platform == "win32" else "spark-submit"
    home = environment("SPARK_HOME")
    if home:
        found = Path(home, "bin", name)
        if not found.is_file():
            raise EngineError(
                f"there is no {str(found)!r}",
                where=f"environment variable SPARK_HOME={home!r}",
                fix="set SPARK_HOME to Spark's own folder, or unset it to use pyspark's",
            )
        return str(found)
    package = find_spec("pyspark")
    if package is not None and package.submodule_search_locations:
        found = Path(next(iter(package.submodule_search_locations)), "bin", name)
        if found.is_file():
            return str(found)
    on_path = shutil.which(name)
    if on_path is None:
        raise EngineError(
            "Spark is not installed: there is neither pyspark, nor SPARK_HOME, nor spark-submit",
            fix='pip install "mlrun-like[spark]"',
        )
    return on_path


def java_program() -> str:
    """The Java that Spark starts; empty if there is none."""
    home = environment("JAVA_HOME")
    if home:
        found = Path(home, "bin", "java.exe" if sys.platform == "win32" else "java")
        return str(found) if found.is_file() else ""
    return shutil.which("java") or ""


def command(
    document: FunctionDoc, name: str, master: str, files: Mapping[str, str], program: list[str]
) -> list[str]:
    """The whole command line.

    Args:
        document: The function: its dependencies.
        name: The application's name.
        master: The master's URL.
        files: `properties`: the properties file; `code`: the archive of the function's modules, if
            it has any.
        program: The file to run and its arguments.
    """
    mode = str(document.spec.spark_conf.get("spark.submit.deployMode", "client"))
    argv = [submit_program(), "--master", master, "--deploy-mode", mode, "--name", name]
    argv += ["--properties-file", files["properties"]]
    if document.spec.main_class:
        argv += ["--class", document.spec.main_class]
    deps = deps_of(document)
    if files.get("code"):
        deps["pyFiles"] = [files["code"], *deps.get("pyFiles", [])]
    for key, option in DEPS.items():
        if deps.get(key):
            argv += [option, ",".join(deps[key])]
    return [*argv, *program]


def deps_of(document: FunctionDoc) -> dict[str, list[str]]:
    """The function's dependencies by their kind, each a list of texts.

    Raises:
        InvalidArgumentError: if there is another kind, or a list is none.
    """
    found: dict[str, list[str]] = {}
    for key, value in document.spec.deps.items():
        if key not in DEPS:
            raise InvalidArgumentError(
                f"Spark has no dependencies of kind {key!r}",
                where=f"function {document.metadata.name!r}, spec.deps",
                fix=f"kinds: {', '.join(DEPS)}",
            )
        rows = [value] if isinstance(value, str) else list(value or ())
        wrong = [row for row in rows if not isinstance(row, str) or not row or "," in row]
        if wrong:
            raise InvalidArgumentError(
                f"{key} {wrong[0]!r} is no path, URL or Maven coordinate",
                where=f"function {document.metadata.name!r}, spec.deps",
                fix=f'fn.spec.deps = {{"{key}": ["...", "..."]}}',
            )
        found[key] = rows
    return found


def write_properties(
    document: FunctionDoc, master: str, folder: Path, extra: Mapping[str, str]
) -> Path:
    """Write the file for `--properties-file`: Spark's own defaults first, then the function's.

    Args:
        document: The function.
        master: The master's URL.
        folder: The run's private folder.
        extra: Further properties; the function's own win.
    """
    wanted = {**extra, **properties(document, master)}
    options = wanted.get("spark.driver.extraJavaOptions", "")
    settings = write_log_settings(folder)
    if settings is not None and "log4j" not in options:
        flag = f"-Dlog4j2.configurationFile={settings.as_uri()}"
        wanted["spark.driver.extraJavaOptions"] = f"{flag} {options}".strip()
    lines = [f"{_escape(name, True)}={_escape(value)}" for name, value in sorted(wanted.items())]
    path = folder / "spark.conf"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        # The option replaces conf/spark-defaults.conf, so what stands there is taken over.
        defaults = _conf_folder() / "spark-defaults.conf"
        if defaults.is_file():
            stream.write(defaults.read_text(encoding="utf-8") + "\n")
        stream.write("\n".join([*lines, ""]))
    return path


def write_log_settings(folder: Path) -> Path | None:
    """Settings for Spark's logger, which show what matters; None if the user has some already."""
    if (_conf_folder() / "log4j2.properties").is_file():
        return None
    path = folder / "log4j2.properties"
    path.write_text(_LOG, encoding="utf-8")
    return path


def _conf_folder() -> Path:
    own = environment("SPARK_CONF_DIR")
    return Path(own) if own else Path(submit_program()).parents[1] / "conf"


def _escape(text: str, name: bool = False) -> str:
    """Text in the form of Java's properties files (class java.util.Properties, `load`)."""
    plain = (
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    if name:
        for mark in " =:":
            plain = plain.replace(mark, f"\\{mark}")
    return f"\\{plain}" if plain[:1] in ("#", "!", " ") else plain


def write_code(document: FunctionDoc, folder: Path) -> Path | None:
    """Archive the function's modules for the executors; None if it has no code of its own.

    The main module is there under every name that the driver may give it, so that what it pickles
    by reference is found.
    """
    if not document.spec.build.functionSourceCode:
        return None
    files, main = files_of(document)
    digest = unpack(files).name[:16]
    aliases = {f"mlrun_like_code_{digest}.py": files[main], f"_mlrun_like_{digest}.py": files[main]}
    path = folder / f"code-{digest}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted({**aliases, **files}.items()):
            archive.writestr(zipfile.ZipInfo(name), text)
        packages = {str(parent) for name in files for parent in PurePosixPath(name).parents}
        for package in sorted(packages - {"."}):
            if f"{package}/__init__.py" not in files:
                archive.writestr(zipfile.ZipInfo(f"{package}/__init__.py"), "")
    return path


def driver_environment(own: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The environment of spark-submit, and so of the driver.

    The driver runs with this Python; executors too, unless the function or the user names another
    (`PYSPARK_PYTHON`).

    Args:
        own: The function's variables.
        scratch: Folder for the driver's blocks, removed after the run even if it was killed.
    """
    env = {"SPARK_LOCAL_DIRS": str(scratch), **environment_copy(), **own}
    env["PYSPARK_DRIVER_PYTHON"] = own.get("PYSPARK_DRIVER_PYTHON", sys.executable)
    env.setdefault("PYSPARK_PYTHON", sys.executable)
    return env
