"""The miner's own errors: each says what is wrong, where, and how to mend it."""


class MinerError(Exception):
    """A run cannot go on. `mend` tells the operator what to do next."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  mend: {self.mend}" if self.mend else self.message


class SettingsError(MinerError):
    """The settings or the command's arguments are wrong; nothing was done."""


class SourceError(MinerError):
    """A warehouse could not be read: a failed read is never an empty result."""


class MissingTableError(SourceError):
    """A configured table is not there, or the principal may not see it."""


class MissingRightError(SourceError):
    """The principal may not do what mining needs; the mend names the GRANT."""


class SignInError(SourceError):
    """The warehouse does not know the principal, or no token is to be had for it."""


class TransientError(SourceError):
    """A fault that passes by itself outlasted every retry."""


class QuotaError(SourceError):
    """The warehouse, or its account, has no room left for a statement; waiting did not help."""


class SchemaDriftError(SourceError):
    """A table lacks a column the miner cannot do without, or has it with a type that does not fit."""


class UnreadableValueError(SourceError):
    """A file holds a value that cannot be read as its column's type."""


class BalanceError(MinerError):
    """Rows in and rows accounted for differ, twice: the day was rolled back."""


class ShrunkDayError(MinerError):
    """A settled day lost rows since it was mined; the earlier result was kept."""

    MEND = "look whether retention or a narrowed view took the rows; --allow-shrink takes the new result"


class EmptySourceError(MinerError):
    """A source holds no row at all where rows are expected."""

    START_MEND = "set [mining] start to {} or before"

    MEND = (
        "check the export or the grants (uc-miner preflight tells what is missing); "
        "an estate that truly is empty needs --allow-empty"
    )


class OutOfScopeError(MinerError):
    """Rows are there, and the settings leave out every one of them."""

    MEND = (
        "look at include and exclude of [mining] and of the source: a glob covers the whole of a name; "
        "a scope that truly is empty needs --allow-empty"
    )


class LedgerError(MinerError):
    """The ledger cannot be opened, written or trusted."""


class RemovalsError(MinerError):
    """A run would have removed more of what it sent than it may; everything else of it was done."""

    def __init__(self, removals: int, most: int) -> None:
        super().__init__(
            f"{removals} processes were not removed: one run may remove {most} percent of those sent",
            mend="look at uc-miner plan; when it is right, run once with --max-removals 100, "
            "else look for lost rights or a narrowed view",
        )


class SinkError(MinerError):
    """A sink refused what was sent, or could not be reached."""


class HeldError(MinerError):
    """Another process is at work on the same stream, or sends to the same sink."""


class LeaseLostError(MinerError):
    """The right to work on a stream ended before the work was done; nothing was committed after that."""
