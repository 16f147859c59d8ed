"""Documents of MLRun, of newer versions, and broken ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, SpecError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

MLRUN_SET: dict[str, Any] = {
    "kind": "FeatureSet",
    "metadata": {
        "name": "stock-quotes", "tag": "latest", "project": "demo", "uid": "a1", "labels": None,
        "updated": "2023-01-01T00:00:00+00:00",
    },
    "spec": {
        "owner": "iguazio", "description": "stock quotes", "partition_keys": [],
        "entities": [{"name": "ticker", "value_type": "str", "labels": {}}],
        "features": [
            {"name": "time", "value_type": "datetime", "labels": {}, "aggregate": None},
            {"name": "bid", "value_type": "float", "validator":
             {"kind": "minmax", "check_type": None, "severity": "info", "min": 52}},
            {"name": "bid_avg_1h", "value_type": "float", "aggregate": True},
            {"name": "n", "value_type": "int"},
        ],
        "timestamp_key": "time", "label_column": "", "relations": {},
        "source": {"kind": "csv", "name": "s", "path": "s3://b/x.csv", "attributes": {}},
        "targets": [
            {"name": "parquet", "kind": "parquet", "partitioned": True, "path": None},
            {"name": "nosql", "kind": "nosql"},
        ],
        "graph": {
            "states": None, "final_step": "Aggregates",
            "steps": {
                "filter": {"kind": "task", "class_name": "storey.Filter", "class_args":
                           {"_fn": "(event['bid'] > 50)"}, "after": []},
                "Aggregates": {
                    "kind": "task", "class_name": "storey.AggregateByKey", "after": ["filter"],
                    "class_args": {"aggregates": [{"name": "bid", "column": "bid", "operations":
                                   ["avg"], "windows": ["1h"], "period": "10m"}], "table": "."},
                },
            },
        },
        "function": {}, "analysis": {}, "engine": None, "output_path": "v3io:///x",
        "passthrough": None,
    },
    "status": {
        "state": "ready", "stats": {"bid": {"mean": 1.0, "hist": [[1, 2], [0.0, 1.0, 2.0]]}},
        "preview": [["ticker", "bid"], ["A", 1.0]], "function_uri": "demo/x", "run_uri": "demo@1",
        "targets": [{"name": "parquet", "kind": "parquet", "path": "/p", "status": "ready",
                     "updated": "2023-01-01T00:00:00", "size": 12, "producer": {"kind": "run"},
                     "last_written": "2023-01-01 00:00:00", "partitioned": True}],
    },
}  # fmt: skip


def test_mlruns_documents_are_read() -> None:
    found = FeatureSet.from_dict(MLRUN_SET)
    assert found.spec.engine == "storey" and found.spec.final_step == "Aggregates"
    assert found["n"].value_type == "int64" and found["bid"].validator is not None
    assert found.aggregations()[0]["step"] == "Aggregates"
    assert found.get_target_path() == "/p" and found.status.targets["parquet"].size == 12
    assert found.has_valid_source() and found.metadata.labels == {}
    assert FeatureSet.from_dict(found.to_dict()) == found


def test_what_a_newer_version_wrote_is_kept() -> None:
    document = {
        "kind": "FeatureSet",
        "metadata": {"name": "a", "colour": "red"},
        "spec": {"future": {"x": 1}, "features": [{"name": "b", "unit": "kg"}]},
        "status": {"health": "good"},
    }
    again = FeatureSet.from_dict(FeatureSet.from_dict(document).to_dict()).to_dict()
    assert again["metadata"]["colour"] == "red" and again["status"]["health"] == "good"
    assert again["spec"]["future"] == {"x": 1} and again["spec"]["features"][0]["unit"] == "kg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "FeatureVector"}, "kind 'FeatureVector', not of a feature set"),
        ({"spce": {}}, "has no 'spce'"),
        ({"spec": []}, "must be a mapping"),
        ({"metadata": "x"}, "must be a mapping"),
        ({"spec": {"features": "abc"}}, "features must be a list"),
        ({"spec": {"features": [{}]}}, "needs a name"),
        ({"spec": {"features": [{"name": "a"}, {"name": "a"}]}}, "'a' is given twice"),
        ({"spec": {"features": [{"name": 5}]}}, "name must be a text"),
        ({"spec": {"features": [{"name": "a", "value_type": "flaot"}]}}, "no value type 'flaot'"),
        ({"spec": {"entities": 5}}, "entities must be a list"),
        ({"spec": {"engine": "fast"}}, "engine 'fast' is not known"),
        ({"spec": {"ttl": "soon"}}, "ttl 'soon'"),
        ({"spec": {"graph": []}}, "graph must be a mapping"),
        ({"spec": {"graph": {"steps": {"a": 5}}}}, "."),
        ({"spec": {"graph": {"steps": {"a": {"kind": "task", "clas_name": "x"}}}}}, "clas_name"),
        ({"spec": {"graph": {"final_step": 5}}}, "final_step must be a text"),
        ({"spec": {"targets": [{"kind": "tape"}]}}, "kind 'tape' is not known"),
        ({"spec": {"relations": [1]}}, "relations must be a mapping"),
        ({"spec": {"relations": {"a": {}}}}, "has no entity"),
        ({"spec": {"schema_policy": "lax"}}, "schema_policy 'lax'"),
        ({"status": {"targets": 5}}, "targets must be a list"),
        ({"metadata": {"name": "a/../b"}}, "cannot name a feature set"),
        ({"metadata": {"name": "a", "project": "../x"}}, "project name"),
        ({"metadata": {"name": "a", "tag": "x y"}}, "tag 'x y'"),
        ({"spec": {"timestamp_key": ["t"]}}, "timestamp_key must be a text"),
        ({"spec": {"features": [{"name": "a", "labels": "x"}]}}, "labels must be a mapping"),
        ({"status": {"stats": []}}, "stats must be a mapping"),
        ({"metadata": {"name": {}}}, "name must be a text"),
    ],
)
def test_broken_sets(change: dict[str, Any], message: str) -> None:
    document = {"kind": "FeatureSet", "metadata": {"name": "a"}, **change}
    with pytest.raises(InvalidArgumentError, match=message):
        FeatureSet.from_dict(document)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"features": "a.b"}, "features must be a list"), ({"features": [5]}, "list of texts"),
        ({"join_graph": 5}, "must be a mapping"), ({"relations": []}, "relations must be"),
        ({"join_graph": {"steps": [{"name": "a", "join_type": "cross"}]}}, "type 'cross'"),
        ({"join_graph": {"first_feature_set": 5}}, "no feature set"),
        ({"entity_fields": 7}, "must be a list"), ({"graph": 7}, "graph must be"),
    ],
)  # fmt: skip
def test_broken_vectors(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        FeatureVector.from_dict({"kind": "FeatureVector", "metadata": {"name": "a"}, "spec": spec})


@pytest.mark.parametrize(
    "text", ["", "[1", "5", "a: !!python/object:os.system x", "kind: 2001-99-99\nx: 1\n", "\0\n"]
)
def test_broken_files(text: str, tmp_path: Any) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    if text:
        with pytest.raises(MLRunLikeError):
            FeatureSet.from_yaml(path)
    with pytest.raises(SpecError, match="cannot be read"):
        FeatureSet.from_yaml(tmp_path / "missing.yaml")


def test_deep_documents() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    for spec in ({"source": deep}, {"graph": {"steps": {"a": {"class_args": {"b": deep}}}}}):
        with pytest.raises((SpecError, RecursionError)):
            FeatureSet.from_dict({"metadata": {"name": "a"}, "spec": spec}).to_dict()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "steps", "value_type", "a", "validator", "path"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
PARTS = ["entities", "features", "targets", "graph", "relations", "ttl", "engine", "source",
         "label_column", "analysis", "timestamp_key", "join_graph", "entity_fields"]  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(PARTS), plain, max_size=4), st.booleans())
def test_anything_is_read_or_refused(spec: dict[str, Any], vector: bool) -> None:
    cls: Any = FeatureVector if vector else FeatureSet
    try:
        found = cls.from_dict({"metadata": {"name": "a"}, "spec": spec})
        again = cls.from_dict(found.to_dict())
    except MLRunLikeError:
        return
    assert again.to_dict() == found.to_dict()
