"""A real PostgreSQL on this machine: a cluster of its own in a temporary folder, from the binaries that are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg

STARTED_WITHIN = 60.0
FOLDERS = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt")

# Nothing of it must survive the tests.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "5s",
}

_numbers = count()


class UnavailableError(Exception):
    """There is no PostgreSQL to be had here."""


def binary(name: str) -> str:
    """Where a program of the newest PostgreSQL is. Raises UnavailableError."""
    installed = [found for folder in FOLDERS for found in Path(folder).glob(f"*/bin/{name}")]
    if installed:
        return str(max(installed, key=lambda found: float("".join(filter(str.isdigit, found.parts[-3])) or 0)))
    if found := shutil.which(name):
        return found
    raise UnavailableError(f"no program {name}: install PostgreSQL (Debian: apt-get install postgresql)")


class Server:
    """A running cluster, to be reached on 127.0.0.1 only, by anyone on this machine."""

    user = "postgres"

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port

    def url(self, database: str, user: str | None = None) -> str:
        """The `[ledger] url` of a database."""
        return f"postgresql+psycopg://{user or self.user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection past the product, each statement on its own."""
        return psycopg.connect(host="127.0.0.1", port=self.port, user=self.user, dbname=database, autocommit=True)

    def create(self, template: str = "template0", options: str = "") -> str:
        """A new database; returns its name."""
        name = f"ledger_{os.getpid()}_{next(_numbers)}"
        with closing(self.connect()) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        with closing(self.connect()) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def running(settings: Mapping[str, str] = FAST) -> Iterator[Server]:
    """A fresh cluster, gone afterwards. Raises UnavailableError."""
    who = _who()
    initdb, postgres = binary("initdb"), binary("postgres")
    home = Path(tempfile.mkdtemp(prefix="uc-miner-postgres-"))
    try:
        if who:
            os.chown(home, who.pw_uid, who.pw_gid)
        data = home / "data"
        making = [initdb, "--pgdata", data, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync"]
        # A language whose order of words differs from that of bytes: the ledger must not follow it.
        _done([*making, "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"], who, home)
        port = _free_port()
        options = {**settings, "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": home}
        command = [postgres, "-D", data, *(f"--{name}={value}" for name, value in options.items())]
        with (
            (home / "log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log, cwd=home, **_as(who)) as process,
        ):
            try:
                server = Server(home, port)
                _wait(server, process)
                yield server
            finally:
                process.send_signal(subprocess.signal.SIGQUIT)
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _who() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise UnavailableError("no user but root to run PostgreSQL as")


def _as(who: pwd.struct_passwd | None) -> dict[str, object]:
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if who else {}


def _done(command: list[object], who: pwd.struct_passwd | None, home: Path) -> None:
    told = subprocess.run(command, cwd=home, check=False, capture_output=True, text=True, **_as(who))
    if told.returncode:
        raise UnavailableError(f"{command[0]} failed: {told.stderr or told.stdout}")


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"PostgreSQL did not start: {(server.home / 'log').read_text()}") from error
            time.sleep(0.05)
        else:
            return
