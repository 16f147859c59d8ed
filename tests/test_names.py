"""Names, ids and URIs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import (
    ARTIFACT_CATEGORIES,
    ArtifactURI,
    FunctionURI,
    RunURI,
    check_key,
    check_label,
    check_project,
    check_run_name,
    new_uid,
    normalize_name,
    parse_artifact_uri,
    parse_function_uri,
    parse_run_uri,
)

NAME = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
KEY = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
TREE = st.from_regex(r"[-A-Za-z0-9_.]{1,20}", fullmatch=True)


def test_uids_are_unique_hexadecimal_and_sort_by_age() -> None:
    uids = [new_uid() for _ in range(1000)]
    assert len(set(uids)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", uid) for uid in uids)
    times = [uid[:12] for uid in uids]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("train", "train"),
        ("Train_Model", "train-model"),
        ("a  b\tc", "a-b-c"),
        (" x ", "x"),
        ("9lives", "9lives"),
        ("a" * 63, "a" * 63),
    ],
)
def test_function_names_are_normalised(given_name: str, expected: str) -> None:
    assert normalize_name(given_name) == expected
    assert normalize_name(expected) == expected


@pytest.mark.parametrize("name", ["", " ", "-", "a/b", "a.b", "über", "a" * 64, "x-", "a\0b", "."])
def test_unusable_function_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        normalize_name(name)
    assert repr(name) in caught.value.what and caught.value.fix


@pytest.mark.parametrize("check", [check_key, check_run_name, check_project])
@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a/b", "../a", "-a", "a-", "a\n", "ä", "x" * 300, None, 5, b"a", ["a"]],
)
def test_checks_refuse_what_stores_cannot_hold(check: Any, value: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check(value)
    assert caught.value.fix and len(caught.value.what) < 200


def test_checks_return_their_argument() -> None:
    assert check_key("model.v2") == "model.v2"
    assert check_run_name("Train_v2.1") == "Train_v2.1"
    assert check_project("fraud-demo") == "fraud-demo"
    assert check_label("team", "") == ("team", "")
    assert check_label("example.com/team", "A.b_c") == ("example.com/team", "A.b_c")


@pytest.mark.parametrize(
    "label", [("", "x"), ("a b", "x"), ("a", "b c"), ("a", "x" * 64), ("a/b/c", "x"), ("é", "")]
)
def test_labels_follow_kubernetes_rules(label: tuple[str, str]) -> None:
    with pytest.raises(InvalidArgumentError):
        check_label(*label)


@given(
    st.builds(
        ArtifactURI,
        st.sampled_from(ARTIFACT_CATEGORIES),
        NAME,
        KEY,
        st.none() | st.integers(0, 10**6),
        st.just("") | KEY,
        st.just("") | TREE,
    )
)
def test_artifact_uris_round_trip(uri: ArtifactURI) -> None:
    assert parse_artifact_uri(str(uri)) == uri


@given(st.builds(FunctionURI, NAME, NAME, st.just("") | KEY, st.just("") | TREE))
def test_function_uris_round_trip(uri: FunctionURI) -> None:
    assert parse_function_uri(str(uri)) == uri == parse_function_uri(f"db://{uri}")


@given(st.builds(RunURI, NAME, TREE, st.integers(0, 10**8), st.just("") | KEY))
def test_run_uris_round_trip(uri: RunURI) -> None:
    assert parse_run_uri(str(uri)) == uri


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("store://key", ArtifactURI("artifacts", "mine", "key")),
        ("store://p/key", ArtifactURI("artifacts", "p", "key")),
        ("store://models/key", ArtifactURI("models", "mine", "key")),
        ("store://models//key", ArtifactURI("models", "mine", "key")),
        ("store://datasets/p/k#0", ArtifactURI("datasets", "p", "k", 0)),
        ("store://datasets/p/k:t@r", ArtifactURI("datasets", "p", "k", None, "t", "r")),
    ],
)
def test_short_artifact_uris(uri: str, expected: ArtifactURI) -> None:
    assert parse_artifact_uri(uri, "mine") == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "store://",
        "store:///",
        "key",
        "s3://b/k",
        "store://models/p/",
        "store://unknown/p/k",
        "store://models/p/k#x",
        "store://models/p/k#-1",
        "store://models/p/k#²",
        "store://models/p/../../etc",
        "store://models/P!/k",
        "store://models/p/k:a b",
        "store://models/p/k@a b",
        "store://models/p/" + "k" * 5000,
        None,
        7,
    ],
)
def test_bad_artifact_uris_are_refused(uri: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_artifact_uri(uri)
    assert caught.value.fix and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "uri", ["", "db://", "a/b/c", "p/", "/", "p/n@", "p/n:", "p/n:a:b", "p/n:a b", "P!/n", None, 3]
)
def test_bad_function_uris_are_refused(uri: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_function_uri(uri)
    assert caught.value.fix


@pytest.mark.parametrize("uri", ["", "@", "p@", "p@u#x", "p@u#", "a@b@c", "p@u v", None, 4])
def test_bad_run_uris_are_refused(uri: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_run_uri(uri)
    assert caught.value.fix


def test_uris_fall_back_to_the_default_project() -> None:
    assert parse_function_uri("train", "mine") == FunctionURI("mine", "train")
    assert parse_function_uri("/train", "mine") == FunctionURI("mine", "train")
    assert parse_run_uri("a1b2", "mine") == RunURI("mine", "a1b2")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_artifact_uri, parse_function_uri, parse_run_uri, normalize_name):
        try:
            parse(text)
        except InvalidArgumentError as exc:
            assert exc.fix
