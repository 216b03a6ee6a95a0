"""Whether a host can be reached: its name, a connection, and TLS, each told apart."""

import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from miner.checks import Found, passed
from miner.errors import SourceError

SECONDS = 10.0
_PORTS = {"https": 443, "http": 80}
_PROXY = "look at the name, the DNS server and the network this machine is in; behind a proxy set connection_uri"

Connect = Callable[[tuple[str, int], float], socket.socket]
Resolve = Callable[[str, int], object]


def reach(address: str, connect: Connect = socket.create_connection, resolve: Resolve = socket.getaddrinfo) -> Found:
    """Look up the host of an address, connect, and shake hands where it is https. Raises SourceError.

    Nothing is sent but the handshake.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        resolve(host, port)
    except OSError as error:
        raise SourceError(f"the name {host} is not known: {error.strerror or error}", mend=_PROXY) from error
    try:
        with connect((host, port), SECONDS) as plain:
            version = _shaken(plain, host) if parts.scheme == "https" else None
    except ssl.SSLError as error:
        raise SourceError(
            f"{host}:{port} answers, but TLS fails: {error.reason or error}",
            mend="a proxy may break TLS open: let SSL_CERT_FILE and REQUESTS_CA_BUNDLE name its certificate",
        ) from error
    except OSError as error:
        raise SourceError(
            f"{host}:{port} cannot be reached: {error.strerror or error}",
            mend="open the firewall for it, or the private endpoint; workspaces may list the addresses they let in",
        ) from error
    return passed(f"{host}:{port} answers{f' in {version}' if version else ' without TLS'}")


def _shaken(plain: socket.socket, host: str) -> str | None:
    with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as shaken:
        return shaken.version()
