"""What a stand-in is: who may ask, how much at once, and how often."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TOKEN = "clever-district-token"
USER_TOKEN = "clever-user-token"


@dataclass(frozen=True)
class Settings:
    """Fixed while the stand-in runs.

    token: the district's token until it is rotated. user_token: a token of the wrong kind, one person's. window:
    seconds after which the count of requests starts anew; Clever's is 60. counts: whether `count=true` is heeded.
    """

    token: str = DEFAULT_TOKEN
    user_token: str = USER_TOKEN
    client_id: str = "clever-client"
    client_secret: str = "clever-secret"
    requests: int = 1200
    window: float = 60.0
    most: int = 10_000
    usual: int = 100
    counts: bool = True
