import errno
import os

import pytest

from miner.errors import SinkError
from sinks import placement
from sinks.placement import placed


def test_a_file_is_there_whole(tmp_path):
    """The file stands in its place, in a folder made for it, with nothing beside it."""
    target = tmp_path / "new" / "file"
    with placed(target) as stream:
        stream.write(b"content")
        assert not target.exists()
    assert target.read_bytes() == b"content"
    assert list(target.parent.iterdir()) == [target]


def test_what_stood_there_stays_until_the_end(tmp_path):
    """A writer that fails leaves the earlier file as it was."""
    target = tmp_path / "file"
    target.write_bytes(b"earlier")

    def write_half():
        with placed(target) as stream:
            stream.write(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_half()
    assert target.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
def test_disk_that_refuses(tmp_path, monkeypatch, code):
    """A full disk or a missing right is named together with what to do, and nothing half is left."""
    target = tmp_path / "file"

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(placement.os, "fsync", refuse)
    with pytest.raises(SinkError, match=os.strerror(code)) as caught, placed(target) as stream:
        stream.write(b"content")
    assert caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_place_that_is_a_folder(tmp_path):
    """A name that is a folder's is refused with its mend."""
    with pytest.raises(SinkError) as caught, placed(tmp_path) as stream:
        stream.write(b"content")
    assert "name a file" in caught.value.mend
