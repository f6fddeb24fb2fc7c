"""Adverts are read as a stranger's words; only a certificate known beforehand is followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.lan import Advert, Pins, UntrustedAdvertError, choose, describe_gateway, read_advert
from openclaw_core.lan.settings import parse_interfaces

ONE, OTHER = "a" * 64, "b" * 64
HOME = Advert("home", ("192.0.2.7",), 18789, tls=True, fingerprint=ONE)


def test_what_a_gateway_says_is_read_back():
    told = describe_gateway("Home", "home", 18789, fingerprint=ONE, reachable=True)
    assert told["gatewayTlsSha256"] == ONE
    assert read_advert("x", ["192.0.2.7"], 18789, told) == Advert("Home", ("192.0.2.7",), 18789, True, ONE)
    assert not any("token" in key.lower() or "path" in key.lower() for key in told)


@given(st.text(), st.dictionaries(st.text(), st.text()), st.lists(st.ip_addresses().map(str), max_size=20))
def test_a_stranger_s_words_are_bounded_and_move_no_cursor(instance, told, addresses):
    advert = read_advert(instance, addresses, 1, {**told, "role": "gateway", "displayName": instance})
    if advert is None:
        assert not addresses
        return
    assert advert.name.isprintable()
    assert 0 < len(advert.name) <= 128
    assert len(advert.addresses) <= 8
    assert advert.fingerprint is None or len(advert.fingerprint) == 64


@pytest.mark.parametrize(
    "told", [{"role": "printer"}, {"role": ""}], ids=["another role", "no role worth the name"]
)
def test_what_is_no_gateway_is_left_out(told):
    assert read_advert("x", ["192.0.2.7"], 18789, told) is None


def test_the_address_comes_from_the_record_and_not_from_its_text():
    advert = read_advert("x", ["192.0.2.7"], 18789, {"lanHost": "evil.local", "gatewayPort": "1"})
    assert advert is not None
    assert advert.urls == ("ws://192.0.2.7:18789",)


@given(st.sampled_from([None, ONE]), st.sampled_from([None, ONE]))
def test_only_what_claims_the_trusted_certificate_is_followed(given_pin, stored):
    pins = Pins(given_pin, stored)
    impostor = Advert("home", ("192.0.2.66",), 18789, tls=True, fingerprint=OTHER)
    plain = Advert("home", ("192.0.2.67",), 18789, fingerprint=ONE)
    if pins.trusted is None:
        with pytest.raises(UntrustedAdvertError, match="proves nothing"):
            choose([HOME], pins)
        return
    assert choose([impostor, plain, HOME], pins, "home") is HOME
    for forged in (impostor, plain):
        with pytest.raises(UntrustedAdvertError, match="nothing was sent to it"):
            choose([forged], pins)
    with pytest.raises(UntrustedAdvertError, match="was not found"):
        choose([HOME], pins, "another")


def test_what_the_person_gives_beats_what_is_stored():
    assert Pins(OTHER, ONE).trusted == OTHER
    with pytest.raises(UntrustedAdvertError):
        choose([HOME], Pins(OTHER, ONE))


def test_interfaces_are_listed_with_commas():
    assert parse_interfaces(" 127.0.0.1, ,::1") == ("127.0.0.1", "::1")
    assert parse_interfaces("") == ()
