"""What the sweep has found and no device's removal would reach.

Objects of a name that has no row, certificates that a killed CreateCertificate left, and policies of links that are no
more, which AWS IoT has not deleted when it was asked to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.catalog import Catalog
from common.certificates import tolerating
from common.identifiers import checked_thing_name
from common.linking import LinkDevices
from provisioning.removal import Removal


@dataclass(frozen=True)
class Leftover:
    """One thing to remove. `request` is the certificate request that is settled with it (docs/contracts.md).

    `links`: it is the policy of the thing's links.
    """

    thing_name: str
    request: str | None = None
    certificate_id: str | None = None
    links: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Leftover":
        """From `{"thingName", "request"?, "certificateId"?, "links"?}`; raises InvalidInput."""
        return cls(
            checked_thing_name(event["thingName"]),
            event.get("request"),
            event.get("certificateId"),
            event.get("links", False),
        )


def remove_leftover(leftover: Leftover, removal: Removal, catalog: Catalog, links: LinkDevices) -> bool:
    """Remove it; False when it is somebody's after all.

    The certificate is deleted as it is, neither deactivated nor detached: AWS IoT refuses that for one that is ACTIVE,
    has a policy or hangs on a thing (CertificateStateException, DeleteConflictException).
    """
    if leftover.links:
        # It has the policy say what the row says by now; without a link there is no policy.
        return not links.ask("mend", leftover.thing_name)
    if leftover.request is None:
        if catalog.row(leftover.thing_name) is not None:
            return False
        removal.remove_objects(leftover.thing_name)
        return True
    if leftover.certificate_id is not None:
        with tolerating("ResourceNotFoundException"):
            removal.iot.delete_certificate(certificateId=leftover.certificate_id)
    catalog.forget_request(leftover.thing_name, leftover.request)
    return True
