"""Hosts and environments: nothing is sent before they agree."""

from __future__ import annotations

import pytest

from roster.errors import CanvasWrongHost
from roster_airflow.hooks.canvas_address import Address, canvas_address


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("banksia.instructure.com", "production"),
        ("lms.banksia.example", "production"),
        ("test.banksia.example", "production"),  # only .test. inside the name says test
        ("banksia.test.instructure.com", "test"),
        ("Banksia.TEST.instructure.com", "test"),
        ("banksia.beta.instructure.com", "test"),
        ("banksia.test.instructure.com", None),
    ],
)
def test_a_host_that_says_what_it_is_fits(host: str, environment: str | None) -> None:
    assert canvas_address(host, None, None, environment).url == f"https://{host.lower()}"


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("banksia.instructure.com", "test"),
        ("banksia.test.instructure.com", "production"),
        ("banksia.Beta.instructure.com", "production"),
        ("127.0.0.1", "test"),
    ],
)
def test_a_host_of_the_other_environment_is_refused(host: str, environment: str) -> None:
    with pytest.raises(CanvasWrongHost, match=environment):
        canvas_address(host, None, None, environment)


@pytest.mark.parametrize("listed", ["lms.banksia.example", "LMS.banksia.example", "lms.banksia.example:8443"])
def test_a_listed_host_belongs_to_the_environment_that_lists_it(listed: str) -> None:
    assert canvas_address("lms.banksia.example", None, 8443, "test", [listed]).port == 8443


def test_listing_one_port_does_not_list_another() -> None:
    with pytest.raises(CanvasWrongHost):
        canvas_address("lms.banksia.example", None, 8444, "test", ["lms.banksia.example:8443"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8", "sandbox-canvas"])
def test_only_loopback_and_container_names_may_do_without_https(host: str) -> None:
    assert canvas_address(host, "http", 8080, "production").url == f"http://{host}:8080"
    with pytest.raises(CanvasWrongHost, match="https"):
        canvas_address("banksia.instructure.com", "http", None, "production")


def test_https_is_what_a_connection_means_that_says_nothing() -> None:
    assert canvas_address("https://banksia.instructure.com/", None, None, "production") == Address(
        "https", "banksia.instructure.com", 443
    )


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "https://",
        "banksia.instructure.com/accounts/1",
        "https://banksia.instructure.com?x=1",
        "someone:secret@banksia.instructure.com",
        "ftp://banksia.instructure.com",
        "https://banksia.instructure.com:port",
    ],
)
def test_a_host_that_is_more_or_less_than_a_host_is_refused_without_repeating_it(host: str | None) -> None:
    with pytest.raises(CanvasWrongHost) as refused:
        canvas_address(host, None, None, "production")
    assert "secret" not in str(refused.value)


def test_a_link_is_followed_only_on_the_own_host() -> None:
    address = Address("https", "banksia.instructure.com", 443)
    assert address.own_path("https://banksia.instructure.com:443/api?page=bookmark:b&c=1") == "/api?page=bookmark:b&c=1"
    # behind a proxy Canvas may think it speaks http: the way back is ours all the same
    assert address.own_path("http://Banksia.instructure.com/api") == "/api"
    for link in (
        "https://elsewhere.example/api",
        "https://banksia.instructure.com.elsewhere.example/api",
        "https://banksia.instructure.com@elsewhere.example/api",
        "https://x@banksia.instructure.com/api",
        "https://banksia.instructure.com:8443/api",
        "/api",
        "//elsewhere.example/api",
        "file://banksia.instructure.com/api",
    ):
        with pytest.raises(CanvasWrongHost, match="not followed"):
            address.own_path(link)
