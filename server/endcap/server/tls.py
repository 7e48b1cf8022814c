"""The certificate, the key and the client CA: named in a file, checked before anything listens, read anew when renewed.

The checks are OpenSSL's, by the standard library: a handshake in memory proves that the certificate and the key work
together, and today.
"""

from __future__ import annotations

import os
import ssl
import time
import tomllib
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

_WHAT: Final = {
    "certificate": "the server's certificate, and below it those that lead up to the CA",
    "key": "the certificate's private key, without a password",
    "client_ca": "the certificate of the CA that signs the clients' certificates",
}


class TlsError(Exception):
    """Files that TLS cannot be had from. The message is for whoever starts the server."""


class TlsFiles(BaseModel):
    """PEM files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Where it is given, only clients that show a certificate of this CA are let in (mTLS)."""

    @property
    def kind(self) -> str:
        return "mTLS" if self.client_ca else "TLS"


class Material(NamedTuple):
    """What the files hold."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    expires: float
    """When the certificate ends, in seconds of Unix time."""


def read_tls(config: Path) -> TlsFiles:
    """The `[tls]` table of a TOML file; paths in it are relative to the file's folder. Raises TlsError."""
    try:
        tables = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TlsError(f"{config}: {getattr(error, 'strerror', None) or error}") from error
    if set(tables) != {"tls"} or not isinstance(tables["tls"], dict):
        found = ", ".join(sorted(tables)) or "nothing"
        raise TlsError(f"{config}: found {found}; expected one table, [tls], with certificate, key and maybe client_ca")
    try:
        files = TlsFiles.model_validate(tables["tls"])
    except ValidationError as error:
        raise TlsError(f"{config}: {_first(error)}") from error
    return files.model_copy(update={name: config.parent / path for name, path in files if path})


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    key = ".".join(map(str, found["loc"]))
    if found["type"] == "missing":
        return f"[tls] lacks {key}; give the path of {_WHAT[key]} (PEM)"
    if found["type"] == "extra_forbidden":
        return f"[tls] has no key {key!r}; expected {', '.join(_WHAT)}"
    return f"[tls] {key} is {found['input']!r}; expected a path"


def load(files: TlsFiles) -> Material:
    """Check the files and read them. Raises TlsError."""
    contents = {name: _read(name, path) for name, path in files if path}
    expires = _expiry(files, _server_context(files))
    if files.client_ca:
        _check_authority(files.client_ca)
    return Material(contents["certificate"], contents["key"], contents.get("client_ca"), expires)


def stamp(files: TlsFiles) -> tuple[object, ...]:
    """Differs when a file was written, replaced or taken away since."""
    return tuple(_stamp(path) for _, path in files if path)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"[tls] {name}: cannot read {path}: {error.strerror}; expected {_WHAT[name]} (PEM)") from error


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"[tls] the key {files.key} is not that of the certificate {files.certificate}"
            raise TlsError(f"{text}; give the two that were issued together") from error
        _refuse_contents(files)
    return context


def _no_password() -> NoReturn:
    """OpenSSL would ask at the terminal."""
    raise TlsError("[tls] key: it is locked by a password; give one without, which only the server's user can read")


def _refuse_contents(files: TlsFiles) -> NoReturn:
    """OpenSSL says of neither file which of them it could not read."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(files.certificate)
    except ssl.SSLError as error:
        raise _not_pem("certificate", files.certificate) from error
    raise _not_pem("key", files.key)


def _not_pem(name: str, path: Path) -> TlsError:
    return TlsError(f"[tls] {name}: {path} cannot be read as PEM; expected {_WHAT[name]}, beginning with -----BEGIN")


def _expiry(files: TlsFiles, server: ssl.SSLContext) -> float:
    """When the certificate ends; raises TlsError where it is not good for a server now.

    The client of the handshake trusts this one certificate, whoever signed it: only its dates and purpose are asked.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(files.certificate)
    try:
        shown = _handshake(server, client)
    except ssl.SSLCertVerificationError as error:
        text = f"[tls] certificate: {files.certificate}: {error.verify_message}; have it issued again"
        raise TlsError(text) from error
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, object]:
    """What the client learns of the server's certificate, in memory. Raises SSLCertVerificationError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(incoming=down, outgoing=up)
    called = server.wrap_bio(incoming=up, outgoing=down, server_side=True)
    for turn in (caller, called, caller):
        try:
            turn.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(caller.getpeercert() or {})


def _check_authority(path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise _not_pem("client_ca", path) from error
    ends = [ssl.cert_time_to_seconds(str(authority["notAfter"])) for authority in context.get_ca_certs()]
    if not ends:
        raise TlsError(f"[tls] client_ca: {path} holds no certificate of an authority; expected {_WHAT['client_ca']}")
    if max(ends) < time.time():
        raise TlsError(f"[tls] client_ca: {path} has expired, so that no client could come in; have it issued again")
