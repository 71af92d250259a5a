"""Markup of the book's blocks: plain values in, escaped HTML out. No files, no Sphinx."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.site.figures import BLANK, Check, Metric, format_interval, format_metric, is_missing
from analysis.site.nodes import artifact_link, doc_link, esc
from analysis.site.store import Row, prettify

MARKS = {"fail": "✕", "warn": "!", "pass": "✓", "not_applicable": "–"}
WORDS = {
    "fail": "fails",
    "warn": "caution",
    "pass": "passes",
    "not_applicable": "not applicable",
}
COUNTED = {"fail": "fail", "warn": "caution", "pass": "pass", "not_applicable": "not applicable"}
NUMERIC = ("share", "count", "days", "score", "money", "ratio", "points")


def hidden(text: str) -> str:
    """Return text that only a screen reader gets."""
    return f'<span class="cb-hidden">{esc(text)}</span>'


def badge(status: str, words: str | None = None) -> str:
    """Return a status as symbol and word, so that colour is never alone."""
    mark, text = MARKS[status], esc(words or WORDS[status])
    return (
        f'<span class="cb-badge cb-{status}"><span aria-hidden="true">{mark}</span> {text}</span>'
    )


def check_link(check: Check, panel: str) -> str:
    """Return a link to the row of `check` in the panel on page `panel`."""
    return doc_link(panel, f"check-{check.name}")


def explain(checks: Iterable[Check], status: str) -> str:
    """Return one line for each check of that status: what it means for the reader."""
    shown = [check for check in checks if check.status == status]
    verb = {"fail": "fails", "warn": "asks for caution"}[status]
    return " ".join(f"Check “{check.title}” {verb}: {check.consequence}" for check in shown)


def wrap_figure(checks: Sequence[Check], status: str, panel: str) -> tuple[str, str]:
    """Return the markup before and after a figure whose checks have the worst `status`."""
    if status not in ("fail", "warn"):
        return '<span class="kpi">', "</span>"
    first = next(check for check in checks if check.status == status)
    title, link = esc(explain(checks, status)), check_link(first, panel)
    before = f'<span class="kpi kpi-{status}" title="{title}">'
    if status == "warn":
        mark = f'<a class="kpi-mark" href="{link}">!{hidden("caution, see check")}</a>'
        return before, f"{mark}</span>"
    struck = f"{before}{hidden('struck figure: ')}<s>"
    return struck, f'</s> <a class="kpi-mark" href="{link}">✕ see check</a></span>'


def headline_card(
    metric: Metric, checks: Sequence[Check], status: str, panel: str, target: str, label: str
) -> str:
    """Return one card: label, value, interval and n, status."""
    missing = " cb-missing" if is_missing(metric.value) else ""
    if missing:  # there is nothing to strike or to trust
        checks, status = (), "not_applicable"
    title = esc(label or metric.label)
    if target:
        title = f'<a href="{doc_link(target)}">{title}</a>'
    value = esc(format_metric(metric))
    if status == "fail":
        value = f"{hidden('struck figure: ')}<s>{value}</s>"
    return (
        f'<li class="cb-card cb-card-{status}"><p class="cb-card-label">{title}</p>'
        f'<p class="cb-card-value{missing}">{value}</p>'
        f'<p class="cb-card-range">{_card_range(metric)}</p>'
        f"{_card_status(checks, status, panel)}</li>"
    )


def _card_range(metric: Metric) -> str:
    parts = []
    if not (is_missing(metric.ci_low) or is_missing(metric.ci_high)):
        parts.append(f"<span>{esc(format_interval(metric))}</span>")
    if not is_missing(metric.n):
        parts.append(
            f"<span>n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{esc(format_metric(metric, 'n'))}</span>"
        )
    return " ".join(parts)


def _card_status(checks: Sequence[Check], status: str, panel: str) -> str:
    if not checks or status == "not_applicable":
        return ""
    first = next(check for check in checks if check.status == status)
    words = {"fail": "do not use: see check", "warn": "caution: see check", "pass": "checks pass"}
    link = check_link(first, panel)
    return f'<p class="cb-card-status"><a href="{link}">{badge(status, words[status])}</a></p>'


def headline(cards: Iterable[str]) -> str:
    """Return the grid of cards."""
    return f'<ul class="cb-grid cb-headline">{"".join(cards)}</ul>'


def _header(names: Sequence[str], numeric: Sequence[bool]) -> str:
    cells = [
        f'<th scope="col"{" class=cb-number" if right else ""}>{esc(name)}</th>'
        for name, right in zip(names, numeric, strict=True)
    ]
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _cell_class(cell: str, is_numeric: bool) -> str:
    if is_numeric:
        return " class=cb-number"
    return " class=cb-long" if len(cell) > 40 else " class=cb-short" if len(cell) <= 20 else ""


def _body_row(cells: Sequence[str], numeric: Sequence[bool]) -> str:
    made = [
        f"<td{_cell_class(cell, right)}>{cell}</td>"
        for cell, right in zip(cells, numeric, strict=True)
    ]
    return f"<tr>{''.join(made)}</tr>"


def table(
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str = "",
    numeric: Sequence[bool] | None = None,
) -> str:
    """Return a table in its own scrolling frame. Cells are markup, names and caption text."""
    right = numeric or [False] * len(names)
    body = "".join(_body_row(row, right) for row in rows)
    if not body:
        body = f'<tr><td colspan="{len(names)}">No rows.</td></tr>'
    title = f"<caption>{esc(caption)}</caption>" if caption else ""
    return (
        f'<div class="cb-scroll" role="region" tabindex="0" aria-label="{esc(caption or "Table")}">'
        f'<table class="cb-table">{title}{_header(names, right)}<tbody>{body}</tbody></table></div>'
    )


def download(path: str, words: str = "") -> str:
    """Return the line under a table that leads to its file."""
    kind = path.rpartition(".")[2].upper()
    link = f'<a href="{artifact_link(path)}" download>Download {esc(kind)}</a>'
    return f'<p class="cb-under">{link}{" · " + esc(words) if words else ""}</p>'


def counts(checks: Sequence[Check]) -> str:
    """Return how many checks have each status, as badges."""
    found = [(status, sum(check.status == status for check in checks)) for status in MARKS]
    badges = [badge(status, f"{number} {COUNTED[status]}") for status, number in found]
    return f'<p class="cb-counts">{" ".join(badges)}</p>'


def check_row(check: Check) -> str:
    """Return a check in full: title, evidence, consequence, remedy."""
    pairs = [
        ("Evidence", check.evidence),
        ("What it means", check.consequence),
        ("What to do", check.remedy),
    ]
    return (
        f'<li class="cb-check cb-check-{check.status}" id="check-{esc(check.name)}">'
        f'<p class="cb-check-title">{badge(check.status)} {esc(check.title)}</p>'
        f"{definition_list(pairs)}</li>"
    )


def checks_panel(checks: Sequence[Check]) -> str:
    """Return counts, then failing and warning checks in full, then the others folded."""
    if not checks:
        return '<p class="cb-checks">No check was made.</p>'
    loud = [check for status in ("fail", "warn") for check in checks if check.status == status]
    quiet = [
        check for status in ("pass", "not_applicable") for check in checks if check.status == status
    ]
    shown = f'<ul class="cb-list">{"".join(map(check_row, loud))}</ul>' if loud else ""
    folded = f'<ul class="cb-list">{"".join(map(check_row, quiet))}</ul>' if quiet else ""
    if folded:
        words = f"{len(quiet)} checks that pass or do not apply"
        folded = f'<details class="cb-fold"><summary>{words}</summary>{folded}</details>'
    return f'<div class="cb-checks">{counts(checks)}{shown}{folded}</div>'


def definition_list(pairs: Iterable[tuple[str, str]]) -> str:
    """Return terms and texts, without those whose text is empty."""
    made = [
        f"<dt>{esc(term)}</dt><dd>{esc(text)}</dd>" for term, text in pairs if not is_missing(text)
    ]
    return f"<dl>{''.join(made)}</dl>" if made else ""


def small_print(metrics: Sequence[Metric], checks: Sequence[Check], panel: str) -> str:
    """Return what a sentence rests on: its metrics, and its checks with their status."""
    figures = ", ".join(
        f"<span title={chr(34)}{esc(m.key)}{chr(34)}>{esc(m.label)}</span>" for m in metrics
    )
    links = [
        f'<a href="{check_link(check, panel)}">{MARKS[check.status]} {esc(check.title)}'
        f"{hidden(' ' + WORDS[check.status])}</a>"
        for check in checks
    ]
    count = (
        f"{len(metrics)} figure{'s'[: len(metrics) != 1]}, "
        f"{len(checks)} check{'s'[: len(checks) != 1]}"
    )
    return (
        f'<details class="cb-small"><summary>Rests on {count}</summary>'
        f"<p>Figures: {figures}. Checks: {', '.join(links) or 'none'}.</p></details>"
    )


def join_names(names: Sequence[str]) -> str:
    """Return names as in `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def withdrawn(metrics: Sequence[Metric], checks: Sequence[Check]) -> str:
    """Return what stands in the place of a sentence that a failing check withdraws."""
    subject = join_names([f"“{metric.label}”" for metric in metrics])
    reasons = "; ".join(
        f"check “{check.title}” fails: {(check.consequence or check.evidence).rstrip('.')}"
        for check in checks
        if check.status == "fail"
    )
    return (
        f'<p class="cb-withdrawn">{badge("fail", "Withdrawn")}: nothing is said about '
        f"{esc(subject)}, because {esc(reasons)}.</p>"
    )


def unknown(metrics: Sequence[Metric]) -> str:
    """Return what stands in the place of a sentence whose figures are not available."""
    missing = [metric for metric in metrics if is_missing(metric.value)]
    subject = ", ".join(f"“{metric.label}”" for metric in missing or metrics)
    return (
        f'<p class="cb-unknown">{badge("not_applicable", "Not known")}: {esc(subject)} cannot be '
        "computed from these data.</p>"
    )


def action_card(
    row: Row, metrics: Sequence[Metric], checks: Sequence[Check], status: str, panel: str
) -> str:
    """Return one action: its name as title, the other columns as terms and texts."""
    skipped = ("action", "checks", "metrics", "title")
    pairs = [(prettify(name), text) for name, text in row.items() if name not in skipped]
    title = f'<p class="cb-action-title">{esc(row.get("title") or row.get("action", ""))}</p>'
    if status == "fail":
        reason = f"{badge('fail', 'Withdrawn')}: {esc(explain(checks, 'fail'))}"
        return (
            f'<li class="cb-action cb-card-fail">{title}<p class="cb-withdrawn">{reason}</p></li>'
        )
    caution = ""
    if status == "warn":
        caution = f'<p class="cb-caution">{badge("warn")} {esc(explain(checks, "warn"))}</p>'
    small = small_print(metrics, checks, panel) if checks else ""
    return f'<li class="cb-action">{title}{caution}{definition_list(pairs)}{small}</li>'


def actions(cards: Sequence[str]) -> str:
    """Return the actions as cards."""
    if not cards:
        return '<p class="cb-actions">No action follows from these data.</p>'
    return f'<ol class="cb-actions">{"".join(cards)}</ol>'


def published_claims(rows: Sequence[Row]) -> str:
    """Return the published claims as cards: the sentence, what the data say, what to use."""
    words = {"fail": "refuted", "warn": "doubtful", "pass": "holds", "not_applicable": "not asked"}
    cards = [
        f'<li class="cb-check cb-check-{row["verdict"]}" id="claim-{esc(row["check"])}">'
        f'<p class="cb-check-title">{badge(row["verdict"], words[row["verdict"]])} '
        f"“{esc(row['published'])}”</p><dl><dt>The data say</dt><dd>{esc(row['data_say'])}</dd>"
        f"<dt>Use instead</dt><dd>{esc(row['use_instead'])}</dd></dl></li>"
        for row in rows
    ]
    return f'<ul class="cb-list">{"".join(cards)}</ul>'


def figure(data: str, size: tuple[int, int], alt: str, caption: str) -> str:
    """Return an image, given as base64, with its alternative text and caption."""
    width, height = size
    below = f"<figcaption>{esc(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="cb-figure"><img src="data:image/png;base64,{data}" alt="{esc(alt)}" '
        f'width="{width}" height="{height}">{below}</figure>'
    )


def _with_code(text: str) -> str:
    return re.sub(r"`{1,2}([^`]+)`{1,2}", r"<code>\1</code>", esc(text))


def _paragraph(block: str) -> str:
    lines = [line.strip() for line in block.splitlines()]
    if lines[0].startswith(("- ", "* ")):
        items = re.split(r"\n\s*[-*] ", "\n" + "\n".join(lines))[1:]
        made = "".join(f"<li>{_with_code(' '.join(item.split()))}</li>" for item in items)
        return f"<ul>{made}</ul>"
    return f"<p>{_with_code(' '.join(lines))}</p>"


def docstring(text: str, source: str, title: str) -> str:
    """Return a docstring as paragraphs and lists, with the name of what it documents."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    head = f'<p class="cb-definition-title">{esc(title)}</p>' if title else ""
    return (
        f'<div class="cb-definition">{head}{"".join(map(_paragraph, blocks))}'
        f'<p class="cb-small">From <code>{esc(source)}</code></p></div>'
    )


def plain(value: Any) -> str:
    """Return a value of the manifest or of a parameter as text; blank when it is empty."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(item)}" for name, item in value.items()) or BLANK
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or BLANK
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return BLANK if is_missing(value) else str(value)
