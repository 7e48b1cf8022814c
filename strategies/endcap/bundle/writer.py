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
from endcap.bundle.folder import Bundle, _files, sha256
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

        Content that is already there keeps its folder, with the new manifest.
        """
        files = {name: sha256(self.folder / name) for name in sorted(_files(self.folder))}
        content = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        sealed = manifest.model_copy(update={"files": files, "version": f"{manifest.shop}-{content[:12]}"})
        text = sealed.model_dump_json(indent=1) + "\n"
        (self.folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
        return self._publish(self.out / sealed.version)

    def _publish(self, target: Path) -> Path:
        self.folder.chmod(0o755)  # mkdtemp's 0700 would hide the bundle from the server's own user
        _sync(self.folder)
        if target.exists():
            os.replace(self.folder / MANIFEST_NAME, target / MANIFEST_NAME)
        else:
            os.rename(self.folder, target)
        _sync(self.out)
        return target


def _sync(folder: Path) -> None:
    """Flush a folder's files and entries to disk, so that a power cut leaves a whole bundle or none."""
    for path in [*(folder / name for name in _files(folder)), folder] if folder.name.startswith(".") else [folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
