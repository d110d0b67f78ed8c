"""Objects whose keys differ in case alone are two objects.

AWS: a key is a sequence of bytes; `Pump` and `pump` are two keys, and so are two forms of one
letter with its accent.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

Emulator: keeps an object in a file of the key's own path, and a file system that folds case, as
those of macOS and Windows do, has one file for both.
"""

import hashlib
import os
import re
from pathlib import Path

from ministack.services import s3

# No other key of this kind is the same when case is folded. All others get an encoded name.
PLAIN = re.compile(r"[a-z0-9_./-]+")
MOST_BYTES = 200


def fill() -> None:
    """Encode what would not be told apart; what an older version has kept under its plain path
    stays there.
    """
    name_of, place_of, other_of = s3._encoded_key_name, s3._key_disk_path, s3._other_key_disk_path

    def place(base: str, key: str) -> str | None:
        plain: str | None = place_of(base, key)
        if (
            plain is None
            or PLAIN.fullmatch(key)
            or _is_there(plain)
            or _is_there(f"{plain}.meta.json")
        ):
            return plain
        return str(Path(base).resolve() / s3._ENCODED_KEYS_DIR / encoded(key))

    def other(base: str, key: str, path: str) -> str | None:
        found: str | None = other_of(base, key, path)
        return found if found is None or PLAIN.fullmatch(key) or _is_there(found) else None

    def name(key: str) -> str:
        return str(name_of(key)) if PLAIN.fullmatch(key) else encoded(key)

    s3._key_disk_path, s3._other_key_disk_path, s3._encoded_key_name = place, other, name


def encoded(key: str) -> str:
    """A file's name for the key, in which no letter's case counts: capitals are there in
    hexadecimal figures alone.
    """
    found = "".join(
        chr(byte) if re.fullmatch(r"[a-z0-9_-]", chr(byte)) else f"%{byte:02x}"
        for byte in key.encode()
    )
    return (
        found if len(found) <= MOST_BYTES else f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"
    )


def _is_there(path: str) -> bool:
    """Whether there is a file of exactly this name, in folders of exactly these names."""
    at, root = Path(path), Path(s3.DATA_DIR).resolve()
    if not at.exists():
        return False
    # A file system that folds case says that `pump` exists when `Pump` does: the folder knows.
    return all(
        one.name in os.listdir(one.parent)  # noqa: PTH208 - names alone, for a folder of a thousand
        for one in (at, *at.parents)
        if root in one.parents
    )
