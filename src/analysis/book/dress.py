"""How every table of great_tables looks on a page."""

from typing import TypeVar

from great_tables import GT

Dressed = TypeVar("Dressed", bound=GT)
RULE = "#8888886b"  # grey, translucent: a hairline on any background


def dress(table: Dressed, table_id: str) -> Dressed:
    """Return a table in the page's own font and colours, with hairlines, for light and dark."""
    parts = ("gt_table", "gt_heading", "gt_title", "gt_col_heading", "gt_row", "gt_sourcenotes")
    selector = ", ".join(f"#{table_id} .{part}" for part in parts)
    return table.tab_options(
        table_font_names="inherit",
        table_font_size="0.9em",
        table_layout="auto",
        table_margin_left="0",
        heading_align="left",
        column_labels_font_weight="bold",
        container_overflow_x="auto",
        container_overflow_y="hidden",
        table_border_top_color=RULE,
        table_border_bottom_color=RULE,
        column_labels_border_top_style="none",
        column_labels_border_bottom_color=RULE,
        table_body_border_top_color=RULE,
        table_body_border_bottom_color=RULE,
        table_body_hlines_color=RULE,
    ).opt_css(
        f"{selector} {{ color: inherit !important; background-color: transparent !important; }}\n"
        f"#{table_id} td.gt_right {{ white-space: nowrap; }}"
    )
