"""The Sphinx extension of the book: prints results and publishes artifacts."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from analysis.base import language
from analysis.book import (
    about,
    claims,
    codebook,
    computed,
    frame,
    front,
    nodes,
    openings,
    problems,
    reference,
    reproduce,
    results,
    retell,
    search,
    striking,
    studies,
    tables,
    workbook,
)
from analysis.book.directive import data_dir, open_artifacts
from analysis.book.downloads import publish

DIRECTIVES = {
    "when": results.When,
    "claim": claims.Claim,
    "case": claims.Case,
    "findings": claims.Findings,
    "about": front.About,
    "first-chart": front.FirstChart,
    "tiles": front.Tiles,
    "lines": front.Lines,
    "opening": openings.Opening,
    "limits": openings.Limits,
    "checks-panel": results.ChecksPanel,
    "published-claims": results.PublishedClaims,
    "usual-shortcuts": results.UsualShortcuts,
    "actions": results.Actions,
    "artifact-table": reference.ArtifactTable,
    "study-table": studies.StudyTable,
    "metric-definition": reference.MetricDefinition,
    "contract": reference.Contract,
    "data-dictionary": reference.DataDictionary,
    "parameters": reference.Parameters,
    "provenance": reference.Provenance,
    "reproduce": reproduce.Reproduce,
}


def publish_artifacts(app: Sphinx, error: Exception | None) -> None:
    """Put what readers may download into the site: tables with heads in words, the codebook, and
    one workbook of all tables.
    """
    if error is None and app.builder.format == "html":
        artifacts = Path(app.outdir) / "artifacts"
        publish(data_dir(app), artifacts)
        studies.publish_studies(Path(app.srcdir) / "book", artifacts)
        published = codebook.all_tables()
        codebook.label_heads(artifacts, published)
        currency = open_artifacts(app.env).currency()
        codebook.write_codebook(artifacts, published, currency)
        workbook.keep_workbook(artifacts, published, Path(app.doctreedir), currency)


def speak(app: Sphinx, config: Config) -> None:
    """Render the texts of the book in the language of its pages."""
    language.use(str(config.language), Path(app.srcdir) / "book" / "locale")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role, the directives and the events."""
    app.setup_extension("sphinx_design")
    app.add_config_value("churnbook_data", "data", "env", types=[str])
    app.add_node(nodes.kpi, html=(nodes.visit_kpi, nodes.depart_kpi))
    app.add_node(nodes.headline, html=(nodes.visit_headline, nodes.depart_headline))
    app.add_node(claims.finding, html=(nodes.visit_finding, nodes.depart_finding))
    app.add_node(nodes.page_html, html=(nodes.visit_page_html, None))
    formula = (nodes.visit_math, None)
    app.add_html_math_renderer("as_written", inline_renderers=formula, block_renderers=formula)
    app.add_role("kpi", results.KpiRole())
    app.add_role("product", about.ProductRole())
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.connect("env-purge-doc", problems.forget_page)
    app.connect("env-merge-info", problems.merge_pages)
    app.add_css_file("frame.css")
    app.add_js_file("frame.js")
    app.connect("config-inited", speak, priority=0)
    app.connect("config-inited", frame.add_theme)
    app.connect("builder-inited", frame.leave_search)
    app.connect("doctree-read", retell.retell_page)
    app.connect("doctree-read", striking.strike_page)
    app.connect("doctree-read", computed.gather_code)
    app.connect("doctree-read", tables.dress_tables)
    app.connect("doctree-read", problems.report_placeholders)
    app.connect("env-updated", problems.stop_on_problems)
    app.connect("env-get-outdated", about.outdated_pages)
    app.connect("html-page-context", about.name_run)
    app.connect("html-page-context", frame.describe_page, priority=900)
    app.connect("build-finished", publish_artifacts)
    app.connect("build-finished", frame.drop_unused)
    app.connect("build-finished", frame.say_theme)
    app.connect("build-finished", search.write_texts)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
