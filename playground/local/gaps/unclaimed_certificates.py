"""The end of a certificate that a device has got over MQTT and not used within an hour.

AWS deletes it: "If the certificate [...] hasn't been activated and attached to a policy or a thing
by the time the token expires, the certificate is deleted."

Source: https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html

Emulator: forgets the token alone, and the certificate stays for ever.
"""

import time
from typing import Any

from ministack.services import iot

Answer = tuple[int, dict[str, str], bytes]


def fill() -> None:
    """Have the certificate go with its token, at the latest when somebody looks."""
    drop, listed = iot._drop_expired, iot._list_certificates

    def dropped(store: Any) -> None:
        if store is iot._ownership_tokens:
            now = time.time()
            for (account, region, _), token in list(store._data.items()):
                if token["expiration"] <= now:
                    _delete((account, region, token["certificateId"]))
        drop(store)

    def looked_at(query: dict[str, Any]) -> Answer:
        dropped(iot._ownership_tokens)
        answer: Answer = listed(query)
        return answer

    iot._drop_expired, iot._list_certificates = dropped, looked_at


def _delete(key: tuple[str, str, str]) -> None:
    found = iot._certificates._data.get(key)
    if found is None or found["status"] != "PENDING_ACTIVATION":
        return
    if not found["attachedThings"] and not found["attachedPolicies"]:
        del iot._certificates._data[key]
