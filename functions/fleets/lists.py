"""What a fleet is made from and who is in it: objects in the config bucket.

The workflows' Distributed Map reads its items from there. The data of a workflow holds 256 KB,
which a few hundred devices fill.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.jsontext import read
from fleets.members import Member, from_data

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FILE, WANTED, MEMBERS = "file", "wanted", "members"
ARRIVING, LEAVING = "arriving", "leaving"
LISTS = (FILE, WANTED, MEMBERS, ARRIVING, LEAVING)


def key_of(fleet_name: str, name: str) -> str:
    """The object's key, such as `fleets/office/arriving.json`."""
    return f"fleets/{fleet_name}/{name}.json"


@dataclass(frozen=True)
class Lists:
    """The objects of one fleet. Whoever changes them holds the fleet."""

    s3: "S3Client"
    bucket: str
    fleet_name: str

    def members(self) -> list[Member]:
        """All that may be there; none for a fleet that nobody has planned yet."""
        key = key_of(self.fleet_name, MEMBERS)
        # Listed first: without the permission to list, S3 answers 403 for what is not there.
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return []
        return list(from_data(self._get(MEMBERS)))

    def accept(self) -> None:
        """The file that was wanted is the fleet's."""
        self.put(FILE, self._get(WANTED))

    def put_members(self, name: str, members: Iterable[Member]) -> str:
        """Write one of the lists of members; gives its key."""
        return self.put(name, [one.data for one in members])

    def put(self, name: str, found: Mapping[str, Any] | Sequence[Any]) -> str:
        """Write an object; gives its key."""
        key = key_of(self.fleet_name, name)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(found, separators=(",", ":")).encode(),
            ContentType="application/json",
        )
        return key

    def _get(self, name: str) -> Any:
        key = key_of(self.fleet_name, name)
        return read(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def remove(self) -> None:
        """All of them. Repeatable."""
        for name in LISTS:
            self.s3.delete_object(Bucket=self.bucket, Key=key_of(self.fleet_name, name))
