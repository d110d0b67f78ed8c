"""A device that makes its own key: what it keeps, what it puts, what it takes, and how it goes on after a cut."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.device.pki import Authority
from virtual_device.certify import NotCertifiedError, World, certify
from virtual_device.config import Config
from virtual_device.errors import ConfigInvalidError, UrlRefusedError, UrlUnreachableError
from virtual_device.store import Store
from virtual_device.upload import upload
