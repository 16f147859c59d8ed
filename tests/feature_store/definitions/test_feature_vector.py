"""Feature vectors: what they take of which sets, and how those are joined."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_text import parse_feature
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.join_graph import JoinGraph
from mlrun_like.feature_store.definitions.resolved import JoinKey


def make_set(name: str, entities: list[str], columns: dict[str, str], **options: Any) -> FeatureSet:
    """A set with columns of given types."""
    made = FeatureSet(name, entities=entities, **options)
    for column, kind in columns.items():
        made[column] = Feature(kind)
    made.metadata.project = "p"
    return made


@pytest.fixture
def sets() -> dict[str, FeatureSet]:
    """Employees, their departments, and quotes."""
    return {
        "employees": make_set(
            "employees", ["id"], {"name": "str", "department_id": "int", "age": "int", "at":
            "datetime"}, timestamp_key="at", relations={"department_id": "d_id"}, ttl="1d",
        ),
        "departments": make_set("departments", ["d_id"], {"name": "str", "size": "int"}),
        "salaries": make_set("salaries", ["id"], {"salary": "float", "bonus": "float"}),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b", ("", "a", "", "b", "")), ("a.*", ("", "a", "", "*", "")),
        ("a.b.c", ("", "a.b", "", "c", "")),
        ("p/a.b as c", ("p", "a", "", "b", "c")), ("a:v1.b", ("", "a", "v1", "b", "")),
        (" p / a.b  as  c d ", ("p", "a", "", "b", "c d")), ("a.b c", ("", "a", "", "b c", "")),
        ("a.b as c.d", ("", "a", "", "b", "c.d")), ("a@12.b", ("", "a", "", "b", "")),
    ],
)  # fmt: skip
def test_texts(text: str, parts: tuple[str, ...]) -> None:
    found = parse_feature(text)
    assert found[:5] == parts
    assert parse_feature(f"{found.key}.{found.feature}").key == found.key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", r"must be in the form feature-set\.feature"), ("", "must be in the form"),
        ("a.b.", "in the form"), ("a/b/c.d", "cannot have more than one '/'"),
        (".b", "must be"), ("a.", "must be"), ("a.b as ", "form"), ("a.b as c as d", "form"),
        ("/a.b", "must be"), ("a:.b", "must be"), (5, "must be a text"), (None, "must be a text"),
    ],
)  # fmt: skip
def test_wrong_texts(text: Any, message: str) -> None:
    if text == "a.b as ":
        assert parse_feature(text).feature == "b as", "a trailing 'as' is part of the name"
        return
    with pytest.raises(InvalidArgumentError, match=message):
        parse_feature(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_feature(text)
    except InvalidArgumentError:
        return
    assert found.feature_set and found.feature


def test_all_features(sets: dict[str, FeatureSet]) -> None:
    vector = FeatureVector("v", ["employees.*", "salaries.salary as pay"], "salaries.bonus")
    found = vector.resolved(sets)
    first, second = found.sets
    assert first.columns == (("name", "name"), ("department_id", "department_id"), ("age", "age"))
    assert first.timestamp_key == "at" and first.ttl_millis == 86_400_000 and not first.keys
    assert second.columns == (("salary", "pay"), ("bonus", "bonus"))
    assert second.keys == (JoinKey("id", "id", "employees"),) and second.label == "bonus"
    assert found.label == "bonus" and found.index_keys == ("id",)
    assert found.columns == ("name", "department_id", "age", "pay", "bonus")
    assert vector.resolved(sets, with_label=False).columns == (
        "name", "department_id", "age", "pay",
    )  # fmt: skip


def test_a_label_that_is_a_feature(sets: dict[str, FeatureSet]) -> None:
    vector = FeatureVector("v", ["salaries.bonus as b", "salaries.salary"], "salaries.bonus")
    found = vector.resolved(sets)
    assert found.label == "b" and found.columns == ("b", "salary")
    star = FeatureVector("v", ["salaries.*"], "salaries.bonus").resolved(sets)
    assert star.columns == ("salary", "bonus") and star.label == "bonus"
    with pytest.raises(InvalidArgumentError, match="label_feature must be one feature"):
        FeatureVector("v", ["salaries.*"], "salaries.*").resolved(sets)


def test_prefixes(sets: dict[str, FeatureSet]) -> None:
    found = FeatureVector("v", ["departments.* as dep", "employees.name"]).resolved(sets)
    assert found.columns == ("dep_name", "dep_size", "name")


def test_names_that_are_taken(
    sets: dict[str, FeatureSet], caplog: pytest.LogCaptureFixture
) -> None:
    vector = FeatureVector("v", ["employees.name", "departments.name", "employees.name"])
    with caplog.at_level(logging.WARNING):
        found = vector.resolved(sets)
    assert found.columns == ("name", "name_departments")
    assert "the name 'name' is taken by employees.name" in caplog.text
    vector = FeatureVector(
        "v", ["employees.name", "employees.age as name_departments", "departments.name"]
    )
    with pytest.raises(InvalidArgumentError, match="alias name_departments already specified"):
        vector.resolved(sets)


def test_relations(sets: dict[str, FeatureSet]) -> None:
    vector = FeatureVector("v", ["employees.age", "departments.size"])
    second = vector.resolved(sets).sets[1]
    assert second.keys == (JoinKey("d_id", "department_id", "employees"),)
    assert second.unmatched == ()
    sets["employees"].spec.relations = {}
    assert vector.resolved(sets).sets[1].unmatched == ("d_id",)
    only_here = FeatureVector(
        "v", vector.spec.features, relations={"employees": {"department_id": "d_id"}}
    )
    assert only_here.resolved(sets).sets[1].keys == second.keys
    wrong = FeatureVector("v", vector.spec.features, relations={"employees": {"dep": "d_id"}})
    with pytest.raises(InvalidArgumentError, match="column dep not found in feature set employees"):
        wrong.resolved(sets)


def test_types_of_keys(sets: dict[str, FeatureSet]) -> None:
    sets["departments"].add_entity("d_id", "str")
    vector = FeatureVector("v", ["employees.age", "departments.size"])
    with pytest.raises(
        InvalidArgumentError, match="d_id of feature set departments is of type str"
    ):
        vector.resolved(sets)


def test_join_graphs(sets: dict[str, FeatureSet]) -> None:
    graph = JoinGraph("g", "employees").left(sets["departments"], asof_join=True).outer("salaries")
    vector = FeatureVector("v", ["salaries.salary", "employees.age"], join_graph=graph)
    found = vector.resolved(sets)
    assert [(item.name, item.join, item.asof) for item in found.sets] == [
        ("employees", "", False), ("departments", "left", True), ("salaries", "outer", False),
    ]  # fmt: skip
    assert found.sets[1].columns == () and found.columns == ("salary", "age")
    assert graph.steps[2].left_feature_set_names == ["employees", "departments"]
    assert graph.steps[2].left_step_name == "step_1"
    assert JoinGraph.from_dict(graph.to_dict()) == graph
    assert FeatureVector.from_dict(vector.to_dict()) == vector
    assert FeatureVector.from_yaml(vector.to_yaml()).resolved(sets).sets[1].asof
    vector.spec.features = [*vector.spec.features, "quotes.bid"]
    sets["quotes"] = make_set("quotes", ["id"], {"bid": "float"})
    with pytest.raises(InvalidArgumentError, match="quotes is left out"):
        vector.resolved(sets)


def test_wrong_join_graphs(sets: dict[str, FeatureSet]) -> None:
    with pytest.raises(InvalidArgumentError, match="nothing comes before 'a'"):
        JoinGraph().inner("a")
    with pytest.raises(InvalidArgumentError, match="'a' is joined twice"):
        JoinGraph(first_feature_set="a").right("a")
    with pytest.raises(InvalidArgumentError, match="asof_join must be"):
        JoinGraph(first_feature_set="a").left("b", "yes")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="no feature set"):
        JoinGraph(first_feature_set=5)
    only_first = JoinGraph.from_dict({"first_feature_set": "employees"})
    assert only_first.all_feature_sets_names == ["employees"]
    vector = FeatureVector("v", ["salaries.salary"], join_graph=JoinGraph("g", "nobody"))
    with pytest.raises(
        InvalidArgumentError, match=r"salaries is left out.*no feature set 'nobody'"
    ):
        vector.resolved(sets)


def test_all_mistakes_at_once(sets: dict[str, FeatureSet]) -> None:
    sets["empty"] = FeatureSet("empty")
    vector = FeatureVector(
        "v", ["employees.agee", "nobody.x", "abc", "empty.x", "a.b.c"], "salaries.bonsu"
    )
    with pytest.raises(InvalidArgumentError) as caught:
        vector.resolved(sets)
    text = str(caught.value)
    for part in (
        "feature agee not found in feature set employees. Did you mean 'age'",
        "'abc' must be in the form", "no feature set 'a.b'", "no feature set 'nobody'",
        "empty. It has no features yet", "feature bonsu not found", "empty has no entities",
        "where: feature vector 'v'",
    ):  # fmt: skip
        assert part in text, part
    with pytest.raises(NotFoundError, match="no feature set 'nobdy'"):
        FeatureVector("v", ["nobdy.x", "employees.age"]).resolved(sets)


def test_entities_and_times_may_be_features(sets: dict[str, FeatureSet]) -> None:
    vector = FeatureVector("v", ["employees.id", "employees.at as hired"])
    assert vector.resolved(sets).columns == ("id", "hired")
    vector.parse_features(store=sets)
    assert [feature.value_type for feature in vector.status.features] == [None, "datetime"]


def test_parse_features(sets: dict[str, FeatureSet]) -> None:
    sets["salaries"].status.stats = {"salary": {"mean": 5.0}, "bonus": {"mean": 1.0}}
    vector = FeatureVector("v", ["salaries.salary as pay", "employees.age"], "salaries.bonus")
    objects, fields = vector.parse_features(update_stats=True, store=sets)
    assert objects["salaries"] is sets["salaries"] and vector.feature_set_objects == objects
    assert fields == {
        "salaries": [("salary", "pay"), ("bonus", None)],
        "employees": [("age", None)],
    }
    status = vector.status
    assert [(f.name, f.value_type, f.origin) for f in status.features] == [
        ("pay", "float", "p/salaries.salary"), ("age", "int64", "p/employees.age"),
        ("bonus", "float", "p/salaries.bonus"),
    ]  # fmt: skip
    assert status.label_column == "bonus" and status.index_keys == ["id"]
    assert vector.get_stats_table().loc["pay", "mean"] == 5.0
    assert vector.get_feature_aliases() == {"salary": "pay"}
    assert sets["salaries"]["salary"].name == "salary", "the set is not changed"
    vector.parse_features(offline=False, store=sets)
    assert list(vector.status.features.keys()) == ["pay", "age"]


def test_sets_of_other_projects_and_tags() -> None:
    ours, theirs = (make_set("a", ["k"], {"x": "int"}) for _ in range(2))
    theirs.metadata.project = "q"
    vector = FeatureVector("v", ["a.x", "q/a.x as y", "a:v1.x as z"])
    found = vector.resolved({"a": ours, "q/a": theirs, "a:v1": theirs})
    assert [item.name for item in found.sets] == ["a", "q/a", "a:v1"]
    assert found.sets[1].feature_set is theirs and found.columns == ("x", "y", "z")


def test_documents() -> None:
    vector = FeatureVector(
        "v", ["a.b"], "a.c", "text", True, relations={"a": {"x": "y"}}, query="b > 1",
        owner="me", labels={"a": "b"},
    )  # fmt: skip
    vector.graph.to("storey.Extend", "ratio", _fn="({'r': event['a'] / 2})")
    vector.spec.entity_fields = [{"name": "k", "value_type": "int"}]
    vector.status.update_target({"kind": "parquet", "path": "/x"})
    again = FeatureVector.from_dict(vector.to_dict())
    assert again == vector and again.get_target_path() == "/x"
    assert again.graph["ratio"].class_args and again.spec.relations["a"]["x"].name == "y"
    with pytest.raises(InvalidArgumentError, match="features must be a list of texts"):
        FeatureVector("v", [5])  # type: ignore[list-item]
    with pytest.raises(NotFoundError, match="no offline targets for feature vector 'w'"):
        FeatureVector("w").to_dataframe()
