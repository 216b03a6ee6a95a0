"""The status page: one small table of jobs, for a person with a browser."""

from html import escape

from schedules.daemon.health import JobHealth, Standing

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="30"><title>uc-miner: {word}</title>
<style>body{{font:14px system-ui,sans-serif;margin:2em}}
td,th{{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}}
.bad{{color:#b00020}}</style>
<h1>uc-miner: <span class="{style}">{word}</span></h1>
{troubles}
<table><tr>{heads}</tr>
{rows}</table>
{leases}
<p><a href="metrics">metrics</a> · <a href="healthz">healthz</a> · <a href="readyz">readyz</a></p>
</html>
"""

_HEADS = ("source", "stream", "schedule", "last success (UTC)", "last outcome", "next (UTC)", "mined whole to")


def page(standing: Standing) -> str:
    """The page. Everything that comes from outside is escaped."""
    bad = standing.troubles
    return _PAGE.format(
        word="not ready" if bad else "ready",
        style="bad" if bad else "",
        troubles="".join(f'<p class="bad">{escape(trouble)}</p>' for trouble in bad),
        heads="".join(f"<th>{head}</th>" for head in _HEADS),
        rows="\n".join(_row(one) for one in standing.jobs),
        leases="".join(
            f"<p>at work now: {escape(held.holder)} on {escape(held.source)}, {escape(held.stream)}, "
            f"since {held.since:%H:%M:%S}</p>"
            for held in standing.leases
        ),
    )


def _row(one: JobHealth) -> str:
    done = one.tick.done if one.tick else None
    outcome = one.tick.outcome + (f": {one.tick.note}" if one.tick.note else "") if one.tick else "-"
    cells = (
        one.job.source, one.job.stream, one.job.timing.text, f"{done:%Y-%m-%d %H:%M}" if done else "-", outcome,
        f"{one.next_due:%Y-%m-%d %H:%M}", one.watermark or "-",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
