"""TLS to the server: which CA to trust, who the client is, and which name the server's certificate must have."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import grpc


@dataclass(frozen=True)
class Tls:
    """Files in PEM. They are read when a client is made; ValueError says which of them is no good, and why."""

    ca: str | Path | None = None
    """The CA that signed the server's certificate; None: those that grpc trusts, the public ones."""
    certificate: str | Path | None = None
    """The client's own certificate, for a server that wants one (mTLS), with its `key`."""
    key: str | Path | None = None
    """The private key of `certificate`, without a password."""
    server_name: str = ""
    """The name in the server's certificate, where it is not the host that is called."""

    def credentials(self) -> grpc.ChannelCredentials:
        """Read and check the files."""
        if (self.certificate is None) != (self.key is None):
            given, lacking = ("certificate", "key") if self.key is None else ("key", "certificate")
            raise ValueError(f"tls has a {given} and no {lacking}; give both for mTLS, or neither")
        self._check()
        ca, key, certificate = map(_read, (self.ca, self.key, self.certificate))
        return grpc.ssl_channel_credentials(ca, key, certificate)

    def _check(self) -> None:
        """grpc itself would take any bytes, and fail every call for them."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.ca is not None:
                context.load_verify_locations(self.ca)
        except OSError as error:
            raise ValueError(f"tls: {self.ca} is no CA in PEM: {_said(error)}") from error
        try:
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except OSError as error:
            text = f"tls: certificate {self.certificate} and key {self.key} are no pair in PEM: {_said(error)}"
            raise ValueError(text) from error


def _no_password() -> NoReturn:
    """OpenSSL would ask at the terminal."""
    raise ValueError("tls: the key is locked by a password; give one without")


def _said(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the file cannot be read").lower().replace("_", " ")
    return error.strerror or str(error)


def _read(path: str | Path | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
