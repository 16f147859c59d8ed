"""Rows of `mlrun.package`: our packers, and adapters for what stands around them."""

from __future__ import annotations

from mlrun_like.compat.table import Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.packagers"
_NAMES = f"{_OLD}.names"
_OURS = "mlrun_like.artifacts"

ROWS: Rows = {
    "mlrun.package": {
        "ArchiveSupportedFormat": f"{_OLD}.formats:ArchiveSupportedFormat",
        "ArtifactType": f"{_OURS}.hints:ArtifactType",
        "ContextHandler": f"{_OLD}.context_handler:ContextHandler",
        "DefaultPackager": f"{_OURS}.packer:DefaultPackager",
        "LogHint": f"{_OLD}.log_hints:LogHint",
        "LogHintKey": f"{_OLD}.log_hints:LogHintKey",
        "MLRunPackageBundlingError": f"{_OLD}.errors:MLRunPackageBundlingError",
        "MLRunPackageCollectionError": f"{_OLD}.errors:MLRunPackageCollectionError",
        "MLRunPackageError": f"{_OLD}.errors:MLRunPackageError",
        "MLRunPackagePackingError": f"{_OLD}.errors:MLRunPackagePackingError",
        "MLRunPackageUnbundlingError": f"{_OLD}.errors:MLRunPackageUnbundlingError",
        "MLRunPackageUnpackingError": f"{_OLD}.errors:MLRunPackageUnpackingError",
        "Packager": f"{_OURS}.packager:Packager",
        "PackagersManager": f"{_OLD}.manager:PackagersManager",
        "StructFileSupportedFormat": f"{_OLD}.formats:StructFileSupportedFormat",
        "handler": "mlrun_like.runs.handler:handler",
    },
    "mlrun.package.common": {
        "LogHintKey": f"{_OLD}.log_hints:LogHintKey",
        "LogHintUtils": f"{_OLD}.log_hints:LogHintUtils",
        "TypeHintUtils": f"{_OLD}.type_hints:TypeHintUtils",
    },
    "mlrun.package.context_handler": {
        "ContextHandler": f"{_OLD}.context_handler:ContextHandler",
    },
    "mlrun.package.errors": {
        "MLRunPackageBundlingError": f"{_OLD}.errors:MLRunPackageBundlingError",
        "MLRunPackageCollectionError": f"{_OLD}.errors:MLRunPackageCollectionError",
        "MLRunPackageError": f"{_OLD}.errors:MLRunPackageError",
        "MLRunPackagePackingError": f"{_OLD}.errors:MLRunPackagePackingError",
        "MLRunPackageUnbundlingError": f"{_OLD}.errors:MLRunPackageUnbundlingError",
        "MLRunPackageUnpackingError": f"{_OLD}.errors:MLRunPackageUnpackingError",
    },
    "mlrun.package.log_hint": {
        "LogHint": f"{_OLD}.log_hints:LogHint",
    },
    "mlrun.package.packager": {
        "Packager": f"{_OURS}.packager:Packager",
    },
    "mlrun.package.packagers": {
        "DefaultPackager": f"{_OURS}.packer:DefaultPackager",
    },
    "mlrun.package.packagers.default_packager": {
        "DEFAULT_PICKLE_MODULE": f"{_NAMES}:DEFAULT_PICKLE_MODULE",
        "DefaultPackager": f"{_OURS}.packer:DefaultPackager",
    },
    "mlrun.package.packagers.numpy_packagers": {
        "DEFAULT_NUMPY_ARRAY_COLLECTION_FORMAT": (
            f"{_NAMES}:DEFAULT_NUMPY_ARRAY_COLLECTION_FORMAT"
        ),
        "DEFAULT_NUMPY_ARRAY_FORMAT": f"{_NAMES}:DEFAULT_NUMPY_ARRAY_FORMAT",
        "NumPyArrayCollectionType": f"{_NAMES}:NumPyArrayCollectionType",
        "NumPyNDArrayDictPackager": f"{_OURS}.packers_numpy:NumPyNDArrayDictPackager",
        "NumPyNDArrayListPackager": f"{_OURS}.packers_numpy:NumPyNDArrayListPackager",
        "NumPyNDArrayPackager": f"{_OURS}.packers_numpy:NumPyNDArrayPackager",
        "NumPyNumberPackager": f"{_OURS}.packers_numpy:NumPyNumberPackager",
        "NumPySupportedFormat": f"{_OLD}.formats:NumPySupportedFormat",
    },
    "mlrun.package.packagers.pandas_packagers": {
        "DEFAULT_PANDAS_FORMAT": f"{_NAMES}:DEFAULT_PANDAS_FORMAT",
        "NON_STRING_COLUMN_NAMES_DEFAULT_PANDAS_FORMAT": (
            f"{_NAMES}:NON_STRING_COLUMN_NAMES_DEFAULT_PANDAS_FORMAT"
        ),
        "PandasDataFramePackager": f"{_OURS}.packers_pandas:PandasDataFramePackager",
        "PandasSeriesPackager": f"{_OURS}.packers_pandas:PandasSeriesPackager",
        "PandasSupportedFormat": f"{_OLD}.formats:PandasSupportedFormat",
    },
    "mlrun.package.packagers.python_standard_library_packagers": {
        "BoolPackager": f"{_OURS}.packers_python:BoolPackager",
        "BytearrayPackager": f"{_OURS}.packers_python:BytearrayPackager",
        "BytesPackager": f"{_OURS}.packers_python:BytesPackager",
        "DictPackager": f"{_OURS}.packers_python:DictPackager",
        "FloatPackager": f"{_OURS}.packers_python:FloatPackager",
        "FrozensetPackager": f"{_OURS}.packers_python:FrozensetPackager",
        "IntPackager": f"{_OURS}.packers_python:IntPackager",
        "ListPackager": f"{_OURS}.packers_python:ListPackager",
        "NonePackager": f"{_OURS}.packers_python:NonePackager",
        "PathPackager": f"{_OURS}.packers_python:PathPackager",
        "SetPackager": f"{_OURS}.packers_python:SetPackager",
        "StrPackager": f"{_OURS}.packers_python:StrPackager",
        "TuplePackager": f"{_OURS}.packers_python:TuplePackager",
    },
    "mlrun.package.packagers_manager": {
        "PackagersManager": f"{_OLD}.manager:PackagersManager",
    },
    "mlrun.package.utils": {
        "ArchiveSupportedFormat": f"{_OLD}.formats:ArchiveSupportedFormat",
        "ArtifactType": f"{_OURS}.hints:ArtifactType",
        "DEFAULT_ARCHIVE_FORMAT": f"{_NAMES}:DEFAULT_ARCHIVE_FORMAT",
        "DEFAULT_PICKLE_MODULE": f"{_NAMES}:DEFAULT_PICKLE_MODULE",
        "DEFAULT_STRUCT_FILE_FORMAT": f"{_NAMES}:DEFAULT_STRUCT_FILE_FORMAT",
        "DatasetFileFormat": f"{_OLD}.formats:DatasetFileFormat",
        "LogHintKey": f"{_OLD}.log_hints:LogHintKey",
        "LogHintUtils": f"{_OLD}.log_hints:LogHintUtils",
        "Pickler": f"{_OLD}.pickler:Pickler",
        "StructFileSupportedFormat": f"{_OLD}.formats:StructFileSupportedFormat",
        "SupportedFormat": f"{_OLD}.formats:SupportedFormat",
        "TypeHintUtils": f"{_OLD}.type_hints:TypeHintUtils",
    },
    "mlrun.package.utils._archiver": {
        "ArchiveSupportedFormat": f"{_OLD}.formats:ArchiveSupportedFormat",
    },
    "mlrun.package.utils._formatter": {
        "StructFileSupportedFormat": f"{_OLD}.formats:StructFileSupportedFormat",
    },
    "mlrun.package.utils._pickler": {
        "Pickler": f"{_OLD}.pickler:Pickler",
    },
    "mlrun.package.utils._supported_format": {
        "FileHandlerType": f"{_OLD}.formats:FileHandlerType",
        "SupportedFormat": f"{_OLD}.formats:SupportedFormat",
    },
    "mlrun.package.utils.log_hint_utils": {
        "LogHintKey": f"{_OLD}.log_hints:LogHintKey",
        "LogHintUtils": f"{_OLD}.log_hints:LogHintUtils",
    },
    "mlrun.package.utils.type_hint_utils": {
        "TypeHintUtils": f"{_OLD}.type_hints:TypeHintUtils",
    },
}
