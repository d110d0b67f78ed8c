"""The change to a new certificate in the state directory: how far it has come, and which identity is in force."""

from dataclasses import replace

from virtual_device.capability import Surroundings
from virtual_device.config import Identity
from virtual_device.errors import ConfigInvalidError, DeviceError
from virtual_device.rotation import Rotation
from virtual_device.store import Enrolment


class RotationRecord:
    """One device's. `rotation` is None when no change is under way."""

    __slots__ = ("_device", "rotation")

    def __init__(self, device: Surroundings) -> None:
        self._device = device
        self.rotation: Rotation | None = None
        try:
            self.rotation = Rotation.load(device.store, device.thing.name)
        except DeviceError as error:
            device.tell("rotation not read, and forgotten", reason=str(error))

    def keep(self, rotation: Rotation) -> None:
        """This is how far it has come. Raises `DeviceError` when that can't be kept over a restart."""
        self.rotation = rotation
        rotation.save(self._device.store, self._device.thing.name)

    def forget(self) -> None:
        """It is over."""
        self.rotation = None
        try:
            Rotation.forget(self._device.store, self._device.thing.name)
        except DeviceError as error:
            self._device.tell("rotation not forgotten", reason=str(error))

    @property
    def in_force(self) -> Identity:
        """The identity that the device would start with. Raises `DeviceError`."""
        return self._enrolment().identity

    @property
    def is_new_in_force(self) -> bool:
        """Whether that is the new one. Raises `DeviceError`."""
        new = self.rotation.new if self.rotation is not None else None
        return new is not None and new.certificate_id == self.in_force.certificate_id

    def put_in_force(self, identity: Identity) -> None:
        """Start with that from now on, in one step. Raises `DeviceError`; then what was in force is."""
        enrolment = self._enrolment()
        if enrolment.identity.certificate_id != identity.certificate_id:
            self._device.store.save(replace(enrolment, identity=identity))

    def _enrolment(self) -> Enrolment:
        enrolment = self._device.store.load(self._device.thing.name)
        if enrolment is None:
            raise ConfigInvalidError("the state directory holds no identity")
        return enrolment
