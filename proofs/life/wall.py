"""A switch that a device is linked with."""

import json
from contextlib import suppress
from dataclasses import dataclass

from tests.playground_cloud import Cloud


@dataclass(frozen=True)
class Wall:
    """As much of a switch as a link needs: a row, and a certificate."""

    cloud: Cloud
    name: str

    def hang(self) -> None:
        """It is there."""
        arn = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)[
            "certificateArn"
        ]
        row = {
            "thing_name": self.name,
            "device_type": "switch",
            "status": "ONLINE",
            "certificate_arn": arn,
        }
        row |= {
            "execution_arn": "nobody's",
            "created_at": "2026-01-02",
            "updated_at": "2026-01-02T03:04:05.678Z",
        }
        self.cloud.client("dynamodb").put_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Item={k: {"S": v} for k, v in row.items()},
        )

    def spoil(self) -> None:
        """Somebody changes the policy of its links until it has as many versions as it may have."""
        for _ in range(4):
            self.cloud.client("iot").create_policy_version(
                policyName=f"{self.cloud.home.stack_name}-links-{self.name}",
                policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
                setAsDefault=True,
            )

    def remove(self) -> None:
        """It is there no more; its links went with the other device."""
        row = self.cloud.row(self.name)
        if not row:
            return
        iot = self.cloud.client("iot")
        iot.delete_certificate(certificateId=row["certificate_arn"].rpartition("/")[2])
        with suppress(self.cloud.client("iot-data").exceptions.ResourceNotFoundException):
            self.cloud.client("iot-data").delete_thing_shadow(thingName=self.name)
        self.cloud.client("dynamodb").delete_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": self.name}},
        )
