"""Describes the breast cancer data: `python example.py`."""

from __future__ import annotations

import mlrun_like as ml

if __name__ == "__main__":
    loading = ml.import_function("hub://load_dataset")
    data = loading.run(params={"dataset": "breast_cancer"}, local=True)
    describing = ml.import_function("hub://describe")
    run = describing.run(
        inputs={"table": data.outputs["breast_cancer"]},
        params={"label_column": "labels", "problem_type": "classification"},
        local=True,
    )
    for key in ("rows", "columns", "missing_share", "duplicate_rows"):
        print(f"{key:>15}: {run.outputs[key]}")
    print(run.artifact("describe-csv").as_df().iloc[:, :5].round(2).to_string(index=False))
    print("\nopen in a browser:")
    for key in ("report", "histograms", "scatter-2d", "violin", "correlation"):
        print(f"  {key:>12}: {run.artifact(key).url}")
