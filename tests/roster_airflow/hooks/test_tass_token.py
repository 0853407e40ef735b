"""Tokens as the vendor documents them, and keys that are none."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.errors import TenantFileWrong
from roster_airflow.hooks.tass_token import token, token_key
from roster_sandbox.tass.cipher import Unreadable, decrypted

VENDOR = "+TG1ZTqy0hTu5h0KMhCP0A=="


def test_the_vendors_own_example() -> None:
    key = token_key(VENDOR, "the password")
    assert token({"include_label": "true"}, key) == "96yfUt3jgAIYx0o7i3tjprnBpotNO3Md/yv+eToJ8qo="


@pytest.mark.parametrize(
    ("size", "expected"),
    [  # openssl enc -aes-<bits>-ecb -a -K 000102…, of {"include_label":"true"}
        (16, "vhx4+9tvqv7VoI1xR8b2N7w+xatm3XlDFrv9U6o1KwE="),
        (24, "UfpbTkZj6cRKGoxfGWzyyNroJNpKCSHvTwJykhnV4DA="),
        (32, "LBQkj0DKHackE2KoyM7QMoXddszRkP4gKTwfo8eUTEc="),
    ],
)
def test_the_length_of_the_key_chooses_the_cipher(size: int, expected: str) -> None:
    key = token_key(base64.b64encode(bytes(range(size))).decode(), "the password")
    assert token({"include_label": "true"}, key) == expected


@given(
    parameters=st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=4),
    size=st.sampled_from([16, 24, 32]),
)
def test_a_server_reads_what_was_meant_whatever_the_letters(parameters: dict[str, str], size: int) -> None:
    """Padding by letters instead of bytes breaks at the first é."""
    key = bytes(range(size))
    sent = token(parameters, key)
    assert len(base64.b64decode(sent)) % 16 == 0
    assert decrypted(sent, base64.b64encode(key).decode()) == parameters


def test_a_server_with_another_key_reads_nothing() -> None:
    sent = token({"code": "all"}, bytes(16))
    for other in (bytes(range(16)), bytes(24)):
        with pytest.raises(Unreadable):
            decrypted(sent, base64.b64encode(other).decode())


@pytest.mark.parametrize("size", [0, 8, 15, 17, 33, 64])
def test_a_key_of_another_length_is_refused_with_what_to_do(size: int) -> None:
    written = base64.b64encode(bytes(size)).decode()
    with pytest.raises(
        TenantFileWrong, match=rf"idm_token_key of connection tass is {size} bytes long, .*copy it anew"
    ):
        token_key(written, "idm_token_key of connection tass")


@pytest.mark.parametrize("written", ["secret-key", "%%%", "+TG1ZTqy0hTu5h0KMhCP0A", "é"])
def test_what_is_no_base64_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(TenantFileWrong, match=r"the password is no Base64: copy the token key anew") as raised:
        token_key(written, "the password")
    assert written not in str(raised.value)


def test_blanks_around_a_key_do_no_harm() -> None:
    assert token_key(f" {VENDOR}\n", "x") == base64.b64decode(VENDOR)


def test_a_token_is_of_compact_json() -> None:
    key = base64.b64encode(bytes(16)).decode()
    assert json.dumps(decrypted(token({"a": "é"}, bytes(16)), key), ensure_ascii=False) == '{"a": "é"}'
