"""Disks that can be filled, and disks that can be torn out; root alone can make them, on Linux."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MEGABYTE: Final = 2**20


def cannot_mount() -> str:
    """Why disks cannot be made here; empty where they can."""
    if os.geteuid() != 0:
        return "needs root, to mount a disk"
    if shutil.which("mkfs.ext4") is None:
        return "needs mkfs.ext4"
    if not Path("/dev/loop-control").exists():
        return "needs loop devices"
    return ""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A disk of its own size at `folder`."""
    folder.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "flowledger-faults", str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The disk of `folder`, full to the last byte."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (_MEGABYTE, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\1" * size):
                        pass
            yield
    finally:
        ballast.unlink()


def make_image(image: Path, megabytes: int) -> None:
    """A file that holds an empty file system."""
    with image.open("wb") as file:
        file.truncate(megabytes * _MEGABYTE)
    _run("mkfs.ext4", "-q", str(image))


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[None]:
    """An image's file system at `folder`; it writes of itself as late as it may."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-o", "loop,commit=300", str(image), str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def torn_out(image: Path, copy: Path) -> None:
    """What a power cut at this moment would leave on the disk: not what is written, but what was flushed."""
    _run("cp", "--sparse=always", str(image), str(copy))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
