"""The stack that the functions believe to be part of: names, and the environment that the template
sets.
"""

import pytest

BUCKET = "playground-config"
TABLE = "playground-catalog"
TURNS = "playground-turns"
FLEETS = "playground-fleets"
HOSTS = "playground-hosts"
SERIALS = "playground-serials"
HOSTS_QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/playground-hosts"
RECORDS = "playground-idempotency"
HISTORY = "playground-history"
OBSERVATIONS = "playground-observations"
FINDINGS = "playground-verdicts"
QUARANTINE_MACHINE = (
    "arn:aws:states:eu-west-1:123456789012:stateMachine:playground-quarantine-device"
)
SECURITY_TOPIC = "arn:aws:sns:eu-west-1:123456789012:playground-security"
REPLIES = "playground-replies"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:playground-provision-device"
LINKS_PREFIX = "playground-links"
TEMPLATE = "playground-claim"
TOPICS = "arn:aws:iot:eu-west-1:123456789012:topic/"
CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/devices"
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:playground-provision-device:one"
OTHER_EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:playground-provision-device:two"
DEPROVISION_MACHINE = (
    "arn:aws:states:eu-west-1:123456789012:stateMachine:playground-deprovision-device"
)
RESTART_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:playground-restart-device"
RESTART = "arn:aws:states:eu-west-1:123456789012:execution:playground-restart-device:one"
OTHER_RESTART = "arn:aws:states:eu-west-1:123456789012:execution:playground-restart-device:two"
REMOVAL = "arn:aws:states:eu-west-1:123456789012:execution:playground-deprovision-device:one"
OTHER_REMOVAL = "arn:aws:states:eu-west-1:123456789012:execution:playground-deprovision-device:two"
AUDIT_TOPIC = "arn:aws:sns:eu-west-1:123456789012:playground-audit"
RESULT_TOPIC = "arn:aws:sns:eu-west-1:123456789012:playground-audit-results"
QUARANTINE = "arn:aws:states:eu-west-1:123456789012:execution:playground-quarantine-device:one"
OTHER_QUARANTINE = (
    "arn:aws:states:eu-west-1:123456789012:execution:playground-quarantine-device:two"
)
RELEASE = "arn:aws:states:eu-west-1:123456789012:execution:playground-release-device:one"
OTHER_RELEASE = "arn:aws:states:eu-west-1:123456789012:execution:playground-release-device:two"

ROLL = "arn:aws:states:eu-west-1:123456789012:execution:playground-roll-devices:one"
OTHER_ROLL = "arn:aws:states:eu-west-1:123456789012:execution:playground-roll-devices:two"
FLEET = "arn:aws:states:eu-west-1:123456789012:execution:playground-provision-fleet:one"
OTHER_FLEET = "arn:aws:states:eu-west-1:123456789012:execution:playground-provision-fleet:two"
FLEET_REMOVAL = "arn:aws:states:eu-west-1:123456789012:execution:playground-remove-fleet:one"
REPOSITORY = "playground-devices"
IMAGE_TAG = "latest"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "playground",
    "POWERTOOLS_SERVICE_NAME": "playground",
    "POWERTOOLS_METRICS_NAMESPACE": "IoTPlayground",
    "CATALOG_TABLE": TABLE,
    "TURNS_TABLE": TURNS,
    "FLEETS_TABLE": FLEETS,
    "HOSTS_TABLE": HOSTS,
    "SERIALS_TABLE": SERIALS,
    "HOSTS_QUEUE_URL": HOSTS_QUEUE,
    "HOST_CAPACITY": "3",
    "DEVICES_PER_SECOND": "8",
    "CONFIG_BUCKET": BUCKET,
    "IDEMPOTENCY_TABLE": RECORDS,
    "COMMAND_REPLIES_TABLE": REPLIES,
    "METRICS_FLOOR": "300",
    "PROVISION_MACHINE": MACHINE,
    "DEPROVISION_MACHINE": DEPROVISION_MACHINE,
    "MACHINES_PREFIX": "arn:aws:states:eu-west-1:123456789012:stateMachine:playground-",
    "CLEAN_UP_FUNCTION": "clean-up",
    "UNDO_RESTART_FUNCTION": "undo-restart",
    "UNDO_QUARANTINE_FUNCTION": "undo-quarantine",
    "TELL_HOSTS_FUNCTION": "tell-hosts",
    "ADMIT_CERTIFICATE_FUNCTION": "admit-certificate",
    "THING_TYPE_PREFIX": "playground-",
    "THING_GROUP": "playground-devices",
    "DEVICE_POLICY": "playground-device",
    "PROVISIONING_TEMPLATE": TEMPLATE,
    "CLAIM_POLICY": "playground-claim",
    "CLUSTER_ARN": CLUSTER,
    "TASK_DEFINITION_ARN": "arn:aws:ecs:eu-west-1:123456789012:task-definition/playground-device:1",
    "CONTAINER_NAME": "virtual-device",
    "SUBNETS": "subnet-a,subnet-b",
    "SECURITY_GROUP": "sg-1",
    "CERTIFICATE_LIFETIME_DAYS": "100",
    "STACK_NAME": "playground",
    "THING_ARN": "arn:aws:iot:eu-west-1:123456789012:thing/",
    "RESTART_MACHINE_ARN": RESTART_MACHINE,
    "QUARANTINE_POLICY": "playground-quarantine",
    "QUARANTINE_GROUP": "playground-quarantine",
    "JOB_PREFIX": "playground",
    "OBSERVATIONS_TABLE": OBSERVATIONS,
    "VERDICTS_TABLE": FINDINGS,
    "SECURITY_TOPIC_ARN": SECURITY_TOPIC,
    "CERTIFICATE_ARN_PREFIX": "arn:aws:iot:eu-west-1:123456789012:cert/",
    "QUARANTINE_MACHINE_ARN": QUARANTINE_MACHINE,
    "QUARANTINE_AUTOMATICALLY": "false",
    "REFUSALS": "3",
    "TAKEOVERS": "3",
    "WINDOW_SECONDS": "60",
    "MESSAGES": "40",
    "MESSAGES_WINDOW_SECONDS": "10",
    "MESSAGE_BYTES": "32768",
    "LINK_FUNCTION": "link-devices",
    "LINKS_POLICY_PREFIX": LINKS_PREFIX,
    "TOPIC_ARN_PREFIX": TOPICS,
    "DEVICE_REPOSITORY": REPOSITORY,
    "DEVICE_IMAGE_TAG": IMAGE_TAG,
    "THING_GROUP_ARN": "arn:aws:iot:eu-west-1:123456789012:thinggroup/playground-devices",
    "AUDIT_TOPIC_ARN": AUDIT_TOPIC,
    "RESULT_TOPIC_ARN": RESULT_TOPIC,
    "HISTORY_TABLE": HISTORY,
    "IOT_LOG_GROUP": "AWSIotLogsV2",
    "LIVE_ROLE_ARN": "arn:aws:iam::123456789012:role/playground-live",
    "LIVE_ENDPOINT": "",
    "IOT_ARN_BASE": "arn:aws:iot:eu-west-1:123456789012:",
}
FOREIGN = (
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
)


def set_environment(patch: pytest.MonkeyPatch) -> None:
    """The template's, with nobody's account."""
    for name in FOREIGN:
        patch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
