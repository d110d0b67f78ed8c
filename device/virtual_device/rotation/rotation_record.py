"""The state directory, as a rotation uses it: how far it has come, and which identity is in
force.
"""

from dataclasses import replace

from virtual_device.base.errors import ConfigInvalidError, StateCorruptError
from virtual_device.core.capability import Surroundings
from virtual_device.rotation.rotation import Rotation
from virtual_device.state.config import Identity
from virtual_device.state.store import Enrolment


def load(device: Surroundings) -> Rotation | None:
    """What is kept of a rotation, None when none is under way; a damaged file is none.

    Raises `StateUnusableError` when it can't be read: nobody would settle which of both
    certificates goes.
    """
    try:
        return Rotation.load(device.store, device.thing.name)
    except StateCorruptError as error:
        device.tell("rotation not read, and forgotten", reason=str(error))
        return None


def in_force(device: Surroundings) -> Identity:
    """The identity that the device would start with. Raises `DeviceError`."""
    return _enrolment(device).identity


def put_in_force(device: Surroundings, identity: Identity) -> None:
    """Start with that from now on, in one step. Raises `DeviceError`; then nothing has changed."""
    enrolment = _enrolment(device)
    if enrolment.identity.certificate_id != identity.certificate_id:
        device.store.save(replace(enrolment, identity=identity))


def _enrolment(device: Surroundings) -> Enrolment:
    enrolment = device.store.load(device.thing.name)
    if enrolment is None:
        raise ConfigInvalidError("the state directory holds no identity")
    return enrolment
