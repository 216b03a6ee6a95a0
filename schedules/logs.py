"""How the log looks: one JSON object a line, or lines for a person; on standard error, in UTC, without secrets."""

import logging
import os
import re
import sys
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"

_SECRET = re.compile(
    r"password|passwd|passphrase|^pass$|pwd|secret|token|credential|authorization|cookie|api_?key|private_?key|connection_?string"
    r"|^(sql|sql_text|statement|statement_text|query_text)$",
    re.IGNORECASE,
)
# Not in every address: abfss://container@account is a path, and holds no secret.
_USER_INFO = re.compile(r"(https?://)[^\s/]*@|(\w*(?:sql|postgres)[\w+]*://)\S*@", re.IGNORECASE)


# What the connector and the sign-in find wrong reaches us as errors, told once, without statement, token and secret.
# The connector's logger "unsafe" has a level of its own and tells all that is sent and received; the sign-in warns in
# the words of the server, which may repeat what was shown to it.
_UNHEARD = ("databricks", "databricks.sql.unsafe", "azure.identity")

Form = Literal["auto", "json", "console"]


class StandardError:
    """Standard error as it is when something is written: progress bars put themselves in its place while they move."""

    def write(self, text: str) -> int:
        """Write to where standard error goes now."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush where standard error goes now."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether standard error is a terminal now."""
        return sys.stderr.isatty()


def configure(
    level: str = "info", form: Form = "auto", stream: TextIO | None = None, tap: Processor | None = None
) -> None:
    """Send our events, and other libraries' warnings, to `stream` (standard error). May be called again.

    `tap` is told of each of our events first.
    """
    stream = stream or cast("TextIO", StandardError())
    rendering = _rendering(stream, pretty=form == "console" or (form == "auto" and stream.isatty()))
    structlog.configure(
        processors=[*([tap] if tap else []), structlog.contextvars.merge_contextvars, *_DESCRIBING, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _adopt_other_loggers(stream, rendering)


def flush() -> None:
    """Have everything written before the process ends at once."""
    sys.stdout.flush()
    sys.stderr.flush()


def masked(name: str, value: object) -> object:
    """Hide a value whose name says that it is a secret or SQL text, and user information inside addresses.

    Numbers stay: a fencing token or a count of tokens gives nothing away.
    """
    if _SECRET.search(name) and not isinstance(value, int | float | None):
        return MASK
    if isinstance(value, dict):
        return {key: masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked("", inner) for inner in value]
    return _USER_INFO.sub(rf"\1\2{MASK}@", value) if isinstance(value, str) else value


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: masked(name, value) for name, value in event.items()}


_DESCRIBING: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def _rendering(stream: TextIO, *, pretty: bool) -> list[Processor]:
    if pretty:
        # Rich's tracebacks print local variables, and with them whatever secret they hold.
        traceback = structlog.dev.plain_traceback
        colors = stream.isatty() and "NO_COLOR" not in os.environ
        return [_mask, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=traceback)]
    return [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(default=str)]


def _adopt_other_loggers(stream: TextIO, rendering: list[Processor]) -> None:
    """Render what libraries log in the same form, from warnings up: below, Azure's clients log requests."""
    handler = logging.StreamHandler(stream)
    handler.set_name(__name__)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_DESCRIBING],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if other.get_name() != __name__), handler]
    root.setLevel(logging.WARNING)
    for name in _UNHEARD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
