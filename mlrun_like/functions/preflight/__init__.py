"""What makes a run or build fail, found before anything is started.

check         all checks of a function, or of one run of it
code          shipped files: syntax, imports that nothing brings, secrets and variables asked for
needs         requirements: contradictions, versions that are not installed
surroundings  resources, inputs, artifact path
"""
