"""Log lines, as text or as JSON. They have no credentials: the service logs no headers and no query strings.

A message may contain what a client sent, such as a path. So every character that could end a line, move a cursor or
reverse the direction of the text is escaped here, in all that is logged.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from umbral_chat._core.runtime.visible import escaped
from umbral_chat._core.settings.sections import Core

# Unicode's categories of controls, formats (bidirectional and zero-width ones among them), surrogates, and separators
# of lines and paragraphs; written out, since looking up each character takes as long as the rest of the start. A few
# unassigned ones between the formats are included.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
INDENT = "    "
"""Before each line of a traceback: a line without it begins a new record."""


def escape(text: str) -> str:
    r"""`text` in which unsafe characters are written as in JSON (`\n`, `\u202e`)."""
    return _UNSAFE.sub(escaped, text)


class TextFormatter(logging.Formatter):
    """One line per record; a traceback follows in indented lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The text of `record`."""
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        lines = [escape(self.formatMessage(record))]
        if record.exc_info:
            lines += [INDENT + escape(line) for line in self.formatException(record.exc_info).split("\n")]
        if record.stack_info:
            lines += [INDENT + escape(line) for line in record.stack_info.split("\n")]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `at`, `level`, `logger`, `message`, and `error` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of `record`."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return escape(json.dumps(line, ensure_ascii=False))  # escapes what JSON does not


def configure_logging(core: Core) -> None:
    """Log to standard error, in the format and from the level of the settings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if core.log_format == "json" else TextFormatter())
    logging.basicConfig(level=core.log_level.upper(), handlers=[handler], force=True)
    # At `info` these log what is only of interest to their developers.
    for noisy in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


__all__ = ["JsonFormatter", "TextFormatter", "configure_logging", "escape"]
