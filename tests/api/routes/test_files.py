"""A project's files over HTTP: whole, by ranges, in parts; and who tries to get out of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mlrun_like.artifacts.service_root import UPLOADS
from mlrun_like.configuration import config
from tests.api.client import TestClient

FILES = "/api/v1/projects/demo/files"
P = "/api/v1/projects/demo"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_goes_up_and_comes_down(service: TestClient, home: Path) -> None:
    data = os.urandom(3 << 20)
    answer = service.put(
        f"{FILES}/a/b c.bin", content=data, headers={"x-content-sha256": _sha(data)}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["sha256"] == _sha(data)
    assert (home / "artifacts/demo/a/b c.bin").read_bytes() == data
    found = service.get(f"{FILES}/a/b c.bin")
    assert found.content == data
    assert found.headers["etag"] == answer.headers["etag"]
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]
    assert service.get(f"{P}/file-list/a").json()["files"] == [{"name": "b c.bin"}]
    assert service.get(f"{P}/file-stat/a/b c.bin").json()["size"] == len(data)
    assert service.delete(f"{FILES}/a/b c.bin").json()["deleted"] is True
    assert service.get(f"{FILES}/a/b c.bin").status_code == 404


def test_an_empty_file_and_an_empty_project(service: TestClient) -> None:
    assert service.get(f"{P}/file-list/").json()["files"] == []
    assert service.put(f"{FILES}/empty", content=b"").status_code == 201
    found = service.get(f"{FILES}/empty")
    assert (found.status_code, found.content) == (200, b"")
    assert service.get(f"{FILES}/empty", headers={"range": "bytes=0-"}).status_code == 416


RANGES = [
    ("bytes=2-4", 206, b"234"),
    ("bytes=7-", 206, b"789"),
    ("bytes=-2", 206, b"89"),
    ("bytes=-100", 206, b"0123456789"),
    ("bytes=0-999999999999", 206, b"0123456789"),
    ("bytes=10-", 416, b""),
    ("bytes=5-2", 416, b""),
    ("bytes=-0", 416, b""),
    ("bytes=1-2,4-5", 200, b"0123456789"),
    ("bytes=-", 200, b"0123456789"),
    ("lines=1-2", 200, b"0123456789"),
    ("bytes=99999999999999999999-", 200, b"0123456789"),
]


def test_ranges(service: TestClient) -> None:
    service.put(f"{FILES}/digits", content=b"0123456789")
    for asked, status, body in RANGES:
        found = service.get(f"{FILES}/digits", headers={"range": asked})
        assert (found.status_code, found.content) == (status, body), asked
        if status == 206:
            assert found.headers["content-range"].endswith("/10")


def test_versions_of_a_file(service: TestClient) -> None:
    first = service.put(f"{FILES}/v", content=b"one").headers["etag"]
    assert service.get(f"{FILES}/v", headers={"if-none-match": first}).status_code == 304
    fresh = service.put(f"{FILES}/v", content=b"two", headers={"if-none-match": "*"})
    assert fresh.status_code == 409
    second = service.put(f"{FILES}/v", content=b"two", headers={"if-match": first})
    assert second.status_code == 201
    assert second.headers["etag"] != first
    late = service.put(f"{FILES}/v", content=b"three", headers={"if-match": first})
    assert late.status_code == 412
    assert service.get(f"{FILES}/v", headers={"if-match": first}).status_code == 412
    resumed = service.get(f"{FILES}/v", headers={"range": "bytes=1-", "if-range": first})
    assert (resumed.status_code, resumed.content) == (200, b"two")
    assert service.delete(f"{FILES}/v", headers={"if-match": first}).status_code == 412
    assert service.get(f"{FILES}/v").content == b"two"


def test_bytes_that_changed_on_the_way_are_refused(service: TestClient, home: Path) -> None:
    service.put(f"{FILES}/kept", content=b"before")
    for digest in (_sha(b"other"), "0" * 64):
        answer = service.put(
            f"{FILES}/kept", content=b"after", headers={"x-content-sha256": digest}
        )
        assert answer.json()["detail"]["code"] == "integrity"
    assert (
        service.put(
            f"{FILES}/kept", content=b"x", headers={"x-content-sha256": "short"}
        ).status_code
        == 400
    )
    assert service.get(f"{FILES}/kept").content == b"before"
    assert [one.name for one in (home / "artifacts/demo").iterdir()] == ["kept"]


def test_too_much_is_refused_and_leaves_nothing(service: TestClient, home: Path) -> None:
    config.service_upload_limit = 1000
    answer = service.put(f"{FILES}/big", content=b"x" * 1001)
    assert answer.status_code == 413
    streamed = service.put(f"{FILES}/big", content=(b"x" * 300 for _ in range(5)))
    assert streamed.status_code == 413
    assert service.put(f"{FILES}/fits", content=b"x" * 1000).status_code == 201
    assert [one.name for one in (home / "artifacts/demo").iterdir()] == ["fits"]


OUT = [
    "..%2f..%2fstore.db",
    "a/..%2f..%2f..%2fstore.db",
    "%2e%2e/%2e%2e/store.db",
    "%252e%252e%252f%252e%252e%252fstore.db",
    "..%5c..%5cstore.db",
    "%2fetc/passwd",
    "%2f%2fetc/passwd",
    "a//etc",
    "a%0ab",
    "a%7f",
    "%2e/a",
    "a/%2e/b",
    f"{UPLOADS}/x",
    "a/.mlrun-like-1-2",
    "%C3%28/%2e%2e",
    "x" * 300,
    "/".join("d" * 100 for _ in range(20)),
]


def test_no_path_leads_out(service: TestClient, home: Path) -> None:
    (home / "store.db.secret").write_text("secret")
    before = sorted(p.relative_to(home) for p in home.rglob("*"))
    for path in OUT:
        for method, area in (
            ("GET", "files"),
            ("GET", "file-stat"),
            ("GET", "file-list"),
            ("GET", "file-view"),
            ("PUT", "files"),
            ("DELETE", "files"),
        ):
            answer = service.request(method, f"{P}/{area}/{path}", content=b"evil")
            assert answer.status_code in (400, 404), (method, area, path)
            assert str(home) not in answer.text
        assert service.get(f"{P}/file-preview/{path}").status_code in (200, 400, 404)
        began = service.post(f"{P}/file-uploads", json={"path": path})
        assert began.status_code in (400, 201)
        if began.status_code == 201:
            service.delete(f"{P}/file-uploads/{began.json()['id']}")
    after = sorted(p.relative_to(home) for p in home.rglob("*") if "artifacts" not in p.parts)
    assert after == [p for p in before if "artifacts" not in p.parts]


def test_links_out_of_a_project_are_not_followed(service: TestClient, home: Path) -> None:
    service.put(f"{FILES}/mine", content=b"mine")
    service.put("/api/v1/projects/other/files/secret", content=b"secret")
    root = home / "artifacts"
    (root / "demo/out").symlink_to(root / "other")
    (root / "demo/passwd").symlink_to("/etc/passwd")
    (root / "demo/inner").symlink_to(root / "demo/mine")
    for path in ("out/secret", "passwd", "out"):
        for area in ("files", "file-stat", "file-list", "file-view"):
            answer = service.get(f"{P}/{area}/{path}")
            assert answer.status_code == 400, (area, path)
            assert "secret" not in answer.json()["detail"]["what"].replace(path, "")
    assert service.put(f"{FILES}/out/new", content=b"x").status_code == 400
    assert service.get(f"{FILES}/inner").content == b"mine"


def test_errors_do_not_tell_where_files_lie(service: TestClient, home: Path) -> None:
    service.put(f"{FILES}/a", content=b"x")
    for answer in (
        service.get(f"{FILES}/nothing"),
        service.get(f"{FILES}/a/b"),
        service.put(f"{FILES}/a/b", content=b"x"),
        service.get(f"{P}/file-list/a"),
        service.get(f"{P}/files?path={home}/store.db"),
    ):
        assert 400 <= answer.status_code < 500, answer.text
        assert str(home / "artifacts") not in answer.text


def test_a_full_or_missing_disk_is_told(service: TestClient, home: Path) -> None:
    (home / "artifacts").write_text("a file where the folder should be")
    answer = service.put(f"{FILES}/a", content=b"x")
    assert answer.status_code in (400, 503)
    assert str(home) not in answer.text


def test_an_upload_in_parts(service: TestClient, home: Path) -> None:
    data = os.urandom(3000)
    began = service.post(f"{P}/file-uploads", json={"path": "big.bin"}).json()
    place = f"{P}/file-uploads/{began['id']}"
    assert service.put(f"{place}/parts/2000", content=data[2000:]).status_code == 201
    assert service.get(place).json()["received"] == 0
    assert service.put(f"{place}/parts/0", content=data[:1000]).status_code == 201
    early = service.post(f"{place}/complete", json={"size": 3000, "sha256": _sha(data)})
    assert early.status_code == 409
    assert "byte 1000" in early.json()["detail"]["fix"]
    bad = service.put(
        f"{place}/parts/1000", content=data[1000:2000], headers={"x-content-sha256": "0" * 64}
    )
    assert bad.status_code >= 400
    assert service.get(place).json()["received"] == 1000
    for _ in range(2):
        service.put(f"{place}/parts/1000", content=data[1000:2000])
    assert service.get(place).json() == {
        "id": began["id"], "path": "big.bin", "state": "open", "received": 3000, "parts": 3,
    }  # fmt: skip
    assert service.get(f"{FILES}/big.bin").status_code == 404
    wrong = service.post(f"{place}/complete", json={"size": 3000, "sha256": "0" * 64})
    assert wrong.json()["detail"]["code"] == "integrity"
    assert service.get(f"{FILES}/big.bin").status_code == 404
    for _ in range(2):
        done = service.post(f"{place}/complete", json={"size": 3000, "sha256": _sha(data)})
        assert done.json()["state"] == "done"
    assert service.get(f"{FILES}/big.bin").content == data
    assert service.get(f"{P}/file-list/").json()["files"] == [{"name": "big.bin"}]
    assert service.delete(place).json()["deleted"] is True
    assert service.get(place).status_code == 404


def test_there_is_no_such_upload(service: TestClient) -> None:
    for name in ("x", "0" * 31, "..x", "%2e%2ex", "0" * 32, "A" * 32):
        for method, end in (("GET", ""), ("PUT", "/parts/0"), ("DELETE", "")):
            assert service.request(method, f"{P}/file-uploads/{name}{end}").status_code == 404


def test_an_upload_of_another_project_is_not_seen(service: TestClient) -> None:
    began = service.post(f"{P}/file-uploads", json={"path": "a"}).json()
    other = f"/api/v1/projects/other/file-uploads/{began['id']}"
    assert service.get(other).status_code == 404


def test_uploads_that_cannot_begin_or_end(service: TestClient) -> None:
    paths: tuple[object, ...] = (1, "", "../a", "a\x00b", None, [])
    for path in paths:
        assert service.post(f"{P}/file-uploads", json={"path": path}).status_code == 400
    assert service.post(f"{P}/file-uploads", json=[]).status_code == 422
    began = service.post(f"{P}/file-uploads", json={"path": "a"}).json()
    ends: list[dict[str, object]] = [
        {},
        {"size": -1, "sha256": "0" * 64},
        {"size": True, "sha256": "0" * 64},
        {"size": 10**30, "sha256": "0" * 64},
        {"size": 0, "sha256": "x"},
        {"size": "0", "sha256": None},
    ]
    for body in ends:
        answer = service.post(f"{P}/file-uploads/{began['id']}/complete", json=body)
        assert answer.status_code == 400, body


def test_what_was_left_behind_goes_after_a_day(service: TestClient, home: Path) -> None:
    began = service.post(f"{P}/file-uploads", json={"path": "a"}).json()
    folder = home / "artifacts/demo" / UPLOADS / began["id"]
    head = folder / "upload.json"
    head.write_text(head.read_text().replace('"started":', '"started":1.0,"was":'))
    service.post(f"{P}/file-uploads", json={"path": "b"})
    assert not folder.exists()


def test_mlruns_part_of_a_file(service: TestClient, home: Path) -> None:
    service.put(f"{FILES}/t.txt", content=b"0123456789")
    for url in ("service://demo/t.txt", f"{home}/artifacts/demo/t.txt"):
        found = service.get(f"{P}/files", params={"path": url, "offset": 2, "size": 3})
        assert found.content == b"234"
        stat = service.get(f"{P}/filestat", params={"path": url}).json()
        assert (stat["size"], stat["is_dir"]) == (10, False)
    for bad in ({"offset": "-1"}, {"size": "x"}, {"size": str(1 << 40)}):
        answer = service.get(f"{P}/files", params={"path": "service://demo/t.txt", **bad})
        assert answer.status_code == 400
