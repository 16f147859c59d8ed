"""Several users in one process: whose records, whose settings, whose work at hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MLRunLikeError,
    UnauthorizedError,
)
from mlrun_like.functions.defaults import default_artifact_path
from mlrun_like.gateway.control import starting
from mlrun_like.monitoring import beside
from mlrun_like.projects.current import set_current_project
from mlrun_like.projects.workflow_context import pipeline_context
from mlrun_like.runs.context import current_context
from mlrun_like.tracking import logins
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.clients import Client, Credentials, forget_logins, get_active_client
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.documents import run_row
from mlrun_like.tracking.meant import in_this_session
from mlrun_like.tracking.remote.credentials import service_address, token_for
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.store import SqlStore
from tests.services import RPC, services

AWAY = "http://127.0.0.1:1"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _tidy(home: Path) -> Iterator[None]:
    yield
    set_current_project(None)
    forget_logins()
    close_stores()


@pytest.fixture
def tokens(home: Path) -> Iterator[dict[str, str]]:
    """Tokens of ann and ben, each with a project of their own; the service is `dbpath`."""
    url = f"sqlite:///{home}/service.db"
    store = SqlStore(url)
    store.connect()
    found = {}
    for name in ("ann", "ben"):
        user = add_user(store, name, password=PASSWORD)
        set_member(store, f"of-{name}", name, "admin")
        found[name] = make_token(store, user, "test").text
    store.close()
    with services() as running:
        config.dbpath = running.new(url, (*RPC, "mlrun_like.api.routes.session"))
        yield found
        close_stores()


@ml.function()
def look(context: ml.RunContext) -> None:
    context.log_result("seen", open_store().token()[-6:])


def _work(token: str, name: str, folder: Path) -> list[str]:
    with Client(Credentials(token=token)).session():
        ml.get_or_create_project(f"of-{name}", str(folder / name))
        run = ml.run_function(look)
        assert run.outputs["seen"] == token[-6:]
        return [item["metadata"]["name"] for item in open_store().list_runs(RunQuery(f"of-{name}"))]


def test_runs_land_as_their_own_users(tokens: dict[str, str], tmp_path: Path) -> None:
    both, seen = threading.Barrier(2, timeout=60), {}

    def work(name: str) -> None:
        both.wait()
        seen[name] = _work(tokens[name], name, tmp_path)

    threads = [threading.Thread(target=work, args=(name,)) for name in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == {"ann": ["look"], "ben": ["look"]}
    # neither may see the other's: the token of each session is what the service was asked with
    for mine, theirs in (("ann", "ben"), ("ben", "ann")):
        with Client(Credentials(token=tokens[mine])).session():
            assert [row["metadata"]["name"] for row in open_store().list_projects()] == [
                f"of-{mine}"
            ]
            with pytest.raises(MLRunLikeError):
                open_store().read_project(f"of-{theirs}")
            with pytest.raises(ConflictError, match="not yours"):
                open_store().store_project({"metadata": {"name": f"of-{theirs}"}})
    with pytest.raises(UnauthorizedError):  # the process itself is nobody there
        open_store().list_projects()


@pytest.mark.slow
def test_a_run_in_another_process_is_the_users(tokens: dict[str, str], tmp_path: Path) -> None:
    with Client(Credentials(token=tokens["ann"])).session():
        ml.get_or_create_project("of-ann", str(tmp_path))
        code = tmp_path / "job.py"
        code.write_text(
            "import mlrun_like\n"
            "def look(context):\n"
            "    context.log_result('seen', mlrun_like.get_run_db().token()[-6:])\n"
        )
        function = ml.code_to_function("look", kind="process", filename=str(code), handler="look")
        run = function.run(project="of-ann")
        assert run.outputs["seen"] == tokens["ann"][-6:]


def test_a_password_is_exchanged_once(tokens: dict[str, str]) -> None:
    config.access_key = "mlt_0_nothing"  # of this process: it is not sent along
    first = Client(Credentials(username="ann", password=PASSWORD))
    with first.session():
        open_store().store_project({"metadata": {"name": "of-ann"}})
        assert [row["metadata"]["name"] for row in open_store().list_projects()] == ["of-ann"]
    assert Client(Credentials(username="ann", password=PASSWORD)).store is first.store
    wrong = Client(Credentials(username="ann", password="not that one"))
    with pytest.raises(UnauthorizedError), wrong.session():
        pass


def test_what_waits_is_delivered_with_the_next_token(tokens: dict[str, str]) -> None:
    who = Credentials(username="ann", password=PASSWORD)
    first = Client(who).store
    assert isinstance(first, RemoteStore)
    meta = {"name": "late", "uid": "u1", "project": "of-ann"}
    first.writer.spool.append([("run", run_row({"metadata": meta, "status": {"state": "error"}}))])
    close_stores()  # as another process: it gets a token of its own
    forget_logins()
    again = Client(who).store
    assert again is not first and again.token() != first.token()
    assert [run["metadata"]["name"] for run in again.list_runs(RunQuery("of-ann"))] == ["late"]
    with_token = Client(Credentials(username="ann", password=tokens["ann"])).store
    assert isinstance(with_token, RemoteStore) and isinstance(again, RemoteStore)
    assert with_token.writer.spool.folder != again.writer.spool.folder


def test_other_addresses_in_a_session_are_asked_as_that_user() -> None:
    elsewhere, named = "http://127.0.0.1:2", "http://cy@127.0.0.1:2"
    with Client(Credentials(token="ann"), AWAY).session():
        ours, other = open_store(elsewhere), open_store(named)
        assert open_store(named) is other and open_store("http://dan@127.0.0.1:1").token() == "dan"
    assert (ours.token(), other.token()) == ("ann", "cy")
    plain = open_store(elsewhere)
    assert plain not in (ours, other) and plain.token() == ""
    with Client(Credentials(use_env=True), AWAY).session():
        assert open_store(elsewhere) is plain


def test_a_login_s_token_is_for_the_service_that_gave_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logins, "_log_in", lambda *_: "of-a")
    elsewhere = "http://127.0.0.1:2"
    process = open_store(elsewhere)
    with Client(Credentials(username="ann", password="x"), AWAY).session():
        assert open_store().token() == open_store(f"{AWAY}/lab").token() == "of-a"
        assert open_store(elsewhere).token() == process.token() == token_for(elsewhere) == ""
        assert open_store("http://cy@127.0.0.1:2").token() == "cy"
        with Client(Credentials(token="mlt_ann"), AWAY).session():
            assert open_store(elsewhere).token() == process.token() == "mlt_ann"
        assert open_store(elsewhere).token() == ""


def test_in_a_session_nothing_is_asked_as_the_process(tmp_path: Path) -> None:
    config.access_key = "mlt_operator"
    elsewhere = "http://127.0.0.1:2"
    for credentials, expected in (
        (Credentials(token="ann"), "ann"),
        (Credentials(username="ann", password="mlt_ann"), "mlt_ann"),
        (Credentials(username="ann", password="x"), ""),
        (Credentials(use_env=True), "mlt_operator"),
    ):
        with Client(credentials, tmp_path).session():
            assert open_store(elsewhere).token() == expected
    assert open_store(elsewhere).token() == "mlt_operator"


def test_users_share_nothing_and_one_user_a_connection() -> None:
    ann, ben = Client(Credentials(token="ann"), AWAY), Client(Credentials(token="ben"), AWAY)
    again = Client(Credentials(token="ann"), f"{AWAY}/")
    assert ann.store is again.store and ann.store is not ben.store
    assert isinstance(ann.store, RemoteStore) and isinstance(ben.store, RemoteStore)
    assert ann.store.writer.spool.folder != ben.store.writer.spool.folder
    plain = open_store(AWAY)
    assert plain is not ann.store and plain is not ben.store
    with ann.session():
        assert open_store() is open_store(AWAY) is ann.store
        assert service_address() == (AWAY, "Bearer ann")
        with ben.session():
            assert get_active_client() is ben and open_store() is ben.store
            assert Client(Credentials(use_env=True), AWAY).store is plain
        assert get_active_client() is ann and open_store() is ann.store
    assert get_active_client() is None and open_store(AWAY) is plain
    assert open_store(AWAY, "ann") is ann.store
    assert open_store("http://cy@127.0.0.1:1").token() == plain.token() == "cy"
    assert (ann.store.token(), ben.store.token()) == ("ann", "ben")
    before = ann.store
    close_stores()
    with ann.session():
        assert open_store() is not before and open_store().token() == "ann"
    assert "ann" not in repr(ann) + repr(ann.store)


def test_tasks_of_one_thread_are_apart() -> None:
    async def work(name: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        with Client(Credentials(token=name), AWAY).session():
            config.default_project = pipeline_context.project = name
            pipeline_context.workflow_artifact_path = f"/{name}"
            mine.set()
            await other.wait()
            assert open_store().token() == name == config.access_key
            assert config.default_project == name == pipeline_context.project
            assert pipeline_context.workflow_artifact_path == f"/{name}"
            with config.override(default_project="for-a-while"):
                assert config.changed()["default_project"] == "for-a-while"
            assert config.default_project == name

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(work("a", first, second), work("b", second, first))

    asyncio.run(both())
    assert config.default_project == "default" and pipeline_context.project is None
    assert pipeline_context.workflow_artifact_path == "" == config.dbpath


def test_sessions_of_one_client_at_the_same_time_are_apart() -> None:
    client = Client(Credentials(token="ann"), AWAY)

    async def work(name: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        with client.session():
            config.default_project = pipeline_context.project = name
            mine.set()
            await other.wait()
            with client.session():
                assert config.default_project == name == pipeline_context.project
                pipeline_context.project = {"more": name}
            assert config.default_project == name
            assert pipeline_context.project == {"more": name}

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(work("a", first, second), work("b", second, first))

    asyncio.run(both())
    with client.session():
        left = config.default_project
        assert left in ("a", "b") and pipeline_context.project == {"more": left}


def test_services_of_the_machine_are_nobodys(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, str]] = []
    monkeypatch.setattr("subprocess.Popen", lambda *_, env, **__: made.append(env))
    monkeypatch.setattr(beside, "_children", [])
    with Client(Credentials(token="ann"), tmp_path / "of-ann").session():
        config.default_project = "of-ann"
        made.append(starting._environment())
        beside._start(0)
    assert len(made) == 2
    for environment in made:
        assert not {"MLRUN_LIKE_DBPATH", "MLRUN_LIKE_DEFAULT_PROJECT"} & set(environment)


def test_a_current_project_is_a_sessions(home: Path, tmp_path: Path) -> None:
    ann, ben = (Client(Credentials(token=name), tmp_path / name) for name in ("ann", "ben"))
    outside = ml.new_project("outside", str(tmp_path / "o"))
    with ann.session():
        assert ml.get_current_project(silent=True) is None
        project = ml.new_project("same", str(tmp_path / "a"))
        project.spec.artifact_path = "/of/ann"
    with ben.session():
        assert ml.get_current_project(silent=True) is None
        assert default_artifact_path("same") == ""
    with ann.session():
        assert ml.get_current_project() is project and config.default_project == "same"
        assert default_artifact_path("same") == "/of/ann"
        seen: list[Any] = []
        thread = threading.Thread(target=in_this_session(lambda: seen.append(open_store())))
        thread.start()
        thread.join(30)
        assert seen == [ann.store]
    assert ml.get_current_project() is outside and config.default_project == "outside"
    assert current_context() is None


def test_projects_leave_the_folders_of_the_process_alone(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "project.yaml"
    file.write_text("kind: project\nmetadata: {name: other}\nspec: {description: no}\n")
    before = file.read_bytes()
    with Client(Credentials(use_env=True)).session():
        project = ml.get_or_create_project("mine", str(tmp_path))
        assert project.name == "mine" and not project.spec.description
        project.save()
        assert ml.load_project(str(tmp_path), "mine").name == "mine"
        assert ml.load_project(str(tmp_path), "db://mine").name == "mine"
    assert file.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    "url",
    ["p.yaml", "https://h/p.yml", "git://h/o/n.git", "https://h/n.git", "git+ssh://h/n.git",
     "https://h/a.tar.gz", "a.zip", "db://a.zip", "s3://b/x", "", None],
)  # fmt: skip
def test_only_projects_in_the_store_are_loaded(
    home: Path, tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bring", "read_project_file", "read_folder"):
        monkeypatch.setattr(f"mlrun_like.projects.loading.{name}", pytest.fail)
    with Client(Credentials(use_env=True)).session(), pytest.raises(InvalidArgumentError):
        ml.load_project(str(tmp_path / "x"), url, "wanted")
    assert not (tmp_path / "x").exists()


def test_the_user_of_the_process_is_nobody(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("V3IO_USERNAME", "process")
    outside = ml.new_project("outside", str(tmp_path))
    assert outside.log_artifact("a", body=b"1").producer["owner"] == "process"
    with Client(Credentials(use_env=True)).session():
        with pytest.raises(InvalidArgumentError, match="user_project"):
            ml.get_or_create_project("base", str(tmp_path), user_project=True)
        project = ml.new_project("inside", str(tmp_path))
        assert not project.spec.owner
        assert not project.log_artifact("a", body=b"1").producer.get("owner")
        assert "owner" not in ml.run_function(look_at_labels).outputs["labels"]


@ml.function()
def look_at_labels(context: ml.RunContext) -> None:
    context.log_result("labels", dict(context.labels))


@pytest.mark.parametrize(
    "given",
    [
        {}, {"extra_headers": {"X": "y"}}, {"token": "t", "use_env": True}, {"username": "u"},
        {"password": "p"}, {"token": "t", "username": "u", "password": "p"}, {"token": ""},
        {"token": "a\nb"}, {"token": "ä"}, {"token": 1},
        {"token": "t", "extra_headers": {"A:": "b"}},
        {"token": "t", "extra_headers": {"A": "b\r\nC: d"}},
        {"token": "t", "extra_headers": {"": "b"}},
        {"token": "t", "extra_headers": {"A": "\u0436"}},
        {"token": "t", "extra_headers": {"A": "\u00e4"}},
        {"token": "t", "extra_headers": {1: "b"}}, {"token": "t", "extra_headers": ["a"]},
    ],
)  # fmt: skip
def test_credentials_that_are_none(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        Credentials(**given)


def test_a_client_says_which_argument_is_wrong() -> None:
    with pytest.raises(InvalidArgumentError, match="extra_headers"):
        Credentials(token="t", extra_headers=["a"])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="dbpath"):
        Client(Credentials(token="t"), 5)  # type: ignore[arg-type]


def test_headers_go_along_below_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"X-Kind": "sa", "authorization": "Bearer spoofed", "accept": "*/*"}
    client = Client(Credentials(token="ann", extra_headers=headers), AWAY)
    store, sent = client.store, {}
    assert isinstance(store, RemoteStore)

    def once(method: str, path: str, body: bytes, given: dict[str, str], patience: Any) -> None:
        sent.update(given)
        raise ConnectionRefusedError

    monkeypatch.setattr(store.client, "_once", once)
    with pytest.raises(MLRunLikeError):
        store.client.request("POST", "/x", b"{}", {}, 0.0)
    assert sent["X-Kind"] == "sa" and sent["Authorization"] == "Bearer ann"
    assert "authorization" not in sent and sent["Accept"] == "application/json"
