"""
Untold: what was found with a mirror, as bytes beside it, until it is surely on the queue.

The mirror and what it was found with are written together, and only then told. Whoever opens the mailbox after a crash
tells it again, as it was found then, and compares from there: so what happened in between hides behind no repetition.
"""

import json
import zlib

from shared.domain.changes import ChangeBatch

#: What one property of a row holds: some 18,000 changes of a mailbox.
# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
ROOM = 64 * 1024
# Ids and names repeat from change to change; a higher level saves a twentieth and takes three times as long.
_LEVEL = 1


def pack_untold(batch: ChangeBatch) -> bytes | None:
    """Returns *batch* as bytes, or None where they take more than ROOM."""
    # Folders may have names that no UTF-8 can say, so all stays ASCII.
    text = json.dumps(batch.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"))
    packed = zlib.compress(text.encode(), _LEVEL)
    return packed if len(packed) <= ROOM else None


def unpack_untold(packed: bytes) -> ChangeBatch:
    """Returns the batch that was packed."""
    return ChangeBatch.model_validate(json.loads(zlib.decompress(packed)))
