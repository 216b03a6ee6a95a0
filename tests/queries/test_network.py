import socket
import threading

import pytest

from miner.errors import SourceError
from queries.preflight.network import reach


@pytest.fixture
def server():
    """A server on a port of its own that says hello and nothing of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve():
            try:
                with listening.accept()[0] as connection:
                    connection.sendall(b"hello\n")
                    connection.recv(1024)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.close()
    thread.join()


def test_it_answers(server):
    """A host that takes a connection answers; without TLS this is told."""
    assert reach(f"http://{server}/sql").finding == f"{server} answers without TLS"


def test_no_tls(server):
    """A host that speaks no TLS where https is asked for is told so, and not as out of reach."""
    with pytest.raises(SourceError, match="answers, but TLS fails") as caught:
        reach(f"https://{server}")
    assert "certificate" in caught.value.mend


def test_nobody_listens():
    """A port that nobody listens on cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match=rf"127\.0\.0\.1:{port} cannot be reached") as caught:
        reach(f"https://127.0.0.1:{port}")
    assert "firewall" in caught.value.mend


def test_an_unknown_name():
    """A name that no server of names knows is told apart from a host that is out of reach; https is port 443."""
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(SourceError, match=r"the name adb-1\.example is not known") as caught:
        reach("https://adb-1.example", resolve=resolve)
    assert asked == [("adb-1.example", 443)]
    assert "DNS" in caught.value.mend
