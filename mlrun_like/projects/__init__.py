"""Projects: everything that belongs to one piece of work, in one folder, one name and git.

project.py     MlrunProject, put together from the parts below
base.py        document, parameters, secrets
saving.py      project.yaml, the store, the hook project_setup.py
making.py, functions.py   functions from files, documents, catalogues, the store, objects
positional.py, profiles.py             arguments by position; data stores by name
artifacts.py, finding.py, found.py   artifacts declared and logged; what is recorded
notifiers.py   who is told
source.py, git.py, git_program.py   source, pull, push, remotes
images.py      the project's own image
api_gateways.py   one address for a function or two
operations.py, building.py   run_function, build_function, deploy_function
current.py     the project at hand
environment.py where this process records: set_environment
places.py      folders, repositories, archives, templates, the store
loading.py, deleting.py   new_project, load_project, get_or_create_project, delete_project
secrets.py, vault.py   plug-ins: where secrets are kept
archive.py     a folder as zip; bundle.py, manifest.py, restoring.py: all of a project
workflow_spec.py   what is told of a workflow that runs
resuming.py    pipelines that go on in a process of their own
reproduce.py, comparing.py    a recorded run made anew, and what differs
"""

from __future__ import annotations

from mlrun_like.projects.current import (
    get_current_project,
    get_project_param,
    set_current_project,
)
from mlrun_like.projects.deleting import delete_project
from mlrun_like.projects.environment import set_env_from_file, set_environment
from mlrun_like.projects.loading import get_or_create_project, load_project, new_project
from mlrun_like.projects.operations import build_function, deploy_function, run_function
from mlrun_like.projects.project import MlrunProject
from mlrun_like.projects.workflow_context import pipeline_context
from mlrun_like.specs.project import ProjectMetadata, ProjectSpec

__all__ = [
    "MlrunProject",
    "ProjectMetadata",
    "ProjectSpec",
    "build_function",
    "delete_project",
    "deploy_function",
    "get_current_project",
    "get_or_create_project",
    "get_project_param",
    "load_project",
    "new_project",
    "pipeline_context",
    "run_function",
    "set_current_project",
    "set_env_from_file",
    "set_environment",
]
