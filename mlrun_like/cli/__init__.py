"""The command line. A command's module is imported when the command is chosen.

main.py        the table of commands, errors, exit codes
values.py      what users type: k=v pairs, labels, kinds
output.py      tables, fields, JSON
lookup.py      a run by (short) uid, an artifact or function by name
run.py         run
executing.py   the end of a run that a command starts, and what is printed of it
listing.py     get, list
show.py        show
logs.py        logs, abort
serve.py       serve
up.py          up, down
deploy.py      deploy
ps.py          ps; deployed.py: a deployed function by name, its row
invoke.py      invoke
scale.py       scale, rollback, promote, shift, delete
settings.py    config explain, get, set, unset
doctor.py      doctor
gc.py          gc
demo_command.py demo; demo.py and demo_steps.py hold its stages
service_users.py   service user, service token; service_members.py: service member, rotate-key
login.py       login, logout, whoami
version.py     version
older/         MLRun's own commands, behind the switch
"""
