"""Headers, folders, commands and sources of applications."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import EngineError, NotFoundError
from mlrun_like.gateway.applications.containers import container_argv, container_launch
from mlrun_like.gateway.applications.folders import code_folder, remove_folders, run_base
from mlrun_like.gateway.applications.launch import Place, free_port, keeps_prefix, launch_of
from mlrun_like.gateway.applications.rewriting import Outside, answer_headers, request_head
from mlrun_like.gateway.applications.sources import SOURCE_ANNOTATION, pin_source
from mlrun_like.gateway.applications.users import User
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.reading.options import options_of
from mlrun_like.runtimes.container.tool import Tool
from mlrun_like.specs.function import FunctionDoc

OUTSIDE = Outside("https", b"shop.org", "/shop/ui", "10.0.0.9")
ME = User()


def made(spec: dict[str, Any] | None = None, **options: Any) -> Version:
    return Version(1, "application", {"spec": spec or {}}, Options(**options), digest="d")


def doc(**spec: Any) -> FunctionDoc:
    found = {"kind": "application", "metadata": {"name": "ui", "project": "shop"}, "spec": spec}
    return FunctionDoc.from_dict(found)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("/login?next=/a", "/shop/ui/login?next=/a"),
        ("/shop/ui/login", "/shop/ui/login"),
        ("/shop/uia", "/shop/ui/shop/uia"),
        ("login", "login"),
        ("http://shop.org/login", "https://shop.org/shop/ui/login"),
        ("http://127.0.0.1:8050/x", "https://shop.org/shop/ui/x"),
        ("https://elsewhere.org/x", "https://elsewhere.org/x"),
        ("//elsewhere.org/x", "//elsewhere.org/x"),
        ("http://[bad", "http://[bad"),
        ("/", "/shop/ui/"),
    ],
)
def test_addresses_are_put_under_the_prefix(value: str, seen: str) -> None:
    found = answer_headers([(b"location", value.encode())], OUTSIDE)
    assert found == [(b"location", seen.encode())]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("a=1; path=/; Secure", "a=1; Path=/shop/ui; Secure"),
        ("a=1; Path=/x", "a=1; Path=/shop/ui/x"),
        ("a=1; Path=/shop/ui/x", "a=1; Path=/shop/ui/x"),
        ("a=1", "a=1"),
        ("path=/; HttpOnly", "path=/; HttpOnly"),
        ("a=1; Domain=localhost; Path=/", "a=1; Path=/shop/ui"),
    ],
)
def test_cookies_are_put_under_the_prefix(value: str, seen: str) -> None:
    found = answer_headers([(b"set-cookie", value.encode())], OUTSIDE)
    assert found == [(b"set-cookie", seen.encode())]


def test_headers_of_one_hop_stay_behind() -> None:
    answer = [(b"connection", b"close, x-own"), (b"x-own", b"1"), (b"keep-alive", b"5")]
    answer += [(b"transfer-encoding", b"chunked"), (b"content-length", b"3"), (b"etag", b"e")]
    assert answer_headers(answer, OUTSIDE) == [(b"etag", b"e")]
    head = request_head(
        b"GET",
        b"/",
        [(b"x-forwarded-for", b"1.1.1.1"), (b"te", b"x"), (b"accept", b"*/*")],
        OUTSIDE,
    )
    assert b"1.1.1.1" not in head and b"te:" not in head and b"accept: */*" in head
    assert b"x-forwarded-for: 10.0.0.9" in head and b"x-forwarded-prefix: /shop/ui" in head
    upgrade = request_head(b"GET", b"/", [(b"upgrade", b"websocket")], OUTSIDE, upgrade=True)
    assert b"connection: Upgrade\r\nupgrade: websocket" in upgrade


def test_the_command_gets_its_port_and_path(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    place = Place("shop/ui", 0, 9001, tmp_path, tmp_path)
    options = {"env": {"A": "b"}}
    launch = launch_of(
        made(command=("python", "-m", "x", "{port}", "{root_path}"), **options), place
    )
    assert launch.argv == [sys.executable, "-m", "x", "9001", "/shop/ui"]
    assert launch.env["A"] == "b" and launch.env["PORT"] == "9001"
    assert launch.env["GRADIO_ROOT_PATH"] == "/shop/ui"
    assert launch_of(made(command=("app.py",)), place).argv == [sys.executable, "app.py"]
    own = launch_of(made(command=("python",), hosts=("ui.org",)), place)
    assert own.env["MLRUN_LIKE_ROOT_PATH"] == "" and "GRADIO_ROOT_PATH" not in own.env
    assert keeps_prefix(made(command=("streamlit", "run", "app.py")))
    assert not keeps_prefix(made(command=("streamlit", "run", "app.py"), port=9000))
    with pytest.raises(EngineError, match=r"no\.sh' does not exist"):
        launch_of(made(command=("./no.sh",)), place)
    with pytest.raises(EngineError, match="has no command"):
        launch_of(made(), place)


def test_the_gateways_own_variables_are_not_the_applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_LIKE_GATEWAY_ADMIN_TOKEN", "top-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    launch = launch_of(made(command=("python",)), Place("a/b", 0, 1, tmp_path, tmp_path))
    assert "top-secret" not in str(launch.env)


def test_ports_that_are_taken_are_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert free_port(taken) not in (0, taken)
    assert free_port(taken) == taken


def test_code_of_a_document_is_written_once(tmp_path: Path) -> None:
    code = base64.b64encode(b"print(1)").decode()
    build = {
        "functionSourceCode": code,
        "origin_filename": "../../ui.py",
        "modules": {"m/x.py": code},
    }
    version = made({"build": build})
    folder = code_folder(tmp_path, "shop/ui", version, ME)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")) == [
        "m/x.py",
        "ui.py",
    ]
    (folder / "left").touch()
    assert (code_folder(tmp_path, "shop/ui", version, ME) / "left").exists()
    remove_folders(tmp_path, "shop/ui")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../out.py", "/tmp/out.py", "a/../../out.py"])
def test_modules_stay_inside(tmp_path: Path, name: str) -> None:
    code = base64.b64encode(b"1").decode()
    version = made({"build": {"functionSourceCode": code, "modules": {name: code}}})
    with pytest.raises(EngineError, match="outside"):
        code_folder(tmp_path, "shop/ui", version, ME)


def test_an_archive_a_folder_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "web").mkdir(parents=True)
    (source / "web" / "app.py").write_text("1")
    archive = tmp_path / "code.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, "src")
    home = tmp_path / "home"
    for number, where in enumerate((source, archive)):
        version = made({"build": {"source": str(where)}}, workdir="web")
        folder = code_folder(home, f"shop/f{number}", version, ME)
        assert (folder / "app.py").read_text() == "1"
    with pytest.raises(EngineError, match="not in the application's code"):
        code_folder(home, "shop/f0", made({"build": {"source": str(source)}}, workdir="../.."), ME)
    with pytest.raises(EngineError, match="cannot be brought here"):
        code_folder(home, "shop/f2", made({"build": {"source": str(tmp_path / "no.zip")}}), ME)
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    with pytest.raises(EngineError, match="cannot be brought here"):
        code_folder(home, "shop/f3", made({"build": {"source": str(broken)}}), ME)
    with pytest.raises(EngineError, match="there is no folder"):
        code_folder(home, "shop/f4", made(workdir="/no/such/folder"), ME)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_as_root_code_is_open_to_its_group_only(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "run.sh").write_text("x")
    (source / "run.sh").chmod(0o700)
    os.symlink("/etc/shadow", source / "link")
    user = User(1_900_012_901, 1_900_012_902, alone=True)
    version = made({"build": {"source": str(source)}})
    folder = code_folder(tmp_path / "home", "shop/ui", version, user)
    try:
        found = (folder / "run.sh").stat()
        assert (found.st_gid, found.st_mode & 0o777) == (user.gid, 0o770)
        assert folder.parent.stat().st_mode & 0o777 == 0o750
        assert Path("/etc/shadow").stat().st_gid != user.gid
    finally:
        shutil.rmtree(run_base(tmp_path / "home", user))


def test_local_code_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("1")
    document = doc(command="python app.py")
    pin_source(document, tmp_path)
    assert document.spec.build.source == str(tmp_path)
    first = document.metadata.annotations[SOURCE_ANNOTATION]
    pin_source(document, tmp_path)
    assert document.metadata.annotations[SOURCE_ANNOTATION] == first
    (tmp_path / "app.py").write_text("22")
    pin_source(document, tmp_path)
    assert document.metadata.annotations[SOURCE_ANNOTATION] != first
    other = doc(command="uvicorn it's:app")
    pin_source(other, tmp_path)
    assert other.spec.build.source == ""
    with pytest.raises(NotFoundError, match="there is no"):
        pin_source(doc(build={"source": "./missing"}), tmp_path)


def test_options_of_applications() -> None:
    found = options_of(doc(command="python app.py", internal_application_port=9))
    assert (found.command, found.internal_port) == (("python", "app.py"), 9)
    assert (found.min_replicas, found.max_replicas) == (1, 1)
    assert options_of(doc(image="repo/ui:1", command="run")).command == ()
    with pytest.raises(Exception, match="neither a command nor an image"):
        options_of(doc())
    with pytest.raises(Exception, match="is no command"):
        options_of(doc(command="python it's"))


def test_a_containers_secrets_are_given_by_name() -> None:
    version = made({"args": ["--x"]}, env={"TOKEN": "hidden"}, cpu=0.5, internal_port=80)
    argv = container_argv(Tool("podman", "podman"), "i:1", "n", "p", ["TOKEN"], version)
    assert argv[-2:] == ["i:1", "--x"] and "hidden" not in str(argv)
    assert argv[argv.index("--cpus") + 1] == "0.5"


def test_an_image_needs_a_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    place = Place("shop/ui", 0, 9, Path("/"), Path("/"))
    with pytest.raises(EngineError, match="nothing here can run it"):
        container_launch(made(), place, "i:1")
