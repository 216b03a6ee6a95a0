import io
import json
import logging

import pytest
import structlog

from schedules import logs


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def log():
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    return stream


def events(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines(log):
    """One object a line: event, fields, level and the UTC time."""
    structlog.get_logger().info("day.mined", source="prod", rows=3)
    (event,) = events(log)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "day.mined", "source": "prod", "rows": 3, "level": "info"}


def test_level(log):
    """What is less important than the level is left out."""
    structlog.get_logger().debug("batch.read")
    assert log.getvalue() == ""


def test_form_follows_the_terminal():
    """Auto is for a person when a terminal is attached, and for a machine when not."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, pretty in ((io.StringIO(), False), (Terminal(), True)):
        logs.configure(stream=stream)
        structlog.get_logger().info("day.mined")
        assert stream.getvalue().startswith("{") is not pretty


def test_no_colors_in_a_file():
    """A console log that is redirected holds no control characters."""
    stream = io.StringIO()
    logs.configure(form="console", stream=stream)
    structlog.get_logger().warning("day.refused", rows=3)
    assert "\x1b" not in stream.getvalue()
    assert "day.refused" in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_masked(form):
    """No secret and no SQL text reaches the log: by name, inside other values, in addresses, in tracebacks."""
    stream = io.StringIO()
    logs.configure("info", form, stream)
    secret = "hunter2"
    logger = structlog.get_logger()
    logger.info(
        "called https://u:hunter2@example.com/x",
        password=secret,
        access_token=secret,
        Authorization=f"Bearer {secret}",
        statement_text=f"select '{secret}'",
        nested={"api_key": secret, "list": [f"postgresql+psycopg://u:{secret}/@h/db"]},
        client_secret={"value": secret},
    )
    try:
        int("refused")
    except ValueError:
        logger.exception("run.failed")
    assert "ValueError: invalid literal" in stream.getvalue()
    assert secret not in stream.getvalue()


def test_what_is_no_secret_stays(log):
    """A number is no secret, and a storage path with an @ is a path."""
    structlog.get_logger().info("lease.taken", fencing_token=7, path="abfss://c@account.dfs.core.windows.net/t")
    (event,) = events(log)
    assert event["fencing_token"] == 7
    assert event["path"] == "abfss://c@account.dfs.core.windows.net/t"


def test_other_libraries_log_in_the_same_form(log):
    """A library's warning is an object a line too; its chatter below is left out, and what reaches us as an error."""
    logging.getLogger("azure.core").warning("token for https://u:%s@example.com failed", "hunter2")
    logging.getLogger("azure.identity.inner").warning("Invalid client secret provided: hunter2")
    logging.getLogger("azure.core").info("request headers")
    (event,) = events(log)
    assert event["event"] == "token for https://***@example.com failed"
    assert (event["logger"], event["level"]) == ("azure.core", "warning")


def test_configured_again(log):
    """Configuring twice neither doubles lines nor keeps the first stream."""
    logger = structlog.get_logger()
    logger.info("before")
    second = io.StringIO()
    for _ in range(2):
        logs.configure("info", "json", second)
    logger.info("after")
    logging.getLogger("alembic").warning("also")
    assert [event["event"] for event in events(log)] == ["before"]
    assert [event["event"] for event in events(second)] == ["after", "also"]
