from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

_LETTER = (
    "Dear Maria Garcia, your card 4111 1111 1111 1111 was charged.\n"
    "Call +1 212-555-0187 or write to ann@example.org. Nothing here. SSN 078-05-1120, "
    "IBAN GB82 WEST 1234 5698 7654 32, from 192.168.10.7 (00:1B:44:11:3A:B7).\n"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _run(path: Path, **params: Any) -> Any:
    fn: Any = ml.import_function("hub://pii_recognizer")
    return fn.run(params={"input_path": str(path), **params}, local=True)


def _folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def _report(run: Any) -> Any:
    return json.loads(run.artifact("pii_report_json").get(encoding="utf-8"))


def test_texts_are_copied_without_personal_data(tmp_path: Path) -> None:
    run = _run(_folder(tmp_path, a__txt=_LETTER, deep="", empty__txt=""))
    copy = (Path(run.artifact("anonymized").url) / "a.txt").read_text()
    assert copy == (
        "Dear <PERSON>, your card <CREDIT_CARD> was charged.\n"
        "Call <PHONE> or write to <EMAIL>. Nothing here. SSN <SSN>, "
        "IBAN <IBAN_CODE>, from <IP_ADDRESS> (<MAC_ADDRESS>).\n"
    )
    assert run.outputs["files"] == 2 and run.outputs["found"] == 8
    page = run.artifact("pii_report").get(encoding="utf-8")
    shown = [_LETTER[row["start"] : row["end"]] for row in _report(run)["a.txt"]]
    assert "078-05-1120" in shown and "ann@example.org" in shown
    for value in shown:
        assert value not in page and value not in json.dumps(_report(run))


def test_what_has_wrong_check_digits_is_no_find(tmp_path: Path) -> None:
    text = "4111 1111 1111 1112, GB82 WEST 1234 5698 7654 33, 666-12-1234, 1.2.3.4, 12:30:05, "
    text += "021000021"
    assert _run(_folder(tmp_path, a__txt=text)).outputs["found"] == 0


def test_made_numbers_are_found_and_others_are_not(tmp_path: Path) -> None:
    dice = random.Random(4)
    right, wrong = [], []
    for _ in range(200):
        digits = [4, *(dice.randrange(10) for _ in range(14))]
        total = sum(sum(divmod(d * (2 - at % 2), 10)) for at, d in enumerate(digits))
        check = -total % 10
        right.append("".join(map(str, [*digits, check])))
        wrong.append("".join(map(str, [*digits, (check + 1 + dice.randrange(9)) % 10])))
    run = _run(_folder(tmp_path, a__txt="\n".join(right), b__txt="\n".join(wrong)))
    assert len(_report(run)["a.txt"]) == 200
    assert all(row["entity_type"] == "CREDIT_CARD" for row in _report(run)["a.txt"])
    assert _report(run)["b.txt"] == []


def test_tables_are_copied_without_personal_data(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "zip": ["01234", "99999"] * 30,
            "contact": [f"user{at}@example.org" for at in range(60)],
            "note": ["call 212-555-0187", None] * 30,
            "card": [4111111111111111] * 60,
            "amount": [1.5, None] * 30,
        }
    )
    folder = _folder(tmp_path)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    run = _run(folder)
    out = Path(run.artifact("anonymized").url)
    for copy in (
        pd.read_csv(out / "t.csv", dtype={"zip": str}),
        pd.read_parquet(out / "t.parquet"),
    ):
        assert copy["zip"].tolist() == frame["zip"].tolist()
        assert set(copy["contact"]) == {"<EMAIL>"} and set(copy["card"]) == {"<CREDIT_CARD>"}
        assert copy["note"].dropna().tolist() == ["call <PHONE>"] * 30
        assert copy["amount"].sum() == frame["amount"].sum()
    assert run.outputs["entities"] == {"EMAIL": 120, "CREDIT_CARD": 120, "PHONE": 60}
    columns = {row["column"]: row["count"] for row in _report(run)["t.csv"]}
    assert columns == {"contact": 60, "card": 60, "note": 30}


