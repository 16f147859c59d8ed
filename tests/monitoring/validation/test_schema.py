from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MissingFileError, SchemaError
from mlrun_like.monitoring.validation import ColumnSchema, Schema, describe, infer_schema
from mlrun_like.monitoring.validation.schema_text import LONGEST_TEXT
from tests.monitoring.validation.frames import customers

EDITED = """\
# ours, since March
unexpected_columns: error   # strict
columns:
  age:
    # nobody is older
    max: 120   # years
    min: 18
    type: integer
  plan: {type: text, domain: [basic, plus]}  # as sold
  city:
    domain:
      - Leeds   # first
      - York
  note:
"""


def test_inference_learns_what_the_data_holds() -> None:
    schema = infer_schema(customers(), label="churned")
    columns = schema.columns
    kinds = {name: column.type for name, column in columns.items()}
    assert kinds == {
        "customer_id": "integer", "age": "integer", "income": "number", "plan": "text",
        "code": "text", "score": "number", "joined": "datetime", "churned": "integer",
    }  # fmt: skip
    assert columns["customer_id"].unique and columns["customer_id"].max is None
    assert columns["plan"].domain == ("basic", "plus", "pro")
    assert columns["code"].pattern == "[A-Z]{2}-[0-9]{5}"
    assert columns["age"].min == 0 and columns["age"].missing == 0
    assert 0.05 < columns["score"].missing < 0.1
    assert columns["churned"].not_in == ("SERVING",)
    assert columns["churned"].shares is not None and set(columns["churned"].shares) == {0, 1}


def test_the_file_teaches_and_reads_back_the_same(tmp_path: Path) -> None:
    schema = infer_schema(customers(), label="churned")
    path = tmp_path / "schema.yaml"
    schema.save(path)
    text = path.read_text(encoding="utf-8")
    assert "# A schema" in text and "# seen: 2,000 values, 3 different" in text
    assert all(f"#   {key}" in text for key in ("type", "not_in", "pattern", "drift", "shares"))
    assert Schema.load(path) == schema
    assert Schema.make(path) == Schema.make(str(path)) == Schema.make(schema.to_dict()) == schema
    assert Schema.load(path).to_text() == text


def test_changes_keep_every_other_character() -> None:
    schema = Schema.from_text(EDITED, "/x/rules.yaml")
    assert schema.line_of("age", "max") == "rules.yaml line 6 (columns.age.max)"
    assert schema.line_of("plan", "pattern") == "rules.yaml line 9 (columns.plan.pattern)"
    changed = schema.with_columns(
        {
            "age": {"max": 130, "tolerance": 0.1},
            "plan": {"domain": ["basic", "plus", "pro"], "missing": 0.2},
            "city": {"domain": ["Leeds", "York", "a: b"]},
            "note": {"max_length": 5},
            "new one": {"type": "text"},
        },
        {"new one": "seen: 3"},
    )
    text = changed.to_text()
    for kept in ("# ours, since March", "# strict", "# nobody is older", "# years", "# as sold"):
        assert kept in text
    assert "max: 130   # years" in text
    assert changed.columns["plan"].domain == ("basic", "plus", "pro")
    assert changed.columns["plan"].missing == 0.2
    assert changed.columns["city"].domain == ("Leeds", "York", "a: b")
    assert changed.columns["note"].max_length == 5
    assert '  "new one":  # seen: 3\n    type: text\n' in text
    assert Schema.from_text(text) == changed
    taken = changed.with_columns({"age": {"max": None}, "plan": {"domain": None}})
    assert taken.columns["age"].max is None and taken.columns["plan"].domain is None
    assert "# nobody is older" in taken.to_text()


