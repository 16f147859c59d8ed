"""Rows of `mlrun.artifacts`."""

from __future__ import annotations

from mlrun_like.compat.table import Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.artifacts"
_ADAPTED = "mlrun_like.compat.adapted.artifacts"
_SPEC = "mlrun_like.specs.artifact:ArtifactSpec"

ROWS: Rows = {
    "mlrun.artifacts": {
        "ChartArtifact": f"{_ADAPTED}.chart:ChartArtifact",
        "BokehArtifact": f"{_OURS}.plots:BokehArtifact",
        "get_model": f"{_OURS}.models:get_model",
        "update_model": f"{_OURS}.models:update_model",
    },
    "mlrun.artifacts.base": {
        "Artifact": f"{_OURS}.base:Artifact",
        "ArtifactMetadata": "mlrun_like.specs.artifact:ArtifactMetadata",
        "ArtifactSpec": _SPEC,
        "ArtifactStatus": "mlrun_like.specs.fields:FieldDict",
        "DirArtifact": f"{_OURS}.artifact:DirArtifact",
        "DirArtifactSpec": _SPEC,
        "LinkArtifact": f"{_OURS}.artifact:LinkArtifact",
        "LinkArtifactSpec": _SPEC,
        "calculate_blob_hash": f"{_OURS}.placed:blob_hash",
        "calculate_local_file_hash": f"{_OURS}.placed:file_hash",
        "fill_artifact_object_hash": f"{_ADAPTED}.records:fill_artifact_object_hash",
        "generate_artifact_uri": f"{_ADAPTED}.records:generate_artifact_uri",
        "generate_target_path": f"{_ADAPTED}.records:generate_target_path",
        "get_artifact_meta": f"{_ADAPTED}.records:get_artifact_meta",
        "is_relative_path": f"{_ADAPTED}.records:is_relative_path",
        "upload_extra_data": f"{_ADAPTED}.records:upload_extra_data",
        "verify_target_path": f"{_ADAPTED}.records:verify_target_path",
    },
    "mlrun.artifacts.code": {
        "CodeArtifact": f"{_OURS}.code:CodeArtifact",
        "CodeArtifactCodeType": f"{_OURS}.code:CodeArtifactCodeType",
        "CodeArtifactSpec": _SPEC,
    },
    "mlrun.artifacts.dataset": {
        "DatasetArtifact": f"{_OURS}.dataset:DatasetArtifact",
        "DatasetArtifactSpec": _SPEC,
        "TableArtifact": f"{_OURS}.dataset:TableArtifact",
        "TableArtifactSpec": _SPEC,
        "ddf_sample_pct": f"{_ADAPTED}.tables:ddf_sample_pct",
        "default_preview_rows_length": f"{_ADAPTED}.tables:default_preview_rows_length",
        "get_df_stats": f"{_ADAPTED}.tables:get_df_stats",
        "max_csv": f"{_ADAPTED}.tables:max_csv",
        "max_ddf_size": f"{_ADAPTED}.tables:max_ddf_size",
        "max_preview_columns": f"{_ADAPTED}.tables:max_preview_columns",
        "update_dataset_meta": f"{_OURS}.datasets:update_dataset_meta",
        "upload_dataframe": f"{_ADAPTED}.tables:upload_dataframe",
    },
    "mlrun.artifacts.document": {
        "DocumentArtifact": f"{_OURS}.document:DocumentArtifact",
        "DocumentLoaderSpec": f"{_OURS}.document:DocumentLoaderSpec",
        "MLRunLoader": f"{_ADAPTED}.loader:MLRunLoader",
    },
    "mlrun.artifacts.helpers": {
        "check_artifact_parent": f"{_ADAPTED}.records:check_artifact_parent",
    },
    "mlrun.artifacts.llm_prompt": {
        "LLMPromptArtifact": f"{_OURS}.prompt:LLMPromptArtifact",
        "LLMPromptArtifactSpec": _SPEC,
        "MAX_PROMPT_LENGTH": f"{_OURS}.prompt:MAX_PROMPT_LENGTH",
        "PlaceholderDefaultDict": f"{_OURS}.prompt:PlaceholderDict",
    },
    "mlrun.artifacts.manager": {
        "ArtifactManager": f"{_ADAPTED}.manager:ArtifactManager",
        "ArtifactProducer": f"{_ADAPTED}.manager:ArtifactProducer",
        "artifact_types": f"{_ADAPTED}.records:artifact_types",
        "dict_to_artifact": f"{_ADAPTED}.records:dict_to_artifact",
        "extend_artifact_path": f"{_OURS}.paths:extend_artifact_path",
        "filename": f"{_ADAPTED}.records:filename",
        "get_local_file_schema": f"{_ADAPTED}.records:get_local_file_schema",
    },
    "mlrun.artifacts.model": {
        "MODEL_OPTIONAL_SUFFIXES": f"{_ADAPTED}.records:MODEL_OPTIONAL_SUFFIXES",
        "ModelArtifact": f"{_OURS}.model:ModelArtifact",
        "ModelArtifactSpec": _SPEC,
        "model_spec_filename": f"{_OURS}.model:MODEL_SPEC",
    },
    "mlrun.artifacts.plots": {
        "BokehArtifact": f"{_OURS}.plots:BokehArtifact",
        "ChartArtifact": f"{_ADAPTED}.chart:ChartArtifact",
        "PlotArtifact": f"{_OURS}.plots:PlotArtifact",
        "PlotlyArtifact": f"{_OURS}.plots:PlotlyArtifact",
    },
}
