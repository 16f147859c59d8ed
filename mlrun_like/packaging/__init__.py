"""From a function, file or notebook to code that travels, and back.

cells.py           one notebook cell: where statements start, which lines are magics
magics.py          `%nuclio` magics that configure the function
settings.py        the text of magics: flags, variables, settings
notebook_file.py   the notebook file format
notebook.py        a whole notebook to source and configuration
scopes.py          which names a statement binds and which it needs
statements.py      the top-level statements of a module
slicing.py         the statements of a module that a handler needs
local_modules.py   modules next to the handler that must travel with it
session.py         the source of an interactive session (notebook, doctest, REPL)
running.py         a running notebook whose file is not known, as a function's code
source.py          capture of a callable or a file
unpack.py          captured code as files in a private folder
old_names.py  code that imports mlrun or storey finds them here
reloading.py       modules of a handler, read anew
loader.py          captured code to a module and its handler
docstrings.py      what a docstring says about arguments and results
describe.py        entry points, read without running anything
requirements.py    requirement lines and files
environment.py     Python, platform and installed versions
document.py        function documents as YAML and JSON
reach.py           a digest of all code that a handler can reach: walking.py follows names from
                   statement to statement, origins.py finds modules, living.py knows the running
                   program, edited.py files that changed since, homes.py where an object comes from,
                   normal.py leaves out what has no effect, plain.py stands for values
"""
