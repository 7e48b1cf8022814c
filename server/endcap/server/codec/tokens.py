"""The two opaque texts that travel in answers: where the next page starts, and which slate an event came from."""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, NamedTuple

from endcap.server.errors import InvalidRequest
from endcap.server.limits import Violation

PAGING_DEPTH: Final = 2_000
"""No page starts beyond so many items: every page is ranked anew together with all pages before it."""
_FORMAT: Final = struct.Struct(">BIq8s8s")
_VERSION: Final = 1
_DIGEST_BYTES: Final = 8


class PageToken(NamedTuple):
    """Where a page starts, and what must be the same as on the first page for the order to be the same."""

    offset: int
    now: int
    """The first page's time, on the shop's clock."""
    seed: str
    """The first page's request id."""
    bundle: bytes
    """Digest of the bundle's version."""
    request: bytes
    """Digest of all that decides the order."""

    def encode(self) -> str:
        packed = _FORMAT.pack(_VERSION, self.offset, self.now, self.bundle, self.request) + self.seed.encode()
        return _text(digest(packed) + packed)

    @classmethod
    def decode(cls, text: str) -> PageToken:
        """Raises InvalidRequest for a text that no server made."""
        try:
            raw = _raw(text)
            check, packed = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
            version, offset, now, bundle, request = _FORMAT.unpack(packed[: _FORMAT.size])
            seed = packed[_FORMAT.size :].decode()
        except (ValueError, struct.error) as error:
            raise _refused("PAGE_TOKEN_MALFORMED", _NOT_OURS) from error
        if check != digest(packed) or version != _VERSION or not 0 < offset <= PAGING_DEPTH:
            raise _refused("PAGE_TOKEN_MALFORMED", _NOT_OURS)
        return cls(offset, now, seed, bundle, request)

    def require(self, bundle: bytes, request: bytes) -> None:
        """Raises InvalidRequest where the token belongs to another bundle or another request."""
        if self.bundle != bundle:
            raise _refused("PAGE_TOKEN_EXPIRED", "is of a bundle that no longer ranks; start again at the first page")
        if self.request != request:
            raise _refused("PAGE_TOKEN_MISMATCH", "is of another request; only page_size and request_id may differ")


_NOT_OURS: Final = "is no token of this service; send the next_page_token of an answer, unchanged"


def attribution_token(request_id: str, strategy: str, bundle_version: str) -> str:
    """Names a slate: base64url of its request id, strategy and bundle version, each closed by a zero byte."""
    return _text(f"{request_id}\0{strategy}\0{bundle_version}\0".encode())


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused(reason: str, description: str) -> InvalidRequest:
    return InvalidRequest.of(reason, Violation("page_token", description))
