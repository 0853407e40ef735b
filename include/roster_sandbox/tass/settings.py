"""What a stand-in is: its apps, their keys, and what they may be asked for."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_KEYS = {
    "lms": "x8FWQUedjyiUGlTf5appPQ==",
    "idm": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "student_details": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "employee_hr": "8PHy8/T19vf4+fr7/P3+/w==",
}
"""Keys of 16, 24, 32 and 16 bytes. The first is the one of the vendor's own demonstration."""
CODES = {"lms": "API03", "idm": "API23", "student_details": "DEMOSD", "employee_hr": "DEMOEH"}


@dataclass(frozen=True)
class App:
    """An app of the API Gateway: its product, version, key, and the companies it is configured for (none: all)."""

    product: str
    key: str
    version: str = "3"
    companies: tuple[str, ...] = ()


def keys_of(secret: str) -> dict[str, str]:
    """Keys of the same lengths, made from a secret."""
    drawn = {product: hashlib.sha256(f"{product} {secret}".encode()).digest() for product in DEFAULT_KEYS}
    lengths = {product: len(base64.b64decode(key)) for product, key in DEFAULT_KEYS.items()}
    return {product: base64.b64encode(key[: lengths[product]]).decode() for product, key in drawn.items()}


def apps(version: str = "3", keys: Mapping[str, str] = DEFAULT_KEYS) -> dict[str, App]:
    """An app of each product by its code, all of one version."""
    return {CODES[product]: App(product, key, version) for product, key in keys.items()}


@dataclass(frozen=True)
class Settings:
    """Fixed while the stand-in runs. invalid_status: HTTP status of an answer that finds fault with the parameters;
    content_type: what data are called, for ColdFusion may call JSON a page.
    """

    apps: Mapping[str, App] = field(default_factory=apps)
    invalid_status: int = 200
    content_type: str = "application/json; charset=utf-8"
