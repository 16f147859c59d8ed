"""The `container` kind: a run in a container of its own on this machine, by podman or docker.

runtime   ContainerRuntime: one attempt
tool      podman or docker, and what they say of images and containers
command   the command line of `podman run`
limits    memory, cpus and GPUs as options
user      who the code runs as
mounts    Kubernetes' volumes as mounts
sharing   what a run reads and writes on this machine
pulling   how the tool gets the image
objects   secrets and config maps as files on this machine
memory    whether the kernel killed it for want of memory
keeper    removes the container, whatever happens to this process
start     the first program inside the container
site      this package for images that have not got it
checking  what would make a run fail
explain   why it failed
"""
