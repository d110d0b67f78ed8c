"""The job that a release gives its device."""

from typing import TYPE_CHECKING

from common.certificates import tolerating
from common.identifiers import owner_of

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

LONGEST_PREFIX = 19
"""With `-release-` and a UUID that makes 64:
https://docs.aws.amazon.com/iot/latest/apireference/API_CreateJob.html
"""


def job_id_of(prefix: str, execution_arn: str) -> str:
    """The same for every attempt of one release. It begins with the stack's name, as those of the
    command line do.
    """
    return f"{prefix[:LONGEST_PREFIX]}-release-{owner_of(execution_arn)}"


def delete_job(iot: "IoTClient", job_id: str) -> None:
    """With its execution, also one in progress: the device then settles by itself what it had
    begun.
    """
    with tolerating("ResourceNotFoundException"):
        iot.delete_job(jobId=job_id, force=True)
