"""The table of what jobs can make a device do: a new operation is a module of its own and a line
here.
"""

from collections.abc import Mapping

from virtual_device.jobs import change_unit, rotate_cert, update_firmware
from virtual_device.jobs.operation import Kind

TABLE: tuple[Kind, ...] = (change_unit.KIND, rotate_cert.KIND, update_firmware.KIND)
ROWS: Mapping[str, Kind] = {row.name: row for row in TABLE}
