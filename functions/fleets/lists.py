"""What a fleet is made from and who is in it: objects in the config bucket.

The workflows' Distributed Map reads its items from there. The data of a workflow holds 256 KB,
which a few hundred devices fill.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.identifiers import fleet_key
from common.jsontext import read
from fleets.members import Catalog, Member, from_data

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FILE, WANTED, MEMBERS = "file", "wanted", "members"
ARRIVING, LEAVING = "arriving", "leaving"
REPORT = "report"
"""Of the latest run, which the command writes."""

LISTS = (FILE, WANTED, MEMBERS, ARRIVING, LEAVING, REPORT)


@dataclass(frozen=True)
class Lists:
    """The objects of one fleet. Whoever changes them holds the fleet."""

    s3: "S3Client"
    bucket: str
    fleet_name: str

    def members(self) -> list[Member]:
        """All that may be there; none for a fleet that nobody has planned yet."""
        key = fleet_key(self.fleet_name, MEMBERS)
        # Listed first: without the permission to list, S3 answers 403 for what is not there.
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return []
        return list(from_data(self._get(MEMBERS)))

    def accept(self) -> None:
        """The file that was wanted is the fleet's."""
        self.put(FILE, self._get(WANTED))

    def put_members(self, members: Iterable[Member]) -> str:
        """Write down who is in the fleet; gives the key."""
        return self.put(MEMBERS, [one.data for one in members])

    def put_leaving(self, members: Iterable[Member], catalog: Catalog) -> str:
        """Write down who leaves, each with the execution that made it: until the removal takes the
        device, somebody may have made another one of its name. Gives the key.
        """
        return self.put(LEAVING, [{**one.data, "madeBy": catalog.arn(one)} for one in members])

    def put(self, name: str, found: Mapping[str, Any] | Sequence[Any]) -> str:
        """Write an object; gives its key."""
        key = fleet_key(self.fleet_name, name)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(found, separators=(",", ":")).encode(),
            ContentType="application/json",
        )
        return key

    def _get(self, name: str) -> Any:
        key = fleet_key(self.fleet_name, name)
        return read(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def remove(self) -> None:
        """All of them. Repeatable."""
        for name in LISTS:
            self.s3.delete_object(Bucket=self.bucket, Key=fleet_key(self.fleet_name, name))
