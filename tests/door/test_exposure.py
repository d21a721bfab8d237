"""Other machines reach the app only if a person said so."""

import pytest

from xraylab.door.exposure import audience, check_exposure
from xraylab.errors import SettingsError

EVERY = "0.0.0.0"  # noqa: S104 - an address that is tested, not bound to


@pytest.mark.parametrize("address", [None, "", EVERY, "::", "10.0.0.7", "fe80::1", "films.example.org"])
def test_an_address_that_others_reach_is_rejected_with_what_to_do(address):
    with pytest.raises(
        SettingsError, match=r"open to other machines at .*nobody signs in.*xraylab app --expose"
    ):
        check_exposure(address, ())
    check_exposure(address, ("films.example.org",))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_no_permission(address):
    check_exposure(address, ())


def test_the_banner_says_who_can_open_the_app():
    assert audience(()) is None
    assert "at films:8501, 10.0.0.7, and nobody signs in" in audience(("films:8501", "10.0.0.7"))
