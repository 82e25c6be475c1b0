"""The stored form of an event: bytes and the columns a store finds them by.

A store moves records and knows nothing of what they say. What is hashed are the bytes of
`header`, `salt` and `payload` exactly as they stand here; the other fields repeat parts of the
header for searching, and `verify` holds them against it.
"""

import hashlib
import json
from typing import NamedTuple

from quarterdeck_kernel import canonical

SALT_BYTES = 16
BLOB_KEY = "$blob"
"""The one key of a payload that is kept as a blob; no field can be named so."""

_BLOB_PREFIX = '{"$blob":"'


class Record(NamedTuple):
    """One event as it is stored. `commitment` stands in for an erased salt and payload."""

    run_id: str
    seq: int
    kind: str
    at_us: int
    header: str
    salt: bytes | None
    payload: str | None
    commitment: bytes | None
    hash: bytes


def blob_text(ref: str, size: int) -> str:
    """Return the payload text of an event whose content is kept as a blob."""
    return canonical.encode({BLOB_KEY: ref, "size": size})


def blob_ref(payload: str | None) -> str | None:
    """Return the blob that a stored payload names, if it names one."""
    if payload is not None and payload.startswith(_BLOB_PREFIX):
        return str(json.loads(payload)[BLOB_KEY])
    return None


def commitment_of(salt: bytes, content: bytes) -> bytes:
    """Return the salted hash that stands for content which may be erased."""
    return hashlib.sha256(salt + content).digest()


def hash_of(header: str | bytes, commitment: bytes) -> bytes:
    """Return the hash of an event."""
    text = header.encode() if isinstance(header, str) else header
    return hashlib.sha256(text + commitment).digest()


def recomputed_hash(record: Record) -> bytes | None:
    """Return the hash that follows from the stored bytes, erased ones by their commitment.

    None: salt and payload are neither whole nor gone together, which no writer leaves behind.
    """
    match record.salt, record.payload, record.commitment:
        case bytes() as salt, str() as payload, None if len(salt) == SALT_BYTES:
            return hash_of(record.header, commitment_of(salt, payload.encode()))
        case None, None, bytes() as commitment:
            return hash_of(record.header, commitment)
        case _:
            return None
