"""What `how-to/use-your-platforms-ids.md` says of ids is what the code does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from umbral_chat.model.ids import encode_id, is_id
from umbral_chat.testing.history.naming import MESSAGES, ROOMS

from tests.local_supabase.stack.npm import node

from .pages import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "use-your-platforms-ids.md"

ODD = ("~", "~7E", "100%", "%41", "a b", "😀 ä/", "a_b-c", "'\"<>`{}|^\\", "spaces/AAAAx8Kbm1c")


def test_javascript_and_python_encode_alike(tmp_path: Path) -> None:
    (script,) = [block.text for block in blocks(PAGE) if block.language == "js"]
    names = [*ROOMS, *MESSAGES, *ODD]
    script += f"const names = {json.dumps(names)};\n"
    script += "const ids = names.map(encodeId);\nconsole.log(JSON.stringify([ids, ids.map(decodeId)]));\n"
    file = tmp_path / "ids.mjs"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run([str(node()), str(file)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[encode_id(name) for name in names], names]


def rows() -> list[tuple[str, str]]:
    """The ids in the page's table, each with what it says of it."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and "`" in line:
            _, _, ids, used, _ = (cell.strip() for cell in line.split("|"))
            found += [(one.strip("`"), used) for one in ids.split("`, `")]
    return found


@pytest.mark.parametrize(("named", "used"), rows())
def test_the_table_says_which_are_used_as_they_are(named: str, used: str) -> None:
    if used == "as it is":
        assert is_id(named)
        assert encode_id(named) == named
    else:
        assert used.startswith("encoded")
        assert not is_id(named) or named.startswith("wamid.")
