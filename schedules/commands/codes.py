"""Exit codes, beside 0 for done."""

FAILED = 1
MISUSED = 2
REJECTIONS = 3
