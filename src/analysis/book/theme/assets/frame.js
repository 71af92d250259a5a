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
    const see = new ResizeObserver((entries) => {
      for (const entry of entries) {
        const frame = entry.target.closest(".cb-scroll");
        const scrolls = frame.scrollWidth > frame.clientWidth;
        frame.tabIndex = scrolls ? 0 : -1;
        frame.classList.toggle("cb-scrolls", scrolls);
      }
    });
    document.querySelectorAll(".cb-scroll, .cb-scroll > table").forEach((part) => see.observe(part));
  };

  const language = document.documentElement.lang || "en";
  const point = new Intl.NumberFormat(language).format(1.5).charAt(1);
  const order = new Intl.Collator(language, { numeric: true });
  const months = Array.from({ length: 12 }, (_, month) =>
    new Intl.DateTimeFormat(language, { month: "long" })
      .format(new Date(2001, month, 2)).toLowerCase().slice(0, 3));

  /** Return a date such as "21 September 2025" as 20250921, a month as its day 0, else null. */
  const dateOf = (text) => {
    const parts = text.toLowerCase().match(/^(?:(\d{1,2})\s(?:de\s)?)?(\p{L}{3})\S*\s(?:de\s)?(\d{4})$/u);
    const month = parts ? months.indexOf(parts[2]) : -1;
    return month < 0 ? null : Number(parts[3]) * 10000 + month * 100 + Number(parts[1] ?? 0);
  };

  /** Return the first number of a cell as its reader's language writes it, else null. */
  const numberOf = (text) => {
    const found = text.replace(/\u2212/g, "-").match(/-?\d[\d.,]*/);
    if (!found) return null;
    const digits = [...found[0]].filter((sign) => /[-\d]/.test(sign) || sign === point);
    return Number(digits.join("").replace(point, "."));
  };

  /** Return what a cell is sorted by: a number, a date as a number, or its text; in a column of
      numbers nothing where a word such as "withheld" stands in place of one. */
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.textContent.trim();
    const isNumber = cell.matches(".gt_right, .cb-number");
    return isNumber ? (numberOf(text) ?? "") : (dateOf(text) ?? text);
  };

  /** Sort the rows of a table by a column; cells without a value come last. */
  const sortBy = (table, head) => {
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isEmpty = (key) => key === "" || key === "–";
    const compare = (a, b) => {
      const [left, right] = [keyOf(a, column), keyOf(b, column)];
      if (isEmpty(left) || isEmpty(right)) return isEmpty(left) - isEmpty(right);
      const areNumbers = typeof left === "number" && typeof right === "number";
      const both = areNumbers ? left - right : order.compare(left, right);
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
