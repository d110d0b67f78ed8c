"""AWS IoT's logging options."""

from tests.gaps.filled import call, fill, in_scope

ROLE = "arn:aws:iam::111122223333:role/logs"


def test_the_emulator_still_has_none() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert call("iot", "iot", "GetV2LoggingOptions").error == "InvalidRequestException"


def test_a_new_account_has_none_configured() -> None:
    fill("v2_logging")
    assert call("iot", "iot", "GetV2LoggingOptions").error == "NotConfiguredException"


def test_what_is_set_is_kept_over_a_restart() -> None:
    # given
    fill("v2_logging")
    assert (
        call("iot", "iot", "SetV2LoggingOptions", defaultLogLevel="ERROR", roleArn=ROLE).status
        == 200
    )
    from ministack.services import iot

    # when
    kept = iot.get_state()
    assert call("iot", "iot", "SetV2LoggingOptions", disableAllLogs=True).status == 200
    assert call("iot", "iot", "GetV2LoggingOptions").body["disableAllLogs"] is True
    in_scope()
    iot.load_persisted_state(kept)
    # then
    expected = {"defaultLogLevel": "ERROR", "roleArn": ROLE, "disableAllLogs": False}
    assert call("iot", "iot", "GetV2LoggingOptions").body == expected


def test_a_level_that_there_is_not_is_refused() -> None:
    fill("v2_logging")
    assert (
        call("iot", "iot", "SetV2LoggingOptions", defaultLogLevel="LOUD").error
        == "InvalidRequestException"
    )
