"""The token that a request to TASS carries: its parameters, encrypted with the app's key as the vendor documents it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from roster.errors import TenantFileWrong

BLOCK = 128  # bits, whatever the key
KEYS = (16, 24, 32)  # bytes: AES-128, AES-192, AES-256


def token(parameters: Mapping[str, str], key: bytes) -> str:
    """The parameters as JSON, padded by bytes (a letter may be several), through AES in ECB mode, as Base64.

    ECB has no nonce: equal parameters make equal tokens, so a token is as secret as what it opens.
    """
    padder = PKCS7(BLOCK).padder()
    plain = json.dumps(dict(parameters), ensure_ascii=False, separators=(",", ":")).encode()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the vendor's choice, not ours
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def token_key(text: str, where: str) -> bytes:
    """The key as TASS's API Gateway Maintenance shows it (Base64). where: names the field in messages.

    Raises TenantFileWrong, which repeats nothing of it.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        message = f"{where} is no Base64: copy the token key anew from TASS's API Gateway Maintenance"
        raise TenantFileWrong(message) from None
    if len(key) not in KEYS:
        message = (
            f"{where} is {len(key)} bytes long, and must be 16, 24 or 32 (AES-128, -192, -256): copy it anew, whole, "
            "from TASS's API Gateway Maintenance"
        )
        raise TenantFileWrong(message)
    return key
