"""Log lines, as text or as JSON. No credential passes here: the service logs no headers and no query strings."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from umbral_chat.settings.sections import Core


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, and `error` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `record`."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(core: Core) -> None:
    """Log to standard error in the form that the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    if core.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=core.log_level.upper(), handlers=[handler], force=True)
    # These say at `info` what only their developers want to know.
    for noisy in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


__all__ = ["JsonFormatter", "configure_logging"]
