"""The function document in MLRun's layout."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import SpecError
from mlrun_like.specs.function import EntryPoint, FunctionDoc

HUB = {
    "kind": "job",
    "metadata": {
        "name": "trainer",
        "tag": "",
        "hash": "6d5f",
        "labels": {"author": "somebody"},
        "categories": ["training"],
        "credentials": {"access_key": "$generate"},
    },
    "spec": {
        "command": "",
        "image": "some/image",
        "build": {
            "functionSourceCode": "eCA9IDEK",
            "commands": [],
            "with_mlrun": False,
            "registry": "somewhere.example",
        },
        "entry_points": {
            "train": {
                "name": "train",
                "doc": "Train.",
                "parameters": [
                    {"name": "context", "type": "MLClientCtx", "doc": "", "default": ""},
                    {"name": "depth", "default": 3, "units": "levels"},
                ],
                "outputs": [{"default": "", "type": "float"}],
                "lineno": 8,
                "signature": "train(context, depth=3)",
            }
        },
        "default_handler": "train",
        "disable_auto_mount": False,
        "affinity": None,
        "volumes": [{"name": "v", "nested": {"a": [1, 2]}}],
    },
    "verbose": False,
}


def _filled(document: Any) -> Any:
    """The same without null and empty values, which need not come back."""
    if isinstance(document, dict):
        rows = {key: _filled(value) for key, value in document.items()}
        return {key: value for key, value in rows.items() if value not in (None, "", [], {})}
    return [_filled(item) for item in document] if isinstance(document, list) else document


def test_an_mlrun_document_comes_back_whole() -> None:
    doc = FunctionDoc.from_dict(HUB)
    assert doc.spec.build.functionSourceCode == "eCA9IDEK"
    assert doc.spec.entry_points["train"].parameters[1].default == 3
    again = doc.to_dict()
    entry = again["spec"]["entry_points"]["train"]
    assert entry["signature"] == "train(context, depth=3)"
    assert entry["parameters"][1]["units"] == "levels"
    for path in (("metadata", "credentials"), ("spec", "volumes"), ("spec", "disable_auto_mount")):
        assert again[path[0]][path[1]] == HUB[path[0]][path[1]]  # type: ignore[index]
    assert again["spec"]["build"]["registry"] == "somewhere.example"
    assert again["spec"].get("affinity") is None
    assert FunctionDoc.from_dict(again).to_dict() == again


def test_foreign_keys_survive_edits_of_known_ones() -> None:
    doc = FunctionDoc.from_dict(HUB)
    doc.spec.image, doc.metadata.labels = "new", {}
    document = doc.to_dict()
    assert document["spec"]["image"] == "new" and "labels" not in document["metadata"]
    assert document["spec"]["volumes"] and document["metadata"]["credentials"]


def test_a_missing_kind_is_a_job_and_nulls_are_defaults() -> None:
    assert FunctionDoc.from_dict({"metadata": {"name": "x"}}).kind == "job"
    doc = FunctionDoc.from_dict({"kind": None, "spec": {"build": None, "env": None, "image": None}})
    assert (doc.kind, doc.spec.env, doc.spec.image) == ("job", [], "")


def test_the_digest_changes_with_the_content_only() -> None:
    doc = FunctionDoc.from_dict(HUB)
    first = doc.digest()
    doc.metadata.tag, doc.metadata.hash, doc.metadata.updated = "v2", "x", "now"
    doc.status = {"state": "ready"}
    assert doc.digest() == first and len(first) == 40
    doc.spec.image = "other"
    assert doc.digest() != first


def test_the_digest_takes_any_key() -> None:
    doc = FunctionDoc.from_dict({"kind": "job", "spec": {"resources": {"limits": {1: 2, "a": 3}}}})
    assert doc.digest()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "document"),
        ([], "document"),
        ("kind: job", "document"),
        ({"kind": 5}, "kind"),
        ({"metadata": []}, "metadata"),
        ({"spec": "x"}, "spec"),
        ({"spec": {"env": {"A": "1"}}}, "spec.env"),
        ({"spec": {"build": {"requirements": "pandas"}}}, "spec.build.requirements"),
        ({"spec": {"entry_points": {"f": {}}}}, "spec.entry_points.f.name"),
        ({"spec": {"timeout": "soon"}}, "spec.timeout"),
    ],
)
def test_malformed_documents_are_refused(document: object, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        FunctionDoc.from_dict(document, "function.yaml")
    assert words in caught.value.what and caught.value.where == "function.yaml"


def test_unknown_fields_cannot_be_assigned() -> None:
    with pytest.raises(SpecError, match="Did you mean 'image'"):
        FunctionDoc().spec.imag = "x"
    with pytest.raises(SpecError):
        EntryPoint(name="f").dox = "x"


WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {"kind": WORD},
        optional={
            "metadata": st.fixed_dictionaries(
                {"name": WORD},
                optional={"labels": st.dictionaries(WORD, WORD, min_size=1), "extra-1": JSON},
            ),
            "spec": st.fixed_dictionaries(
                {},
                optional={
                    "image": WORD,
                    "args": st.lists(WORD, min_size=1),
                    "replicas-x": JSON,
                    "build": st.fixed_dictionaries({}, optional={"base_image": WORD, "y": JSON}),
                },
            ),
            "top-level": JSON,
        },
    )
)
def test_any_document_round_trips_with_its_foreign_keys(document: dict[str, Any]) -> None:
    doc = FunctionDoc.from_dict(document)
    once = doc.to_dict()
    again = FunctionDoc.from_dict(json.loads(json.dumps(once)))
    assert again.to_dict() == once
    assert again.digest() == doc.digest()
    expected = _filled(document)
    assert _filled({key: value for key, value in once.items() if key in document}) == {
        **expected,
    }
