"""A bundle as a folder of parts: reading it, memory-mapped, after every hash has been checked.

Layout: ``bundle.json`` and one folder a part (``catalog``, ``histories``, ``als``, …) of .npy, .json and native files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from endcap.bundle.catalog import Catalog
from endcap.bundle.columns import column_from_arrays
from endcap.bundle.events import EVENT_COLUMNS, Array, Events, Histories
from endcap.bundle.ids import IdIndex
from endcap.bundle.manifest import FORMAT_VERSION, MANIFEST_NAME, Manifest
from endcap.bundle.strings import StringTable

T = TypeVar("T")


class BundleError(Exception):
    """A bundle that cannot be served: missing, of another format, incomplete or changed since it was written."""


@dataclass(frozen=True)
class Part:
    """One folder of a bundle. Plugins keep what they trained in a part of their own name."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def file(self, name: str) -> Path:
        """A native file's path. Raises BundleError where the part lacks it."""
        path = self.folder / name
        if not path.is_file():
            raise BundleError(f"bundle part {self.name!r} has no {name}; it has: {', '.join(self.files())}")
        return path

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def array(self, name: str) -> Array:
        """``<name>.npy``, memory-mapped read-only, so that worker processes share its pages."""
        mapped: Array = np.load(self.file(f"{name}.npy"), mmap_mode="r", allow_pickle=False)
        return mapped.view(np.ndarray)

    def arrays(self) -> dict[str, Array]:
        return {name[:-4]: self.array(name[:-4]) for name in self.files() if name.endswith(".npy")}

    def json(self, name: str) -> Any:
        return json.loads(self.file(f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Bundle:
    """An opened bundle. Everything in it is read-only."""

    folder: Path
    manifest: Manifest

    @cached_property
    def _opened(self) -> dict[str, Any]:
        return {}

    def once(self, key: str, build: Callable[[], T]) -> T:
        """``build()`` on the first call for ``key``, then the same object: components share an index or an encoder."""
        if key not in self._opened:
            self._opened[key] = build()
        opened: T = self._opened[key]
        return opened

    def has(self, part: str) -> bool:
        return (self.folder / part).is_dir()

    def part(self, name: str) -> Part:
        """Raises BundleError where the bundle has no such part."""
        if not self.has(name):
            raise BundleError(f"bundle {self.folder} has no part {name!r}; it has: {', '.join(self.parts())}")
        return Part(self.folder / name)

    def parts(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    @cached_property
    def catalog(self) -> Catalog:
        part = self.part("catalog")
        arrays, kinds = part.arrays(), part.json("columns")
        arrays.update(self.part("items").arrays())
        return Catalog(
            ids=IdIndex.from_arrays(arrays, "ids"),
            titles=StringTable.from_arrays(arrays, "titles"),
            columns={name: column_from_arrays(kind, arrays, f"column.{name}") for name, kind in kinds.items()},
            texts=arrays["texts"],
            groups={name[6:]: array for name, array in arrays.items() if name.startswith("group.")},
        )

    @cached_property
    def users(self) -> IdIndex:
        return IdIndex.from_arrays(self.part("users").arrays(), "ids")

    @cached_property
    def histories(self) -> Histories:
        part = self.part("histories")
        return Histories(part.array("offsets"), Events(*(part.array(name) for name in EVENT_COLUMNS)))


def open_bundle(folder: Path, *, verify: bool = True) -> Bundle:
    """Open ``folder``, or the newest bundle in it where it is a folder of bundles.

    With ``verify`` every file's hash is checked before any parser sees a byte of it: a changed LightGBM file would
    take the process down. Raises BundleError, whose message says what was found and what to do.
    """
    folder = newest_bundle(folder)
    manifest = _read_manifest(folder)
    if verify:
        verify_hashes(folder, manifest)
    return Bundle(folder, manifest)


def newest_bundle(folder: Path) -> Path:
    if (folder / MANIFEST_NAME).is_file():
        return folder
    if not folder.is_dir():
        raise BundleError(f"no bundle at {folder}: the folder does not exist; `endcap train` writes one")
    found = [path.parent for path in folder.glob(f"[!.]*/{MANIFEST_NAME}")]
    if not found:
        raise BundleError(f"no bundle at {folder}: neither it nor a folder in it has a {MANIFEST_NAME}")
    return max(found, key=lambda path: (str(_raw_manifest(path).get("created")), path.name))


def _read_manifest(folder: Path) -> Manifest:
    raw = _raw_manifest(folder)
    if (found := raw.get("format")) != FORMAT_VERSION:
        raise BundleError(f"{folder}: bundle format {found}, expected {FORMAT_VERSION}; train it again")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BundleError(f"{folder / MANIFEST_NAME} is not a bundle manifest: {key}: {first['msg']}") from error


def _raw_manifest(folder: Path) -> dict[str, Any]:
    """Of whatever format: an older bundle beside the newest must not keep it from being found."""
    try:
        raw = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / MANIFEST_NAME} is not a bundle manifest: {error}") from error
    if not isinstance(raw, dict):
        raise BundleError(f"{folder / MANIFEST_NAME} is not a bundle manifest: found a {type(raw).__name__}")
    return raw


def verify_hashes(folder: Path, manifest: Manifest) -> None:
    present, known = set(files_in(folder)), set(manifest.files)
    if missing := sorted(known - present):
        raise BundleError(f"{folder} lacks {', '.join(missing)}; copy the bundle again or train a new one")
    if strange := sorted(present - known):
        raise BundleError(f"{folder} holds files that its manifest does not name: {', '.join(strange)}")
    for name, expected in manifest.files.items():
        found = sha256(folder / name)
        if found != expected:
            raise BundleError(f"{folder / name} was changed: sha256 {found[:12]}…, the manifest says {expected[:12]}…")


def files_in(folder: Path) -> Iterator[str]:
    """Every file but the manifest, by its path in the folder."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() != MANIFEST_NAME:
            yield path.relative_to(folder).as_posix()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
