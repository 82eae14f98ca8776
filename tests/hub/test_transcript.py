"""The answers of the two Hubs, side by side."""

from __future__ import annotations

import msgspec

from .conftest import Account, record_difference
from .transcript import ASKS, differences, shape, transcript


def test_every_request_is_answered_as_documented(account: Account, owner: Account) -> None:
    """Status and error code are the expected ones on either Hub; every other difference is recorded."""
    seen = transcript(account)
    for line in differences(seen, transcript(owner)):
        record_difference({"transcript": line})
    # At a 401 the client goes by the status alone where the address is https.
    expected = {a.title: (a.status, a.code if a.status != 401 else None) for a in ASKS}
    assert {t: (s.status, s.error_code if s.status != 401 else None) for t, s in seen.items()} == expected


def test_differences_are_seen(owner: Account) -> None:
    """A changed status, a missing header and another JSON shape are each named."""
    ours = transcript(owner)
    title = next(iter(ours))
    changed = msgspec.structs.replace(
        ours[title], status=500, headers=frozenset({"etag"}), shape=ours[title].shape - {"$.name: text"}
    )
    assert differences({**ours, title: changed}, ours) == [
        f"{title}: status 500 there, 200 here",
        f"{title}: header etag is missing here",
        f"{title}: JSON $.name: text is only here",
    ]


def test_a_shape_names_every_place() -> None:
    """The shape of a value lists its places with their kinds, whatever the values are."""
    value = {"a": [{"b": 1}, {"b": None}], "c": True}
    assert shape(value) == {
        "$: object", "$.a: list", "$.a[]: object", "$.a[].b: number", "$.a[].b: null", "$.c: bool",
    }  # fmt: skip
