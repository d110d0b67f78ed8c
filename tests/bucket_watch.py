"""What lies in buckets while something is done, so that nothing that was there for a moment is
missed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from tests.playground_cloud import Cloud


class Watch:
    """Every content that any bucket has had, as often as it can be looked at."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._over = cloud, Event()
        self.seen: dict[str, set[bytes]] = {}
        self.encryption: dict[str, str | None] = {}

    def run(self) -> None:
        """Look until it is over."""
        s3 = self._cloud.client("s3")
        buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        while not self._over.is_set():
            for bucket in buckets:
                for prefix in ("devices/", "claims/"):
                    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
                    for item in found.get("Contents", []):
                        self._keep(s3, bucket, item["Key"])

    def _keep(self, s3: Any, bucket: str, key: str) -> None:
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
            content = answer["Body"].read()
        except s3.exceptions.NoSuchKey:
            return  # picked up since it was listed
        self.seen.setdefault(key, set()).add(content)
        self.encryption[key] = answer.get("ServerSideEncryption")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block."""
        thread = Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
