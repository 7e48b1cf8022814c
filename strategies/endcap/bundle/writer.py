"""Writing a bundle: into a hidden folder first, renamed into place only when whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from endcap.bundle.events import EVENT_COLUMNS, Array, Histories
from endcap.bundle.folder import Bundle, BundleError, files_in, sha256, verify_hashes
from endcap.bundle.manifest import MANIFEST_NAME, Manifest


@dataclass(frozen=True)
class PartWriter:
    folder: Path

    def array(self, name: str, values: Array) -> None:
        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(values), allow_pickle=False)

    def arrays(self, values: Mapping[str, Array]) -> None:
        for name, array in values.items():
            self.array(name, array)

    def json(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        (self.folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def histories(self, histories: Histories) -> None:
        self.array("offsets", histories.offsets)
        self.arrays({name: getattr(histories.log, name) for name in EVENT_COLUMNS})


class BundleWriter:
    """A context: leaving it without ``seal`` (an error, Ctrl-C) removes everything written so far."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def part(self, name: str) -> PartWriter:
        (self.folder / name).mkdir(exist_ok=True)
        return PartWriter(self.folder / name)

    def share(self, part: str, source: Path) -> None:
        """Take a part over from another bundle of the same training, without copying its bytes."""
        shutil.copytree(source / part, self.folder / part, copy_function=os.link)

    def preview(self, manifest: Manifest) -> Bundle:
        """What is written so far as an opened bundle, for the training steps that rank with it."""
        return Bundle(self.folder, manifest)

    def seal(self, manifest: Manifest) -> Path:
        """Hash every file, name the bundle after its content, move it into place. Returns the bundle's folder.

        Content that is already there, whole, keeps its folder, with the new manifest.
        """
        sealed = _named(manifest, {name: sha256(self.folder / name) for name in sorted(files_in(self.folder))})
        text = sealed.model_dump_json(indent=1) + "\n"
        (self.folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
        self.folder.chmod(0o755)  # mkdtemp's 0700 would hide the bundle from the server's own user
        for path in (*self.folder.rglob("*"), self.folder):
            _sync(path)
        return self._publish(self.out / sealed.version, sealed)

    def _publish(self, target: Path, sealed: Manifest) -> Path:
        if target.exists() and _is_whole(target, sealed):
            os.replace(self.folder / MANIFEST_NAME, target / MANIFEST_NAME)
        else:
            if target.exists():
                os.rename(target, self.folder.with_name(f"{self.folder.name}-damaged"))
            os.rename(self.folder, target)
            shutil.rmtree(self.folder.with_name(f"{self.folder.name}-damaged"), ignore_errors=True)
        _sync(self.out)
        return target


def _named(manifest: Manifest, files: dict[str, str]) -> Manifest:
    """Equal files and settings have equal names, whenever they were made."""
    sealed = manifest.model_copy(update={"files": files, "version": "", "created": ""})
    digest = hashlib.sha256(sealed.model_dump_json().encode()).hexdigest()
    version = f"{manifest.shop}-{digest[:12]}"
    return sealed.model_copy(update={"version": version, "created": manifest.created})


def _is_whole(folder: Path, manifest: Manifest) -> bool:
    try:
        verify_hashes(folder, manifest)
    except BundleError:
        return False
    return True


def _sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk, so that a power cut leaves a whole bundle or none."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
