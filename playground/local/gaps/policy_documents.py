"""The policies of many connected devices are read once each, not with every message.

AWS keeps the policies of a connection at hand, and takes some minutes to see that one has changed.
Source: https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html (caching)
Emulator: it remembers 1,024 documents with a client's variables in them. A thousand devices of two
policies each have more than that, and then every message has its sender's documents parsed anew.

A change still acts at once: what is remembered is what a text means, and a new version is another
text.
"""

from functools import lru_cache

from ministack.services import iot

DOCUMENTS = 16_384


def fill() -> None:
    """Remember more of them."""
    iot._parsed_iot_policy = lru_cache(DOCUMENTS)(iot._parsed_iot_policy.__wrapped__)
