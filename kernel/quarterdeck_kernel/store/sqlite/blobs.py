"""Content that is kept once for a tenant, under a name that commits to it."""

import hashlib
import os

from quarterdeck_kernel.errors import LimitExceededError
from quarterdeck_kernel.events.record import SALT_BYTES, commitment_of
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.verification import blob_digest
from quarterdeck_kernel.store.sqlite.writer import Writer
from quarterdeck_kernel.vocabulary.limits import PAYLOAD_BYTES


class Blobs:
    """Puts blobs, and finds them again."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        """Write as everything that is written is."""
        self._writer = writer
        self._reader = reader

    async def put(self, tenant: str, content: bytes) -> str:
        """Store content durably and return its reference."""
        if len(content) > PAYLOAD_BYTES:
            raise LimitExceededError(
                f"a blob of {len(content):,} bytes; the limit is {PAYLOAD_BYTES:,}: split it"
            )
        # Who keeps content is about to change something, be it there already or not.
        self._writer.check()
        sha256 = hashlib.sha256(content).hexdigest()
        digest = blob_digest(tenant, sha256)
        while True:
            found = await self.find(tenant, sha256)
            if found is not None:
                return found
            salt = os.urandom(SALT_BYTES)
            ref = commitment_of(salt, content).hex()
            await self._writer.execute(
                "put_blob", ref=ref, tenant=tenant, digest=digest, salt=salt, content=content
            )

    async def find(self, tenant: str, sha256: str) -> str | None:
        """Return the reference of a tenant's content, by the hash of it."""
        digest = blob_digest(tenant, sha256)
        rows = await self._reader.fetch("blob_by_digest", tenant=tenant, digest=digest)
        return str(rows[0][0]) if rows else None