def test_operators(tmp_path: Path) -> None:
    operators = {
        "EMAIL": ["hash", {"hash_type": "sha256"}],
        "PHONE": ["mask", {"masking_char": "#", "chars_to_mask": 4, "from_end": True}],
        "PERSON": ["replace", {"new_value": "Somebody"}],
        "SSN": "keep",
        "DEFAULT": ["redact", {}],
    }
    run = _run(_folder(tmp_path, a__txt=_LETTER), entity_operator_map=operators)
    copy = (Path(run.artifact("anonymized").url) / "a.txt").read_text()
    assert hashlib.sha256(b"ann@example.org").hexdigest() in copy
    assert "+1 212-555-####" in copy and "Dear Somebody," in copy
    assert "078-05-1120" in copy and "GB82" not in copy and "<" not in copy


def test_parts_of_texts_thresholds_and_places(tmp_path: Path) -> None:
    folder = _folder(tmp_path, a__txt=_LETTER + "Nothing at all here.\n")
    run = _run(
        folder, entities=["EMAIL"], is_full_text=False, is_full_html=False, is_full_report=False,
        output_directory=str(tmp_path / "out"), html_key="mine",
    )  # fmt: skip
    copy = (tmp_path / "out" / "a.txt").read_text()
    assert "<EMAIL>" in copy and "Nothing at all" not in copy and "Maria" not in copy
    rows = json.loads(run.artifact("mine_json").get(encoding="utf-8"))["a.txt"]
    assert [sorted(row) for row in rows] == [["end", "entity_type", "score", "start"]]
    assert _run(folder, score_threshold=0.97).outputs["found"] < 8
    assert "pii_report" not in _run(folder, generate_html=False, generate_json=False).outputs


def test_it_gives_what_mlrun_gives(tmp_path: Path) -> None:
    module: Any = ml.function_to_module(ml.import_function("hub://pii-recognizer"))
    folder = _folder(tmp_path, a__txt=_LETTER)
    with ml.get_or_create_ctx("scan") as context:
        place, done, errors, report = module.recognize_pii(context, str(folder), "key", 0.5)
    assert done.to_dict("records") == [{"original_file": "a.txt", "anonymized_file": "a.txt"}]
    assert Path(place).is_dir() and errors == {} and report["a.txt"][0]["start"] == 5


def test_hostile_and_broken_files(tmp_path: Path) -> None:
    folder = _folder(tmp_path, a__txt="<script>alert(1)</script> ann@example.org \udc80".replace(
        "\udc80", ""), c__txt="a." * 30_000 + "@" + "1" * 30_000)  # fmt: skip
    (folder / "bytes.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "broken.parquet").write_bytes(b"PAR1")
    run = _run(folder)
    assert run.outputs["errors"] == 1 and run.outputs["files"] == 3
    page = run.artifact("pii_report").get(encoding="utf-8")
    assert "<script" not in page and "broken.parquet" in page


def test_mistakes_are_said(tmp_path: Path) -> None:
    folder = _folder(tmp_path, a__txt="x")
    for params, said in (
        ({"entities": ["EMIAL"]}, "'EMIAL'.*Did you mean 'EMAIL'"),
        ({"entities": ["LOCATION"]}, "A language model finds it"),
        ({"entity_operator_map": {"EMAIL": ["encrypt", {}]}}, "no operator 'encrypt'"),
        ({"model": "flair"}, "model is 'flair'"),
        ({"score_threshold": 2}, "score_threshold is 2"),
    ):
        with pytest.raises(RunError, match=said):
            _run(folder, **params)
    (tmp_path / "none").mkdir()
    with pytest.raises(RunError, match="no texts or tables"):
        _run(tmp_path / "none")
    with pytest.raises(RunError, match="missing"):
        _run(tmp_path / "missing")


def test_a_language_model_finds_names_and_places(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed")
    language = spacy.blank("en")
    rules = language.add_pipe("entity_ruler")
    rules.add_patterns([{"label": "GPE", "pattern": "Oslo"}, {"label": "ORG", "pattern": "ACME"}])
    language.to_disk(tmp_path / "model")
    run = _run(
        _folder(tmp_path, a__txt="ACME of Oslo: ann@example.org"), model=f"whole:{tmp_path}/model"
    )
    assert run.outputs["entities"] == {"ORGANIZATION": 1, "LOCATION": 1, "EMAIL": 1}
