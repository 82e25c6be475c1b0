"""Whom an address calls."""

from ipaddress import ip_address

import pytest

from quarterdeck_kernel.vocabulary.addresses import called


@pytest.mark.parametrize(
    "written",
    ["::ffff:10.0.0.7", "64:ff9b::10.0.0.7", "::10.0.0.7", "2002:a00:7::"],
)
def test_an_address_that_holds_another_calls_that(written: str) -> None:
    assert called(ip_address(written)) == ip_address("10.0.0.7")


@pytest.mark.parametrize("written", ["10.0.0.7", "::1", "::", "fe80::1", "2606:4700::1111"])
def test_any_other_calls_itself(written: str) -> None:
    assert called(ip_address(written)) == ip_address(written)
