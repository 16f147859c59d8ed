"""What makes a run or build fail, found before anything is started.

check         all checks of a function, or of one run of it
code          shipped files: syntax, imports that nothing brings, secrets and variables asked for
files         the shipped files, parsed, and which of their lines certainly run
reach         functions of a file that a handler leads to
modules       imports between them: circles, names that are not there, files that hide a package
installed     what an installed package has, read from its files
names         names that nothing defines
handlers      methods as handlers: their class, and what it is made with
keys          keys of the document that are misspelt
needs         requirements: contradictions, versions that are not installed
images        where an image will go
surroundings  resources, inputs, artifact path
"""
