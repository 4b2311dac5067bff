"""What annotations call a tensor: its shape, dtype and range are described in words."""

from typing import Any

Tensor = Any
