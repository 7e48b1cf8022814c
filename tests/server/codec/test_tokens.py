from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.server.codec.tokens import PAGING_DEPTH, PageToken, attribution_token
from endcap.server.errors import InvalidRequest

tokens = st.builds(
    PageToken,
    offset=st.integers(1, PAGING_DEPTH),
    now=st.integers(-(2**63), 2**63 - 1),
    seed=st.text(max_size=64),
    bundle=st.binary(min_size=8, max_size=8),
    request=st.binary(min_size=8, max_size=8),
)


@given(token=tokens)
def test_a_page_token_comes_back_as_it_went(token: PageToken) -> None:
    assert PageToken.decode(token.encode()) == token


@given(token=tokens, data=st.data())
def test_a_page_token_with_a_changed_character_is_refused(token: PageToken, data: st.DataObject) -> None:
    text = token.encode()
    place = data.draw(st.integers(0, len(text) - 2))  # the last character may hold bits that mean nothing
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(InvalidRequest, match="page_token"):
        PageToken.decode(changed)


@given(text=st.text(max_size=60))
def test_a_text_that_is_no_page_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        PageToken.decode(text)
    assert caught.value.reason == "PAGE_TOKEN_MALFORMED"


def test_a_page_token_fits_its_field_whatever_the_request_is_called() -> None:
    longest = PageToken(PAGING_DEPTH, 2**62, "ä" * 128, b"12345678", b"12345678").encode()
    assert len(longest) <= 2_048


def test_an_attribution_token_is_stable_and_tells_slates_apart() -> None:
    slates = [("r", "s", "b"), ("rs", "", "b"), ("r", "s", "c"), ("r", "s", "b")]
    tokens = {attribution_token(*slate) for slate in slates}
    assert len(tokens) == 3
    assert max(map(len, tokens)) < 1_024
