"""Gathers the facts of an audit, page by page; changes nothing.

One call after the other: AWS IoT describes ten certificates a second and account
(https://docs.aws.amazon.com/general/latest/gr/iot-core.html), and this keeps about that pace.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from auditing.facts import Certificate, Facts, Logging, Policy
from common.clients import error_code
from common.items import scan
from common.jsontext import read
from common.row import Row, is_free

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient

# Four calls each, some 120 ms: two of the five minutes that the function has.
MOST_DEVICES = 1000
# A removal deletes the certificate. One that is there all the same is looked for while the row is
# younger than this.
GONE_SINCE = timedelta(days=7)


@dataclass(frozen=True)
class Gatherer:
    """Looks at the stack's things, their certificates, the policies on them, the catalog and the
    account's logging.
    """

    iot: "IoTClient"
    table: "Table"
    thing_group_arn: str
    device_policy: str

    def look(self, at: datetime) -> Facts:
        """One look. `at` is now."""
        rows = {row["thing_name"]: row for row in scan(self.table)}
        things = list(self._things())
        looked_at = things[:MOST_DEVICES]
        named = (arn.rpartition("/")[2] for name in looked_at for arn in self._principals(name))
        ids = dict.fromkeys([*named, *_named_by(rows.values(), at)])
        certificates = tuple(found for found in map(self._certificate, ids) if found)
        return Facts(
            at,
            certificates,
            tuple(self._policies(certificates)),
            rows,
            self._logging(),
            left_out=len(things) - len(looked_at),
        )

    def _things(self) -> Iterator[str]:
        group = self.thing_group_arn.rpartition("/")[2]
        pages = self.iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=group)
        return (name for page in pages for name in page["things"])

    def _principals(self, thing_name: str) -> list[str]:
        """ARNs of the thing's certificates; none of a thing that is gone by now."""
        try:
            pages = self.iot.get_paginator("list_thing_principals").paginate(thingName=thing_name)
            return [arn for page in pages for arn in page["principals"] if ":cert/" in arn]
        except self.iot.exceptions.ResourceNotFoundException:
            return []

    def _certificate(self, certificate_id: str) -> Certificate | None:
        try:
            told = self.iot.describe_certificate(certificateId=certificate_id)[
                "certificateDescription"
            ]
            arn = told["certificateArn"]
            things = self.iot.get_paginator("list_principal_things").paginate(principal=arn)
            return Certificate(
                certificate_id,
                told["status"],
                told["certificatePem"],
                told["creationDate"],
                tuple(sorted(name for page in things for name in page["things"])),
                tuple(sorted(self._attached(arn))),
            )
        except self.iot.exceptions.ResourceNotFoundException:
            return None  # Deleted: by a removal long ago, or just now.

    def _attached(self, target: str) -> list[str]:
        pages = self.iot.get_paginator("list_attached_policies").paginate(target=target)
        return [policy["policyName"] for page in pages for policy in page["policies"]]

    def _policies(self, certificates: Iterable[Certificate]) -> Iterator[Policy]:
        """The device policy, and all that is attached to a certificate in use or to the stack's
        thing group.
        """
        names = {self.device_policy, *self._attached(self.thing_group_arn)}
        names |= {
            name
            for certificate in certificates
            if certificate.in_use
            for name in certificate.policies
        }
        for name in sorted(names):
            try:
                told = self.iot.get_policy(policyName=name)
            except self.iot.exceptions.ResourceNotFoundException:
                continue
            yield Policy(name, told["defaultVersionId"], read(told["policyDocument"]))

    def _logging(self) -> Logging:
        """https://docs.aws.amazon.com/iot/latest/apireference/API_GetV2LoggingOptions.html."""
        try:
            told = self.iot.get_v2_logging_options()
        except ClientError as error:
            if error_code(error) != "NotConfiguredException":
                raise
            return Logging()
        off = told.get("disableAllLogs", False)
        return Logging("DISABLED" if off else told.get("defaultLogLevel", "DISABLED"))


def _named_by(rows: Iterable[Row], at: datetime) -> Iterator[str]:
    """Certificates that rows name and that may hang on no thing."""
    recent = (
        row
        for row in rows
        if not is_free(row) or datetime.fromisoformat(row["updated_at"]) > at - GONE_SINCE
    )
    for row in islice(recent, MOST_DEVICES):
        arns = (row.get(name, "") for name in ("next_certificate_arn", "retired_certificate_arn"))
        yield from filter(
            None, [row.get("certificate_id", ""), *(arn.rpartition("/")[2] for arn in arns)]
        )
