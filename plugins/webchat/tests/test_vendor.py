"""What is taken of others is what was recorded when it was fetched, with its licence."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import umbral_chat_webchat

from tools.vendor_web import PACKAGES, VENDOR

FOLDER = Path(str(umbral_chat_webchat.__file__)).parent / "web" / "umbral-chat-ui" / "vendor"


def test_every_file_is_as_it_was_fetched() -> None:
    assert FOLDER == VENDOR
    record = json.loads((FOLDER / "vendor.json").read_text())
    hashes = {name: digest for package in record.values() for name, digest in package["sha256"].items()}
    assert {file.name for file in FOLDER.iterdir()} - {"vendor.json", "marked.d.ts", "purify.d.ts"} == set(hashes)
    for name, digest in hashes.items():
        assert sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_the_record_is_of_the_versions_and_hashes_that_are_pinned() -> None:
    record = json.loads((FOLDER / "vendor.json").read_text())
    assert set(record) == {package.name for package in PACKAGES}
    for package in PACKAGES:
        found = record[package.name]
        assert (found["version"], found["integrity"]) == (package.version, package.integrity)
        assert found["licence"] == package.spdx
        module = (FOLDER / package.target).read_text()
        assert module.startswith(f"/*! {package.name} {package.version}, {package.spdx}")


def test_no_module_of_others_imports_anything_or_leaves_a_name_in_the_page() -> None:
    for package in PACKAGES:
        module = (FOLDER / package.target).read_text()
        assert "import(" not in module
        assert "\nimport " not in module
        assert "sourceMappingURL" not in module
