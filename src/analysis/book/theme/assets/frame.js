/* What the pages do beyond reading; all of it is there without this script as well, except sorting
   and filtering. */
"use strict";

(() => {
  const LONG = 12;

  /** Print on white, with everything opened, from a dark screen too. */
  const preparePrint = () => {
    const page = document.documentElement;
    let closed = [];
    let theme = "";
    window.addEventListener("beforeprint", () => {
      theme = page.dataset.theme;
      page.dataset.theme = "light";
      closed = [...document.querySelectorAll("details:not([open]):not(.cb-code)")];
      closed.forEach((details) => (details.open = true));
    });
    window.addEventListener("afterprint", () => {
      page.dataset.theme = theme;
      closed.forEach((details) => (details.open = false));
    });
  };

  /** A frame can be reached by the keyboard where it scrolls, and only there. */
  const reachFrames = () => {
    const frames = document.querySelectorAll(".cb-scroll, .bd-article pre");
    const see = () => {
      frames.forEach((frame) => {
        const scrolls = frame.scrollWidth > frame.clientWidth;
        frame.tabIndex = scrolls ? 0 : -1;
        frame.classList.toggle("cb-scrolls", scrolls);
      });
    };
    see();
    window.addEventListener("resize", see);
    document.addEventListener("toggle", see, true);
  };

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort ?? cell.textContent.trim();
  };

  /** Sort the rows of a table by a column; cells without a value come last. */
  const sortBy = (table, head) => {
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
    const compare = (a, b) => {
      const [left, right] = [keyOf(a, column), keyOf(b, column)];
      const [empty, other] = [left === "" || left === "–", right === "" || right === "–"];
      if (empty || other) return empty - other;
      const both = head.hasAttribute("data-numbers")
        ? Number(left) - Number(right) : order.compare(left, right);
      return down ? -both : both;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  };

  const makeSortable = (table) => {
    for (const head of table.tHead.rows[table.tHead.rows.length - 1].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "cb-sort";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(table, head));
      head.append(button);
    }
  };

  const makeFilter = (table, frame) => {
    const label = document.createElement("label");
    const field = document.createElement("input");
    field.type = "search";
    label.className = "cb-filter";
    label.append(`${frame.dataset.filter} `, field);
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    });
    frame.before(label);
  };

  const start = () => {
    preparePrint();
    for (const frame of document.querySelectorAll(".cb-scroll[data-filter]")) {
      const table = frame.querySelector("table");
      if (!table?.tHead || !table.tBodies.length || table.tBodies[0].rows.length < LONG) continue;
      makeSortable(table);
      makeFilter(table, frame);
    }
    reachFrames();
  };
  document.addEventListener("DOMContentLoaded", start);
})();
