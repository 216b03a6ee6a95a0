"""How a body is written, and recognised again."""

import hashlib

import orjson

PROCESS = "process"
COLUMNS = "columns"
"""Processes that carry what is too long of another one's column mapping."""
RUNNABLE = "runnable"
CONSUMER = "consumer"
SUMMARY = "summary"
PARENT = "parent"
PLACEHOLDER = "placeholder"
ASSET = "asset"
"""Of Microsoft's own types of datasets, made where no scan had brought one in."""
USAGE = "usage"
COLUMN_USAGE = "column_usage"

PAYLOAD_VERSION = 2
"""Raised when the form of the bodies changes, so that everything is sent once more."""


_SALT = PAYLOAD_VERSION.to_bytes(hashlib.blake2b.SALT_SIZE, "big")


def written(value: object) -> bytes:
    """Compact JSON in UTF-8, keys in the order given."""
    return orjson.dumps(value)


def digest(body: bytes) -> str:
    """32 hex digits over a body and the payload version."""
    return hashlib.blake2b(body, digest_size=16, salt=_SALT).hexdigest()
