"""Which Host is answered, and the one origin that it belongs to."""

import pytest

from xraylab.door.addresses import check_hosts, is_loopback, origins
from xraylab.errors import SettingsError

EVERY = "0.0.0.0"  # noqa: S104 - an address that is tested, not bound to


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"]
)
def test_an_address_that_only_this_machine_reaches(address):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [None, "", EVERY, "::", "10.0.0.7", "192.168.1.4", "fe80::1", "::ffff:10.0.0.7", "films.example.org"],
)
def test_an_address_that_others_may_reach(address):
    assert not is_loopback(address)


def test_this_machine_is_served_under_three_names_with_the_served_port():
    assert origins((), "http", 8501) == {
        "127.0.0.1:8501": "http://127.0.0.1:8501",
        "localhost:8501": "http://localhost:8501",
        "[::1]:8501": "http://[::1]:8501",
    }


def test_a_browser_leaves_out_the_port_of_the_scheme():
    served = origins((), "http", 80)
    assert served["localhost"] == served["localhost:80"] == "http://localhost"
    assert origins((), "https", 443)["localhost"] == "https://localhost"
    assert "localhost" not in origins((), "http", 443)


@pytest.mark.parametrize(
    ("host", "sent", "origin"),
    [
        ("10.0.0.7", "10.0.0.7:8501", "http://10.0.0.7:8501"),
        ("films:9000", "films:9000", "http://films:9000"),
        ("https://films.example.org", "films.example.org", "https://films.example.org"),
        ("https://films.example.org/", "films.example.org:443", "https://films.example.org"),
        ("https://films.example.org:8443", "films.example.org:8443", "https://films.example.org:8443"),
        ("[fd00::7]", "[fd00::7]:8501", "http://[fd00::7]:8501"),
    ],
)
def test_a_host_that_a_person_allowed_belongs_to_one_origin(host, sent, origin):
    assert origins(check_hosts([host]), "http", 8501)[sent] == origin


@pytest.mark.parametrize(
    "sent",
    [
        "evil.test", "evil.test:8501", "127.0.0.1", "127.0.0.1:80", "localhost.:8501", "",
        "localhost:8501.evil.test", "evil.test@127.0.0.1:8501", "127.0.0.1:8501@evil.test", "127.0.0.1:08501",
        "2130706433:8501", f"{EVERY}:8501", "127.0.0.1:8501 evil.test", "[::ffff:127.0.0.1]:8501",
    ],
)  # fmt: skip
def test_any_other_spelling_of_a_host_is_not_served(sent):
    assert sent not in origins(("films.example.org",), "http", 8501)


def test_hosts_are_compared_in_lower_case_and_empty_ones_dropped():
    assert check_hosts([" Films.Example.org ", ""]) == ("films.example.org",)


@pytest.mark.parametrize(
    "host", ["*", "*.example.org", "ftp://films", "films/path", "a b", "films:99999", "films;"]
)
def test_a_host_that_is_no_host_is_a_sentence(host):
    with pytest.raises(SettingsError, match="There is no word for every host"):
        check_hosts([host])
