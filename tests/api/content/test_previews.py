"""Previews of hostile, broken, huge and ordinary files; nothing is run, nothing takes for ever."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import pickle
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from mlrun_like.api.content.markdown import markdown
from mlrun_like.api.content.media import disposition, image_type
from mlrun_like.api.content.notebooks import notebook_cells
from mlrun_like.api.content.places import open_target
from mlrun_like.api.content.previewing import Preview, PreviewRequest, preview, project_file
from mlrun_like.api.content.public_web import PublicWebStore
from mlrun_like.api.content.sandbox import parse_safely, stop_sandboxes
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.notifications.inside import public_address

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.fixture(scope="module", autouse=True)
def _sandboxes() -> Iterator[None]:
    yield
    stop_sandboxes()


@pytest.fixture
def folder(home: Path) -> Path:
    path = home / "artifacts/demo"
    path.mkdir(parents=True)
    return path


def show(name: str, **asked: Any) -> Preview:
    return preview(project_file("demo", name), PreviewRequest(**asked))


def test_tables_of_all_formats(folder: Path) -> None:
    frame = pd.DataFrame({"n": range(100), "x": [n / 4 for n in range(100)], "t": ["a"] * 100})
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_csv(folder / "a.tsv", index=False, sep="\t")
    frame.to_csv(folder / "a.csv.gz", index=False)
    frame.to_json(folder / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(folder / "a.parquet", row_group_size=7)
    pyarrow.feather.write_feather(frame, folder / "a.feather")
    for name in ("a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.parquet", "a.feather"):
        found = show(name, offset=20, rows=2, columns=("x", "n"), stats=True)
        assert found.kind == "table", (name, found)
        assert found.data["rows"] == [[5.0, 20], [5.25, 21]], name
        assert [one["name"] for one in found.data["columns"]] == ["x", "n"]
        assert found.data["stats"]["n"]["min"] == 20, name
        assert sum(found.data["stats"]["n"]["hist"][0]) == 80
        last = show(name, offset=99, rows=5)
        assert last.data["rows"] == [[99, 24.75, "a"]], name
        assert last.data["total"] == 100, name
        assert not last.truncated
        assert show(name, offset=5000).data["rows"] == []


def test_odd_tables(folder: Path) -> None:
    (folder / "ragged.csv").write_text("a,b,b\n1\n2,3,4,5\n,,\n")
    ragged = show("ragged.csv")
    assert ragged.data["rows"] == [[1, None, None], [2, 3, 4], [None, None, None]]
    assert [one["name"] for one in ragged.data["columns"]] == ["a", "b", "b.2"]
    (folder / "empty.csv").write_text("")
    assert show("empty.csv").data["columns"] == []
    (folder / "wide.csv").write_text(",".join(f"c{n}" for n in range(5000)) + "\n")
    wide = show("wide.csv")
    assert (len(wide.data["columns"]), wide.data["hidden_columns"]) == (200, 4800)
    assert "4800 more" in wide.note
    (folder / "long.csv").write_text("a\n" + "x" * 100_000 + "\n<script>,\0\n")
    assert len(show("long.csv").data["rows"][0][0]) < 400
    (folder / "bad.jsonl").write_text('{"a": 1}\n{broken\n')
    assert show("bad.jsonl").kind == "binary"
    (folder / "deep.jsonl").write_text("[" * 100_000 + "\n")
    assert show("deep.jsonl").kind == "binary"
    for name in ("x.parquet", "x.feather", "x.csv.gz", "x.zip", "x.tar"):
        (folder / name).write_bytes(b"PAR1" + os.urandom(200) + b"PAR1")
        assert show(name).kind == "binary", name
        (folder / name).write_bytes(b"")
        assert show(name).kind in ("binary", "table"), name


def test_what_grows_when_it_is_unpacked(folder: Path) -> None:
    config.service_preview_bytes = 1 << 20
    with gzip.open(folder / "bomb.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"a\n" + b"1\n" * (20 << 20))
    found = show("bomb.csv.gz", rows=3)
    assert found.data["rows"] == [[1], [1], [1]]
    assert found.data["total"] is None
    with gzip.open(folder / "bomb.txt.gz", "wb", compresslevel=1) as file:
        file.write(b"x" * (30 << 20))
    text = show("bomb.txt.gz")
    assert (text.kind, len(text.data["text"]), text.truncated) == ("text", 256 << 10, True)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"\0" * (30 << 20))
    assert show("bomb.zip").data["entries"][0]["size"] == 30 << 20


def test_a_parquet_bomb_costs_only_its_preview(folder: Path) -> None:
    # a few kilobytes, that are gigabytes in memory
    column = pa.DictionaryArray.from_arrays(
        pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 500_000])
    )
    pq.write_table(
        pa.table({"a": column}), folder / "bomb.parquet", compression="zstd", store_schema=False
    )
    assert (folder / "bomb.parquet").stat().st_size < 1 << 20
    config.service_preview_memory = 700
    found = show("bomb.parquet", rows=1000)
    assert found.kind in ("binary", "table")
    if found.kind == "binary":
        assert "memory" in found.note or "cannot be read" in found.note
    pd.DataFrame({"a": [1]}).to_parquet(folder / "good.parquet")
    assert show("good.parquet").data["rows"] == [[1]]


def test_what_takes_too_long_is_given_up(folder: Path) -> None:
    (folder / "slow.csv").write_text("a\n1\n")
    os.mkfifo(folder / "endless.csv")
    config.service_preview_seconds = 1.0
    found = show("endless.csv")
    assert found.kind == "binary"
    assert "longer than the 1 s" in found.note
    config.service_preview_seconds = 10.0
    assert show("slow.csv").data["rows"] == [[1]]


def test_the_worker_cannot_write(folder: Path) -> None:
    (folder / "a.csv").write_text("a\n1\n")
    assert parse_safely({
        "kind": "table", "path": str(folder / "a.csv"), "format": "csv", "offset": 0, "rows": 1,
        "columns": [], "most": 100,
    })["rows"] == [[1]]  # fmt: skip
    for job in ({"kind": "dance"}, {"kind": "table", "path": "/nothing", "format": "csv"}):
        with pytest.raises(InvalidArgumentError):
            parse_safely(job)


def test_names_in_archives_that_would_lead_out(folder: Path) -> None:
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr("../../evil.sh", "x")
        archive.writestr("good/a.txt", "x")
    with tarfile.open(folder / "slip.tar.gz", "w:gz") as packed:
        for name, kind in (("/etc/cron.d/x", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            packed.addfile(info, io.BytesIO() if kind == tarfile.REGTYPE else None)
    for name, unsafe in (("slip.zip", [True, False]), ("slip.tar.gz", [True, True])):
        found = show(name)
        assert found.kind == "archive", found
        assert [one["unsafe"] for one in found.data["entries"]] == unsafe
        assert "lead out" in found.note
    assert sorted(path.name for path in folder.iterdir()) == ["slip.tar.gz", "slip.zip"]
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        for number in range(1500):
            archive.writestr(f"f{number}", "")
    many = show("many.zip")
    assert (len(many.data["entries"]), many.data["total"], many.truncated) == (1000, 1500, True)


class _Evil:
    def __reduce__(self) -> Any:
        return (Path("/tmp/mlrun-like-evil").touch, ())


def test_nothing_is_unpickled(folder: Path) -> None:
    data = pickle.dumps(_Evil())
    for name in ("m.pkl", "m.joblib", "m.pt", "m.npy", "m.csv", "m.parquet", "m.bin", "m.json"):
        (folder / name).write_bytes(data)
        show(name)
    assert show("m.pkl").kind == "binary"
    assert not Path("/tmp/mlrun-like-evil").exists()


def test_texts_and_pictures(folder: Path) -> None:
    (folder / "a.py").write_text("print('<b>')\n")
    found = show("a.py")
    assert (found.kind, found.data["language"], found.data["lines"]) == ("text", "python", 2)
    (folder / "a.png").write_bytes(PNG)
    assert show("a.png").kind == "image"
    (folder / "fake.png").write_text("<script>alert(1)</script>")
    assert show("fake.png").kind == "text"
    (folder / "big.txt").write_text("ä" * 500_000)
    big = show("big.txt")
    assert (big.truncated, big.size) == (True, 1_000_000)
    (folder / "a.json").write_text('{"b": [1, NaN]}')
    assert show("a.json").kind == "text"
    (folder / "a.json").write_text('{"b": [1, 2]}')
    assert show("a.json").data["value"] == {"b": [1, 2]}
    (folder / "deep.json").write_text("[" * 200_000)
    assert show("deep.json").kind == "text"
    (folder / "laughs.yaml").write_text("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n")
    assert show("laughs.yaml").kind == "text"
    (folder / "random").write_bytes(os.urandom(5000))
    assert show("random").kind == "binary"
    assert show("").kind == "folder"
    assert show("nothing").kind == "missing"


def test_notebooks_become_plain_cells() -> None:
    evil = "<script>alert(1)</script>"
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": [f"# A\n{evil}"]},
        {
            "cell_type": "code", "source": "1/0", "execution_count": 3,
            "outputs": [
                {"output_type": "stream", "text": ["a", "b"]},
                {"output_type": "display_data", "data": {"text/html": evil}},
                {"output_type": "display_data", "data": {"image/svg+xml": evil}},
                {"output_type": "display_data",
                 "data": {"image/png": base64.b64encode(PNG).decode()}},
                {"output_type": "display_data",
                 "data": {"image/png": base64.b64encode(evil.encode()).decode()}},
                {"output_type": "display_data", "data": {"image/png": "%%%"}},
                {"output_type": "error", "traceback": ["\x1b[31mZeroDivisionError\x1b[0m"]},
                "junk", {}, {"output_type": "stream", "text": {"a": 1}},
            ],
        },
        {"cell_type": "raw", "source": evil},
    ]  # fmt: skip
    found = notebook_cells(json.dumps({"cells": [*cells, 7, None]}).encode())
    assert found is not None
    assert "<script" not in found[0]["html"]
    outputs = found[1]["outputs"]
    kinds = [one["kind"] for one in outputs]
    assert kinds == ["text", "text", "text", "image", "error", "text"]
    assert evil not in str(outputs)
    assert outputs[3]["data_uri"].startswith("data:image/png;base64,")
    assert outputs[4]["text"] == "ZeroDivisionError"
    for broken in (b"", b"[]", b'{"cells": 3}', b"[" * 100_000, b"\xff\xfe"):
        assert notebook_cells(broken) is None


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,AAAA)",
    "[x](vbscript:x)",
    "[x]( javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    '[x](https://a/"onmouseover="alert(1))',
    "![x](https://tracker/pixel.png)",
    "<https://a/'\"><script>>",
    "`<script>`",
    "```html\n<script>\n```",
    "| <script> | b |\n|---|---|\n| <img onerror=x> | [x](javascript:1) |",
    "# <svg onload=alert(1)>",
    "> <iframe src=//x>",
    "- <a href=javascript:1>",
    "[<b>](https://x)",
    "**<script>**",
    "https://a/<script>alert(1)</script>",
    "\x00\x1b<script>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_makes_no_elements_of_strangers(text: str) -> None:
    made = markdown(text)
    lower = made.lower()
    for bad in ("<script", "<img", "<svg", "<iframe", '="javascript', '="data:', '"onmouse'):
        assert bad not in lower, made
    for piece in made.split("<a ")[1:]:
        assert piece.startswith('href="http')


def test_markdown_of_ordinary_texts() -> None:
    made = markdown(
        "# Title\n\nA *b* **c** `d` [e](https://f/g?h=1&i=2)\n\n- one\n- two\n\n1. x\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n```\n---\n> quote"
    )
    for part in (
        "<h3>Title</h3>", "<em>b</em>", "<strong>c</strong>", "<code>d</code>",
        'href="https://f/g?h=1&amp;i=2"', "<ul><li>one</li><li>two</li></ul>", "<ol><li>x</li>",
        "<th>a</th>", "<td>2</td>", "<pre><code>x = 1</code></pre>", "<hr/>", "<blockquote>",
    ):  # fmt: skip
        assert part in made, part
    assert markdown("x" * 5000).count("x") == 5000


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "*" * 50_000, "|" * 5000 + "\n" + "|-" * 900, "`" * 50_000, "- " * 30_000,
     "_a" * 40_000, "[a](" * 20_000, "<http://" * 10_000],
)  # fmt: skip
def test_markdown_ends(text: str) -> None:
    markdown(text)


@pytest.mark.parametrize(
    "name", ['a"; filename="evil.exe', "a\r\nSet-Cookie: x", "../../etc/passwd", "\u202efdp.exe",
             "", "x" * 500, "ü.csv", "a;b", "\0"],
)  # fmt: skip
def test_names_of_downloads_cannot_break_out(name: str) -> None:
    made = disposition(name)
    assert made.isascii()
    assert made.isprintable()
    assert made.count('"') == 2
    assert ".." not in made
    assert "/" not in made
    assert len(made) < 1200


def test_types_are_told_by_bytes() -> None:
    assert image_type(PNG) == "image/png"
    assert image_type(b"RIFF....WEBPVP8 ") == "image/webp"
    for data in (b"", b"<svg", b"<html", b"%PDF", b"BM", b"GIF8"):
        assert image_type(data) == ""


INNER = [
    "127.0.0.1", "127.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]",
    "[fc00::1]", "[2002:7f00:1::]", "localhost", "2130706433", "0x7f000001",
]  # fmt: skip


@pytest.mark.parametrize("host", INNER)
def test_inner_addresses_are_never_called(host: str) -> None:
    config.service_data_urls = f"http://{host}/"
    with pytest.raises((AccessDeniedError, StoreUnavailableError, InvalidArgumentError)) as told:
        open_target(f"http://{host}/x", "demo").get()
    assert "cannot be reached" not in str(told.value)


def test_a_name_with_one_inner_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", ("93.184.215.14", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(AccessDeniedError, match=r"10\.0\.0\.1"):
        public_address("rebinding.example", 80)


class _Redirecting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.headers["host"])  # type: ignore[attr-defined]
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1/secret")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: Any) -> None:
        pass


def test_the_checked_address_is_called_once_and_redirects_are_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Redirecting)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str, *_: Any, **__: Any) -> Any:
        # the second answer would lead inside
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", 80))]

    def to_test_server(address: Any, **more: Any) -> socket.socket:
        connected.append(address)
        opened = socket.socket()
        opened.settimeout(more["timeout"])
        opened.connect(("127.0.0.1", server.server_port))
        return opened

    try:
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", resolve)
            patched.setattr(socket, "create_connection", to_test_server)
            store = PublicWebStore("http")
            with pytest.raises(StoreUnavailableError, match="302"):
                store.read("http://data.example/moved")
            assert connected == [("93.184.215.14", 80)]
            assert asked == ["data.example"]
            asked.clear()
            assert store.read("http://data.example/file") == b"hello"
            assert server.seen == ["data.example"] * 2  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_folders_and_stores_that_are_allowed(home: Path, tmp_path: Path) -> None:
    for project in ("demo", "other"):
        (tmp_path / project).mkdir()
        (tmp_path / project / "a.txt").write_text(project)
    (tmp_path / "demo/link").symlink_to(tmp_path / "other/a.txt")
    config.service_data_urls = f"{tmp_path}/{{project}}/, memory://shared"
    assert open_target(f"{tmp_path}/demo/a.txt", "demo").get() == b"demo"
    assert open_target(f"file://{tmp_path}/demo/a.txt", "demo").get() == b"demo"
    for url in (
        f"{tmp_path}/other/a.txt", f"{tmp_path}/demo/../other/a.txt", f"{tmp_path}/demo/link",
        f"{tmp_path}/demo", f"{tmp_path}/demox/a", "memory://sharedx/a", "memory://shared/../a",
        "memory://shared/a?b", "",
    ):  # fmt: skip
        with pytest.raises((AccessDeniedError, InvalidArgumentError)):
            open_target(url, "demo")
