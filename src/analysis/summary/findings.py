"""The findings of the first page: which sentences this run prints, and what each rests on."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.base.conditions import holds
from analysis.base.formats import is_missing
from analysis.contract.checks import Status, Verdict, check

OPENING = re.compile(r"^(?P<fence>:{3,})\{(?P<kind>claim|case)\} *(?P<argument>.*?) *$")
OPTION = re.compile(r"^:(\w+): *(.*?) *$")
NONE = "none"


@dataclass(frozen=True)
class Block:
    """One `{claim}` or `{case}` of the page: its argument, its options and its lines."""

    kind: str
    argument: str
    options: dict[str, str]
    lines: tuple[str, ...]


def blocks(lines: Sequence[str], kind: str) -> Iterator[Block]:
    """Yield the blocks of one `kind` among Markdown `lines`, in order."""
    position = 0
    while position < len(lines):
        opening = OPENING.match(lines[position])
        position += 1
        if opening is None or opening["kind"] != kind:
            continue
        end = position + [line.rstrip() for line in lines[position:]].index(opening["fence"])
        inside = list(lines[position:end])
        options: dict[str, str] = {}
        while inside and (option := OPTION.match(inside[0])):
            options[option[1]] = option[2]
            inside.pop(0)
        yield Block(kind, opening["argument"], options, tuple(inside))
        position = end + 1


def printed(page: str, context: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the findings that `page` (Markdown) prints, by name, each with its options.

    `context` is what conditions may ask of (base.conditions.context_of). As on the page, the
    first case that holds counts, and a claim none of whose metrics is available says nothing.
    """
    findings = {}
    for claim in blocks(page.splitlines(), "claim"):
        options = _options_printed(claim, context)
        keys = split_names(claim.options.get("metrics", ""))
        if options is not None and not all(is_missing(context[key]) for key in keys):
            findings[claim.argument] = {**claim.options, **options}
    return findings


def _options_printed(claim: Block, context: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the options of the case that holds, none of a claim without cases; else None."""
    cases = list(blocks(claim.lines, "case"))
    if not cases:
        return {}
    return next((case.options for case in cases if holds(case.argument, context)), None)


def checks_behind(
    options: Mapping[str, str],
    metrics: Mapping[str, Mapping[str, Any]],
    strikes: Mapping[str, Collection[str]],
) -> set[str]:
    """Return the checks that withdraw a sentence: of its metrics, or of the bases it names.

    `strikes` gives the bases that each check strikes in this run.
    """
    if rests_on := options.get("rests_on"):
        bases = set() if rests_on == NONE else set(split_names(rests_on))
        return {name for name, struck in strikes.items() if bases & set(struck)}
    keys = split_names(options.get("metrics", ""))
    return {name for key in keys for name in metrics[key]["checks"]}


def split_names(text: str) -> list[str]:
    """Return the names of a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@check(stage="10_summary")
def claims(
    findings: Mapping[str, Collection[str]],
    actions_rest_on: Sequence[Collection[str]],
    failing: Collection[str],
) -> Verdict:
    """Judge the sentences: how many findings and actions rest on a check that fails.

    `findings` and `actions_rest_on` hold the checks behind each; `failing` those that fail.
    """
    failed = set(failing)
    withdrawn = [name for name, behind in findings.items() if failed & set(behind)]
    actions = sum(bool(failed & set(behind)) for behind in actions_rest_on)
    facts = {"withdrawn_actions": actions, "actions": len(actions_rest_on),
             "withdrawn_findings": len(withdrawn), "findings": len(findings),
             "names": withdrawn}  # fmt: skip
    count, n = actions + len(withdrawn), len(actions_rest_on) + len(findings)
    status: Status = "warn" if count else "pass"
    return Verdict("claims", status, float(count), n=n, facts=facts)
