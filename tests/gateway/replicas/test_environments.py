"""Virtual environments: built once, shared, whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from mlrun_like.errors import EngineError
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.replicas.environments import Environments, _satisfied, _statements
from tests.gateway.nursery_parts import real_nursery
from tests.gateway.pool_parts import ROOT, ask, got

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the gateway needs Unix")


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel of a package with one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": meta,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "tinydep", "1.0")
    wheel(folder, "tinydep", "2.0")
    wheel(folder, "pandas", "0.1")
    return folder


def lines(wheels: Path, *names: str) -> tuple[str, ...]:
    return ("--no-index", f"--find-links {wheels}", *names)


def python_of(environments: Environments, *requirements: str, python: str = "") -> str:
    options = Options(requirements=requirements, python=python)
    version = Version(1, "nuclio", {}, options)
    return asyncio.run(environments.python_of(version))


def says(python: str, code: str) -> str:
    done = subprocess.run(
        [python, "-c", code], cwd="/", env={}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_without_requirements_it_is_this_python(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    assert python_of(environments) == sys.executable
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert python_of(environments, python=here) == sys.executable
    assert python_of(environments, "pandas", python=f"python{here}") == sys.executable
    assert not list(tmp_path.iterdir())


def test_what_is_installed_here() -> None:
    installed = {"a-b": "1.0", "c": "2"}
    assert _satisfied("A.b==1.0", installed) and _satisfied("c", installed)
    assert _satisfied("a_b==1.0 --hash=sha256:00", installed)
    for line in ("a-b==1.1", "c>=1", "d", "--no-index", "c @ file:///x", "./c", ""):
        assert not _satisfied(line, installed)
    assert _statements("# x\na==1 \\\n  --hash=1\n\nb==2\n") == ["a==1 --hash=1", "b==2"]


def test_a_python_that_is_not_here(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    for python in ("3.999", "/nowhere/python", "snake", "/etc/passwd"):
        with pytest.raises(EngineError, match="no Python"):
            python_of(environments, python=python)
    with pytest.raises(EngineError, match="no Python that works"):
        python_of(environments, "tinydep", python="/bin/false")


@pytest.fixture(scope="module")
def envs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("envs")


@pytest.mark.slow
def test_an_environment_is_built_once_and_shared(envs: Path, wheels: Path) -> None:
    one, other = Environments(envs), Environments(envs)
    wanted = lines(wheels, "tinydep==1.0")

    async def both() -> list[str]:
        version = Version(1, "nuclio", {}, Options(requirements=wanted))
        again = Version(2, "nuclio", {}, Options(requirements=tuple(reversed(wanted))))
        calls = [one.python_of(version), other.python_of(again), one.python_of(again)]
        return list(await asyncio.gather(*calls))

    pythons = asyncio.run(both())
    assert len(set(pythons)) == 1
    assert says(pythons[0], "import tinydep; print(tinydep.VERSION)") == "1.0"
    assert says(pythons[0], "import mlrun_like, pandas; print(mlrun_like.__file__)").startswith(
        str(ROOT)
    )
    assert not list(envs.glob(".*.tmp"))
    made = Path(pythons[0]).parents[1].stat().st_mtime_ns
    assert python_of(Environments(envs), *wanted) == pythons[0]
    assert Path(pythons[0]).parents[1].stat().st_mtime_ns == made


@pytest.mark.slow
def test_what_cannot_be_resolved_says_why(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nothing to prefer: pip is asked half as often
    monkeypatch.setattr("mlrun_like.gateway.replicas.environments._installed", dict)
    environments = Environments(tmp_path)
    with pytest.raises(EngineError, match="nowhere-at-all"):
        python_of(environments, *lines(wheels, "nowhere-at-all"))
    with pytest.raises(EngineError, match="beside those of mlrun-like"):
        python_of(environments, *lines(wheels, "pandas==0.1"))
    assert not list(tmp_path.glob("**/*.lock")) and not list(tmp_path.glob("*/bin"))


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_nothing_half(
    tmp_path: Path, envs: Path, wheels: Path
) -> None:
    wanted = lines(wheels, "tinydep==1.0")
    python_of(Environments(envs), *wanted)
    shutil.copytree(envs / "locks", tmp_path / "locks")
    code = (
        "import sys; from pathlib import Path\n"
        "from mlrun_like.gateway.replicas.environments import Environments\n"
        "Environments(Path(sys.argv[1])).build(sys.argv[2:])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *wanted]
    process = subprocess.Popen(command, cwd=ROOT)
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".*.tmp")) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not list(tmp_path.glob("[!.]*/bin"))
    python = python_of(Environments(tmp_path), *wanted)
    assert says(python, "import tinydep; print(tinydep.VERSION)") == "1.0"
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")
def test_functions_with_packages_of_their_own(tmp_path: Path, envs: Path, wheels: Path) -> None:
    code = "import tinydep, pandas\n\ndef handler(context, event):\n    return tinydep.VERSION\n"
    with real_nursery(tmp_path, Environments(envs)) as real:
        old = real.pool(code, "old", requirements=lines(wheels, "tinydep==1.0"))
        new = real.pool(code, "new", requirements=lines(wheels, "tinydep"))

        async def test() -> None:
            first, second = ask(old), ask(new)
            assert (await got(first)).body == b"1.0"
            assert (await got(second)).body == b"2.0"
            rows = real.nursery.zygotes()
            assert len(rows) == 2 and all("tinydep" in row["modules"] for row in rows)

        real.run(test())
