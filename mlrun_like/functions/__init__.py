"""What users hold: functions, declared, read, run and written.

decorators.py   @function and what it refuses
function.py     Function (light; loads nothing heavy)
pod_editing.py  what a user can ask of a function's pod; modifiers.py: mounts for fn.apply
manifesting.py  fn.to_manifest; manifests.py makes them
pickling.py     by name or by value to another process
creators.py     code_to_function, new_function, import_function, function_to_module
documents.py    capture, export, save
starting.py     the arguments of fn.run
running.py      fn.run: all checks, then the runtime
strangers.py    what is refused to people who have no rights on this machine
tasks.py        new_task
tracing.py      the hook of pipelines; older_steps.py: fn.as_step of MLRun's older workflow files
"""
