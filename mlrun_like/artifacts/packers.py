"""Packers in one place: outputs to results and artifacts, inputs to Python objects.

packager.py      what a packer can be asked (`Packager`)
packer.py        the base class (`Packer`, MLRun's `DefaultPackager`)
packer_table.py  which packer handles what
packing.py       outputs    linking.py  links between them    unpacking.py  inputs
packers_*.py     the built-in packers, loaded when a value of their library is met
results.py       the casting of `log_result`
pickles.py archives.py structured.py table_files.py  how bytes are written and read safely
"""

from __future__ import annotations

from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.linking import link_outputs
from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.packer import DefaultPackager, Packer
from mlrun_like.artifacts.packer_table import register_packer, unregister_packer
from mlrun_like.artifacts.packing import pack_output, pack_outputs, pack_unhinted
from mlrun_like.artifacts.ports import OutputLog, Packed, PackingWarning, file_artifact
from mlrun_like.artifacts.results import to_result
from mlrun_like.artifacts.unpacking import unpack_input
from mlrun_like.artifacts.workspace import workspace

__all__ = [
    "ArtifactType",
    "DefaultPackager",
    "OutputLog",
    "Packager",
    "Packed",
    "Packer",
    "PackingWarning",
    "file_artifact",
    "link_outputs",
    "pack_output",
    "pack_outputs",
    "pack_unhinted",
    "register_packer",
    "to_result",
    "unpack_input",
    "unregister_packer",
    "workspace",
]
