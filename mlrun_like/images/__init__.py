"""Container images: what they hold, how they are built, and a writer that needs no daemon.

Building (top to bottom):
build.py        plans to images        builders.py     the seam; builder_oci.py, builder_tool.py
plan.py         what an image is to hold, read from a function's document
assembling.py   the layers of a plan   base.py, bases.py   what a base image has, and where it is
environment.py  the locked environment as a layer; target.py for which Python and platform
resolver.py     exact versions and files; indexes.py, vendored.py, installed.py, complaints.py
package.py      this package itself as a layer
dockerfile.py   a plan as a Dockerfile; tool.py podman, buildah or docker
layout.py       an image as a folder   sending.py      progress for a person

Images as values:
image.py        config + layers: pull, add layers, change, push, archive
changing.py     changes of a config    documents.py    manifests and indexes, read with limits
reference.py    names of images        platform.py     operating system and processor
layers.py       entries -> a reproducible tar.gz; entries.py, tarring.py, compressing.py
cache.py        blobs by digest in home/images, written atomically; digests.py
opening.py      what a base can be     archive.py      OCI archives written
unarchive.py    archives read; members.py, repacking.py

Registries:
registry.py     blobs, manifests, may I push?; registries.py several of them
session.py      login, redirects, patience; connection.py, answer.py one HTTP request
auth.py         whose login            challenge.py    tokens
transfer.py     all blobs of an image; upload.py, download.py, sources.py one
explaining.py   what a refusal means and what to do
"""

from __future__ import annotations

from mlrun_like.images.reference import ImageName

__all__ = ["ImageName"]
