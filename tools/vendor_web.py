"""Fetches what the pages use of others: `python -m tools.vendor_web`, after a version or hash below was changed.

Each package is fetched by npm, held against the hash that is pinned here, and written, with its licence, as one module
without imports. What was written is recorded in `vendor.json`, which a test holds the files to.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tarfile
import tempfile
from hashlib import sha256, sha512
from pathlib import Path
from typing import Final, NamedTuple

VENDOR: Final = Path(__file__).parents[1] / "plugins/webchat/src/umbral_chat_webchat/web/umbral-chat-ui/vendor"

TIMEOUT: Final = 120.0
"""Seconds that npm may take for one package."""


class Package(NamedTuple):
    """A package, and what is taken of it."""

    name: str
    version: str
    integrity: str
    """SHA-512 of its archive, as npm writes it."""
    source: str
    """The file that is taken."""
    target: str
    licence: str
    """The file with its licence's text."""
    spdx: str
    is_umd: bool = False
    """Whether the file is no module: it is made one, without a name in the page's own scope."""


PACKAGES: Final = (
    Package(
        "marked",
        "18.2.1",
        "sha512-ii4bxCTCqqwpT86XZWgJNs+ZnAIZksmLGYMViWA7PDIXYIeNo1x6cDdX3JOip9NM/cI6p8z57FxliACboTruMA==",
        "lib/marked.esm.js",
        "marked.js",
        "LICENSE",
        "MIT",
    ),
    Package(
        "dompurify",
        "3.4.18",
        "sha512-ofe3wI/uNm68HInABYFJYqQxRw1EaKAjNdrFVKqjUY+UZurvNd2L/HuQe097s/4RivWiZyP6tT7aoT8atjfhwg==",
        "dist/purify.min.js",
        "purify.js",
        "LICENSE",
        "MPL-2.0 OR Apache-2.0",
        is_umd=True,
    ),
)


def fetched(package: Package, folder: Path) -> Path:
    """The archive of a package. Raises ValueError for one with another hash."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--json", "--pack-destination", str(folder)]
    done = subprocess.run(  # noqa: S603 - of names that are listed above
        command, check=True, capture_output=True, text=True, cwd=folder, timeout=TIMEOUT
    )
    archive = folder / str(json.loads(done.stdout)[0]["filename"])
    found = "sha512-" + base64.b64encode(sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise ValueError(f"{package.name} {package.version} has the hash {found}, and not {package.integrity}")
    return archive


def member(archive: Path, name: str) -> str:
    """The text of a file in the archive. Raises ValueError for one that is not there."""
    with tarfile.open(archive) as tar:
        file = tar.extractfile(f"package/{name}")
        if file is None:
            raise ValueError(f"the archive has no {name}")
        return file.read().decode()


def module(package: Package, text: str) -> str:
    """The text as an ES module that says what it is. Its source map is not shipped, so it is not named."""
    lines = [line for line in text.splitlines() if not line.startswith("//# sourceMappingURL=")]
    text = "\n".join(lines).strip() + "\n"
    if package.is_umd:
        text = f"const module = {{ exports: {{}} }}, exports = module.exports;\n{text}export default module.exports;\n"
    licence = f"LICENSE-{package.name}.txt"
    return f"/*! {package.name} {package.version}, {package.spdx}, see {licence} beside this file */\n{text}"


def main() -> None:
    """Write every package anew."""
    record = {}
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            archive = fetched(package, Path(folder))
            files = {
                package.target: module(package, member(archive, package.source)),
                f"LICENSE-{package.name}.txt": member(archive, package.licence),
            }
            for name, text in files.items():
                VENDOR.joinpath(name).write_text(text)
            record[package.name] = {
                "version": package.version,
                "licence": package.spdx,
                "integrity": package.integrity,
                "source": package.source,
                "sha256": {name: sha256(text.encode()).hexdigest() for name, text in files.items()},
            }
    VENDOR.joinpath("vendor.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
