"""Run states."""

from __future__ import annotations

import itertools

import pytest

from mlrun_like.errors import SpecError, StateError
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, TRANSITIONS, RunDoc, check_transition

PAIRS = list(itertools.product(TRANSITIONS, TRANSITIONS))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_only_listed_changes_are_allowed(before: str, after: str) -> None:
    if before == after or after in TRANSITIONS[before]:
        check_transition(before, after)
        return
    with pytest.raises(StateError, match=f"cannot go from '{before}' to '{after}'") as caught:
        check_transition(before, after, "p@u#0")
    assert caught.value.where == "p@u#0" and caught.value.status == 409


def test_terminal_states_have_no_way_out() -> None:
    assert {"completed", "error", "aborted", "skipped"} == TERMINAL
    assert set(TRANSITIONS) == TERMINAL | {"created", "pending", "running", "aborting"}


def test_every_state_is_reached_and_can_end() -> None:
    reached = {"created"}
    for _ in TRANSITIONS:
        reached |= {after for before in reached for after in TRANSITIONS[before]}
    assert reached == set(TRANSITIONS)
    for state in set(TRANSITIONS) - TERMINAL:
        assert TRANSITIONS[state] & TERMINAL


@pytest.mark.parametrize("pair", [("created", "done"), ("begun", "running"), ("", "error")])
def test_unknown_states_are_named(pair: tuple[str, str]) -> None:
    with pytest.raises(StateError, match="is not a run state") as caught:
        check_transition(*pair)
    assert "completed" in caught.value.fix


def test_a_run_round_trips_without_its_empty_values() -> None:
    run = RunDoc()
    run.metadata.uid, run.spec.parameters = "u", {"zero": 0, "none": None, "empty": ""}
    document = run.to_dict()
    assert document["spec"] == {"parameters": {"zero": 0, "none": None, "empty": ""}}
    assert parse(RunDoc, document) == run


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"spec": {"paramters": {}}}, "Did you mean 'parameters'"),
        ({"metadata": {"labels": ["a"]}}, "metadata.labels"),
        ({"spec": {"timeout": "soon"}}, "spec.timeout"),
        ([], "document"),
        (None, "document"),
        ({"status": None}, "status"),
    ],
)
def test_a_malformed_run_is_refused(document: object, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(RunDoc, document, "runs.json")
    assert words in caught.value.what and caught.value.where == "runs.json"
