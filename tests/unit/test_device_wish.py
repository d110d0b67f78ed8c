"""What a wish may say of a device's time: the pattern is the rule in numbers."""

from datetime import timedelta

import pytest

from common.device_wish import TTL, DeviceWish
from common.errors import InvalidInput
from common.identifiers import IDENTITIES, shared_claim_key

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("unit", "size", "most"), [("m", MINUTE, 525_600), ("h", HOUR, 8_760), ("d", DAY, 365)]
)
def test_a_time_is_from_a_minute_to_a_year(unit: str, size: timedelta, most: int) -> None:
    taken = [number for number in range(1_000_100) if TTL.fullmatch(f"{number}{unit}")]
    assert (taken[0], taken[-1], len(taken)) == (1, most, most)
    assert not any(TTL.fullmatch(f"{zeros}7{unit}") for zeros in ("0", "00", "+", " "))
    assert DeviceWish.of({"ttl": f"{most}{unit}"}).ttl == most * size == timedelta(days=365)
    assert DeviceWish.of({"ttl": f"7{unit}"}).ttl == 7 * size


@pytest.mark.parametrize("field", ["method", "identity"])
@pytest.mark.parametrize("method", IDENTITIES)
def test_a_method_has_two_names(field: str, method: str) -> None:
    assert DeviceWish.of({field: method}).identity == method
    if method == "csr":
        assert DeviceWish.of({field: method, "hosting": "shared"}).identity == method
    else:
        with pytest.raises(InvalidInput, match=f"{field}: must be csr with hosting shared"):
            DeviceWish.of({field: method, "hosting": "shared"})


def test_a_method_is_named_once() -> None:
    assert DeviceWish.of({}).identity == "keys"
    assert DeviceWish.of({"hosting": "shared"}).identity == "csr"
    with pytest.raises(InvalidInput, match="method: is the same field as identity"):
        DeviceWish.of({"method": "csr", "identity": "csr"})
    with pytest.raises(
        InvalidInput, match="method: must be one of keys, csr, claim, claim-csr, trusted-user"
    ):
        DeviceWish.of({"method": "passport"})


@pytest.mark.parametrize("field", ["method", "identity"])
@pytest.mark.parametrize("method", IDENTITIES)
def test_a_batch_is_for_devices_that_join_by_their_name(field: str, method: str) -> None:
    asked = {field: method, "batch": "spring"}
    if method in {"claim", "claim-csr", "trusted-user", "jitr"}:
        assert DeviceWish.of(asked).batch == "spring"
        assert DeviceWish.of({field: method}).batch is None
    else:
        rule = "batch: is for the methods claim, claim-csr, trusted-user and jitr"
        with pytest.raises(InvalidInput, match=rule):
            DeviceWish.of(asked)


@pytest.mark.parametrize("asked", [{}, {"hosting": "shared"}])
def test_a_batch_is_for_no_device_that_names_no_method(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="batch: is for the methods"):
        DeviceWish.of({**asked, "batch": "spring"})


@pytest.mark.parametrize("batch", ["", "a b", "a/b", "a.b", "a:b", "x" * 41, None, 7, ["spring"]])
def test_a_batch_has_a_short_name(batch: object) -> None:
    with pytest.raises(InvalidInput, match=r"batch: must match \[a-zA-Z0-9_-\]\{1,40\}, got"):
        DeviceWish.of({"method": "claim", "batch": batch})
    assert DeviceWish.of({"method": "claim", "batch": "x" * 40}).batch == "x" * 40


def test_no_batch_has_the_claim_of_those_without_one() -> None:
    assert shared_claim_key() == "claims/claim.json"
    for batch in ("claim", "batches", "x"):
        assert shared_claim_key(batch) == f"claims/batches/{batch}.json"


def test_a_device_of_which_nothing_is_said_stays() -> None:
    assert DeviceWish.of({}).ttl is None
