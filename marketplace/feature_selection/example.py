"""Of thirty measurements of tumours, those that tell benign from malignant."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "cancer.parquet"))
        load_breast_cancer(as_frame=True).frame.to_parquet(path)
        select = ml.import_function("hub://feature_selection")
        run = select.run(
            name="select",
            inputs={"df_artifact": path},
            params={"label_column": "target", "k": 5},
            local=True,
            watch=False,
        )
        votes = ml.get_dataitem(run.outputs["selected_features_count"]).as_df()
        chosen = votes[votes["num_votes"] >= run.outputs["votes_needed"]]["num_votes"]
        print(chosen.sort_values(ascending=False).to_string())
