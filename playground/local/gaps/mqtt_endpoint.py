"""DescribeEndpoint: the host that devices connect to.

AWS: of the type `iot:Data-ATS` it is where MQTT is, on port 8883 unless one says otherwise.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_DescribeEndpoint.html and
https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html

Emulator: gives `<id>-ats.iot.<region>.localhost:4566`, a name that not every resolver knows with
the port of HTTP; MQTT listens on another one.
"""

import json
import os
from typing import Any

from ministack.core.responses import json_response
from ministack.services import iot

AWSS_PORT = "8883"


def fill() -> None:
    """Give this machine's name, which the server's certificate is for; with the port where it is
    not AWS's.
    """
    describe = iot._describe_endpoint

    def described(query: dict[str, Any]) -> Any:
        status, headers, body = describe(query)
        if status != 200 or query.get("endpointType", "iot:Data-ATS") != "iot:Data-ATS":
            return status, headers, body
        port = os.environ.get("IOT_MTLS_PORT", AWSS_PORT)
        told = {
            **json.loads(body),
            "endpointAddress": "localhost" if port == AWSS_PORT else f"localhost:{port}",
        }
        return json_response(told)

    iot._describe_endpoint = described
