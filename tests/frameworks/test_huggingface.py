"""Auto-logging of the Trainer of transformers, with a model made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.models import get_model
from mlrun_like.frameworks import huggingface
from mlrun_like.runs.session import get_or_create_ctx

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_a_training_is_recorded(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=8,
        num_labels=2,
    )
    model = transformers.BertForSequenceClassification(config)
    rows = [
        {"input_ids": torch.tensor([n % 20, 2, 3]), "labels": torch.tensor(n % 2)} for n in range(8)
    ]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=2,
        per_device_train_batch_size=4,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=rows, eval_dataset=rows
    )
    with get_or_create_ctx("train") as context:
        handler = huggingface.apply_mlrun(trainer, "net", context=context, labels={"team": "a"})
        trainer.train()
        trainer.evaluate()
    results = context.results
    assert {"training_loss", "validation_loss", "evaluation_loss", "lr"} <= set(results)
    assert results["per_device_train_batch_size"] == 4
    found = context.store.read_metrics(context.project, context.uid, 0, ["training_loss"])
    assert [point.step for point in found["training_loss"]] == [1, 2, 3, 4]
    assert results["training_loss"] == found["training_loss"][-1].value != results["train_loss"]
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.framework == "huggingface"
    assert {"loss_summary", "lr_values"} <= set(record.spec.extra_data)
    again = huggingface.HuggingFaceModelHandler(model_path=handler.model_path).load()
    assert type(again).__name__ == "BertForSequenceClassification"
    weight = model.state_dict()["classifier.weight"]
    assert torch.equal(again.state_dict()["classifier.weight"], weight)
