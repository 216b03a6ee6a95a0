"""Telling systemd how the daemon is (`Type=notify`): a datagram to the socket it names, nothing elsewhere.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_PATIENCE = 1.0
"""Seconds after which a manager that does not read its socket is left alone."""


class Notify:
    """The service manager's socket, if there is one. A manager that does not listen is no fault of the daemon's."""

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        place = env.get("NOTIFY_SOCKET", "")
        self._address = f"\0{place[1:]}" if place.startswith("@") else place
        self._watched = "WATCHDOG_USEC" in env

    def ready(self, status: str) -> None:
        """Up, or done with reading settings anew."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Reading settings anew."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def alive(self) -> None:
        """Still turning, for `WatchdogSec=`."""
        if self._watched:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Ending on request."""
        self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.settimeout(_PATIENCE)
            manager.sendto("\n".join(lines).encode(), self._address)
