"""Prompts, documents and code as artifacts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.artifacts.artifact import (
    Artifact,
    CodeArtifact,
    DocumentArtifact,
    LLMPromptArtifact,
    ModelArtifact,
)
from mlrun_like.artifacts.document import DocumentLoaderSpec
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.errors import InvalidArgumentError, MissingDependencyError
from mlrun_like.projects.loading import new_project

MESSAGES = [{"role": "user", "content": "Is {name} up?"}]


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """A project that logs into a folder of the test."""
    made = new_project("words", str(tmp_path))
    made.artifact_path = str(tmp_path / "out")
    return made


@pytest.mark.parametrize("long", [False, True])
def test_prompts_come_back(project: Any, long: bool) -> None:
    messages = [{"role": "user", "content": "A" * 3000}] if long else MESSAGES
    model = project.log_model("net", body=b"1", model_file="net.bin")
    logged = project.log_llm_prompt(
        "ask", messages, prompt_legend={"name": {}}, model_artifact=model,
        invocation_config={"temperature": 0},
    )  # fmt: skip
    assert logged.uri.startswith("store://llm-prompts/words/ask")
    found = get_artifact(logged.uri)
    assert isinstance(found, LLMPromptArtifact)
    assert found.read_prompt() == messages
    assert (found.spec.prompt_template is None) is long
    assert found.spec.prompt_legend == {"name": {"field": "name", "description": None}}
    linked = found.model_artifact
    assert isinstance(linked, ModelArtifact) and linked.key == "net"


def test_prompts_of_files(project: Any, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(MESSAGES))
    logged = project.log_llm_prompt("ask", prompt_path=tmp_path / "p.json")
    assert logged.read_prompt() == MESSAGES
    for broken in ("", "{", "[1]", '{"role": "user"}', "[" * 100_000):
        (tmp_path / "p.json").write_text(broken)
        with pytest.raises(InvalidArgumentError):
            LLMPromptArtifact("ask", prompt_path=str(tmp_path / "p.json"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_template": "text"},
        {"prompt_template": [{"role": "user"}]},
        {"prompt_template": [{"role": "user", "content": "x", "more": 1}]},
        {"prompt_template": MESSAGES, "prompt_path": "p.json"},
        {"prompt_template": MESSAGES, "prompt_legend": {"name": "who"}},
        {"prompt_template": MESSAGES, "prompt_legend": {"name": {"more": 1}}},
        {"prompt_template": MESSAGES, "invocation_config": [1]},
    ],
)
def test_prompts_that_cannot_be_used(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        LLMPromptArtifact("ask", **wrong)


def test_prompts_are_of_the_project_of_their_model(project: Any) -> None:
    for model in ("store://models/other/net", "net"):
        with pytest.raises(InvalidArgumentError):
            project.log_llm_prompt("ask", MESSAGES, model_artifact=model)
    with pytest.raises(InvalidArgumentError, match="must be provided"):
        project.log_llm_prompt("ask")


def test_documents_are_loaded_in_chunks(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, community = ModuleType("langchain_core"), ModuleType("langchain_core.documents")
    community.__dict__["Document"] = SimpleNamespace
    monkeypatch.setitem(sys.modules, "langchain_core", core)
    monkeypatch.setitem(sys.modules, "langchain_core.documents", community)
    source = tmp_path / "a manual(1).txt"
    source.write_text("one two")
    loader = DocumentLoaderSpec(f"{__name__}.Loader", "path")
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or ModuleType(__name__))
    monkeypatch.setattr(sys.modules[__name__], "Loader", _Loader, raising=False)
    logged = project.log_document(
        local_path=str(source), document_loader_spec=loader, upload=True, collections={"c": 1}
    )
    found = get_artifact(logged.uri)
    assert isinstance(found, DocumentArtifact)
    assert found.key.endswith("a_manual_1__txt")
    assert found.status["collections"] == {"c": 1}
    chunks = found.to_langchain_documents(SimpleNamespace(split_text=str.split))
    assert [chunk.page_content for chunk in chunks] == ["one", "two"]
    assert chunks[1].metadata["mlrun_chunk"] == "1"
    assert chunks[0].metadata["source"] == f"words/{found.spec.db_key}"


class _Loader:
    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> list[Any]:
        return [SimpleNamespace(page_content=Path(self.path).read_text(), metadata={"p": 1})]


def test_documents_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentError, match="no loader"):
        DocumentLoaderSpec("mlrun_like.nothing.Loader").make_loader("x")
    for name in ("exec", "os.system", "subprocess.Popen", "pathlib.Path"):
        with pytest.raises(InvalidArgumentError, match="no loader of documents"):
            DocumentLoaderSpec(name, "args", kwargs={"shell": True}).make_loader("exit 1")
    monkeypatch.setitem(sys.modules, "langchain_community", None)
    with pytest.raises(MissingDependencyError, match="langchain_community"):
        DocumentLoaderSpec().make_loader("x")
    monkeypatch.setitem(sys.modules, "langchain_core", ModuleType("langchain_core"))
    documents = ModuleType("langchain_core.documents")
    monkeypatch.setitem(sys.modules, "langchain_core.documents", documents)
    with pytest.raises(InvalidArgumentError, match="neither a file nor a source"):
        DocumentArtifact(key="empty").to_langchain_documents()


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [("a.PY", None, "python"), ("a.zip", None, ""), ("", None, None), ("a.py", "r", "r")],
)
def test_the_language_of_code(path: str, language: str | None, expected: str | None) -> None:
    assert CodeArtifact("c", src_path=path, language=language).spec.language == expected


@pytest.mark.parametrize("wrong", ["numpy", ("numpy",), [1], 3])
def test_requirements_of_code_are_texts(wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="list of strings"):
        CodeArtifact("c", requirements=wrong)
    with pytest.raises(ValueError, match="cannot be of type 'other'"):
        CodeArtifact("c", code_type="other")


def test_code_comes_back(project: Any) -> None:
    logged = project.log_artifact(CodeArtifact("c", "x = 1", format="py", code_type="workflow"))
    found = get_artifact(logged.uri)
    assert type(found) is CodeArtifact
    assert found.spec.code_type == "workflow"
    assert Artifact.from_dict({"kind": "artifact", "metadata": {"key": "a"}}).key == "a"