def test_update_relaxes_only_what_is_asked() -> None:
    schema = infer_schema(customers(), label="churned")
    frame = customers(seed=1)
    frame.loc[0, "age"] = 200
    frame.loc[1, "plan"] = "gold"
    frame.loc[2, "code"] = "?"
    frame["score"] = None
    frame["extra"] = 1.5
    stats = describe(frame)
    age = schema.update(stats, ["age.max"])
    assert age.columns["age"].max == 200
    assert {k: v for k, v in age.columns.items() if k != "age"} == {
        k: v for k, v in schema.columns.items() if k != "age"
    }
    assert schema.update(stats, ["age.min"]) is schema
    assert schema.update(stats, ["*.domain"]).columns["plan"].domain == (
        "basic", "plus", "pro", "gold",
    )  # fmt: skip
    assert "extra" in schema.update(stats, ["extra"]).columns
    everything = schema.update(frame)
    assert everything.columns["score"].missing == 1
    assert "extra" in everything.columns and everything.columns["age"].max == 200
    assert "# seen: 2,000 values, 1.5 to 1.5" in everything.to_text()


def test_update_names_what_it_does_not_know() -> None:
    schema = Schema(columns={"age": ColumnSchema()})
    with pytest.raises(SchemaError, match=r"Did you mean 'age\.max'"):
        schema.update([{"age": 1}], ["age.mox"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no columns"),
        ("columns: 3", "no columns"),
        ("columns:\n  a: {tpye: text}", "Did you mean 'type'"),
        ("columns:\n  a: {type: word}", "columns.a.type"),
        ("colums:\n  a: 1\ncolumns: {}", "Did you mean 'columns'"),
        ("columns:\n  a: {missing: 3}", "less than or equal to 1"),
        ("columns:\n  a: {min: 3, max: 1}", "greater than max"),
        ("columns:\n  a: {min: 3, max: x}", "two types"),
        ("columns:\n  a: {pattern: '('}", "not a pattern"),
        ("columns:\n  a: {pattern: '(?=a)'}", "not a pattern"),
        (f"columns:\n  a: {{pattern: '{'a' * 2000}'}}", "1,000 are allowed"),
        ("columns:\n  a: {}\n  a: {}", "twice"),
        ("columns: &x\n  a: {}\n  b: *x", "alias"),
        ("schema: 9\ncolumns: {}", "does not know"),
        ("columns: {a: ]", "not YAML"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("[" * 5000, "nested"),
        ("columns:\n  a: {shares: {x: [1]}}", "columns.a.shares"),
    ],
)
def test_a_malformed_schema_is_explained(text: str, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Schema.from_text(text, "rules.yaml")
    assert said in str(caught.value)


def test_a_huge_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="characters"):
        Schema.from_text("#" * (LONGEST_TEXT + 1))


def test_a_missing_or_binary_schema(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        Schema.load(tmp_path / "none.yaml")
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00columns")
    with pytest.raises(InvalidArgumentError, match="is not utf-8 text"):
        Schema.load(path)


def test_an_unknown_environment_is_named() -> None:
    with pytest.raises(SchemaError, match="Did you mean 'SERVING'"):
        Schema(columns={}).expected("SERVIN")


_NAMES = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())
_RULES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number", "text", "any"]),
        "missing": st.floats(0, 1),
        "min": st.integers(-99, 0),
        "max": st.floats(1, 1e300),
        "domain": st.lists(st.one_of(_NAMES, st.integers(), st.booleans()), max_size=3),
        "description": _NAMES,
        "shares": st.dictionaries(_NAMES, st.just([0.1, 0.5]), max_size=2),
    },
)


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(_NAMES, _RULES, max_size=4), _NAMES, _RULES)
def test_any_schema_survives_text_and_changes(
    columns: dict[str, Any], name: str, rules: dict[str, Any]
) -> None:
    schema = Schema.from_dict({"columns": columns})
    again = Schema.from_text(schema.to_text())
    assert again == schema
    assert again.with_columns({name: rules}) == schema.with_columns({name: rules})


def _save_forever(path: str) -> None:
    small = Schema(columns={"a": ColumnSchema()})
    large = Schema(columns={f"c{i}": ColumnSchema(type="text") for i in range(2000)})
    while True:
        small.save(path)
        large.save(path)


@pytest.mark.slow
def test_a_writer_killed_half_way_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    for _ in range(3):
        process = multiprocessing.get_context("fork").Process(
            target=_save_forever, args=(str(path),)
        )
        process.start()
        while not path.exists() and process.is_alive():
            pass
        process.join(0.15)
        assert process.pid is not None
        os.kill(process.pid, 9)
        process.join()
        assert len(Schema.load(path).columns) in (1, 2000)
