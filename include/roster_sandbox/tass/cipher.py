"""Tokens as the server sees them: decrypted, and refused where they are not its key's."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB


class Unreadable(Exception):
    """The token is not of this key, or holds no parameters."""


def decrypted(token: str, key: str) -> dict[str, Any]:
    """The parameters in a token. Raises Unreadable."""
    try:
        secret = base64.b64decode(token, validate=True)
        decryptor = Cipher(AES(base64.b64decode(key)), ECB()).decryptor()  # noqa: S305 - as TASS has it
        padded = decryptor.update(secret) + decryptor.finalize()
        count = padded[-1]
        if not 1 <= count <= 16 or padded[-count:] != bytes([count]) * count:
            raise Unreadable
        parameters = json.loads(padded[:-count])
    except (ValueError, IndexError) as fault:  # a UnicodeDecodeError and a JSONDecodeError are such
        raise Unreadable from fault
    if not isinstance(parameters, dict):
        raise Unreadable
    return parameters
