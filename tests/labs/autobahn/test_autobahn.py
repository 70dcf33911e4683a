"""The quick cases of the Autobahn test suite, and that the lab can fail."""

from __future__ import annotations

import pytest

from tests.labs.autobahn.__main__ import failed, main


@pytest.mark.slow
def test_the_short_form_passes(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--short"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "102 cases" in said


def test_a_wrong_close_is_a_failure_as_a_wrong_answer_is() -> None:
    cases = {
        "1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
        "3.2": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        "7.1.5": {"behavior": "OK", "behaviorClose": "WRONG CODE"},
        "1.1.2": {"behavior": "FAILED", "behaviorClose": "OK"},
        "12.1.1": {"behavior": "UNIMPLEMENTED", "behaviorClose": "OK"},
    }
    assert list(failed(cases)) == ["7.1.5", "1.1.2", "12.1.1"]
