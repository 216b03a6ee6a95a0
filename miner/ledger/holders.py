"""Who holds a lease: a process, named for people, and told apart from every other process of its machine."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_START = 19
"""Place of a process's start time in /proc/PID/stat, counted after the name in brackets (proc(5), field 22)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process. `place` is empty where the machine cannot tell its processes apart for good."""

    name: str
    place: str

    @property
    def gone(self) -> bool:
        """Whether the process is known to have ended: same machine, same boot, and nobody under its number."""
        machine, _, number = self.place.rpartition("/")
        if not machine or machine != _machine():
            return False
        pid, _, start = number.partition("@")
        return _started(pid) != start


def this_process() -> Holder:
    """The process that asks."""
    machine, pid = _machine(), str(os.getpid())
    start = _started(pid)
    return Holder(f"{socket.gethostname()}:{pid}", f"{machine}/{pid}@{start}" if machine and start else "")


@cache
def _machine() -> str:
    """This boot of this machine and its namespace of process numbers; empty where Linux does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: str) -> str:
    """When a process started, in ticks since boot; empty when there is none."""
    try:
        return (_PROC / pid / "stat").read_text().rpartition(")")[2].split()[_START]
    except (OSError, IndexError):
        return ""
