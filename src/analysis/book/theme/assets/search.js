/* Search through the texts of all pages (search_texts.js): every word of the query must be in a
   section. Words match by their beginning; numbers as a whole, however they are written: "32.0 %",
   "32%", "1,255" and "1255". Works from disk: nothing is fetched. */
"use strict";

(() => {
  const AROUND = 90;
  const TOKEN = /\d+(?:[.,]\d+)*|[\p{L}_][\p{L}\p{N}_]*/gu;
  const GROUPED = /^[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*(?:[.,]\d+)?$/;

  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  /** Return a number as digits with a point, without groups and closing zeros. */
  const plainNumber = (text) => {
    const grouped = text.match(GROUPED);
    const whole = grouped ? text.split(grouped[1]).join("") : text;
    const number = whole.replace(",", ".");
    return number.includes(".") ? number.replace(/\.?0+$/, "") : number;
  };

  const isNumber = (token) => /^\d/.test(token);

  /** Return the words and numbers of a text with their places in it. */
  const tokensOf = (text) => {
    const found = [];
    for (const match of text.matchAll(TOKEN)) {
      const word = isNumber(match[0]) ? plainNumber(match[0]) : fold(match[0]);
      found.push({ word, from: match.index, to: match.index + match[0].length });
    }
    return found;
  };

  const matches = (token, wanted) =>
    isNumber(wanted) ? token.word === wanted : token.word.startsWith(wanted);

  /** Return what of a section matches, or null where a word of the query is not in it. */
  const look = (section, query) => {
    const inTitle = tokensOf(section.title);
    const inText = tokensOf(section.text);
    let score = 0;
    const places = [];
    for (const wanted of query) {
      const titled = inTitle.some((token) => matches(token, wanted));
      const hits = inText.filter((token) => matches(token, wanted));
      if (!titled && !hits.length) return null;
      score += (titled ? 10 : 0) + Math.min(hits.length, 5);
      places.push(...hits);
    }
    return { section, score, places: places.sort((a, b) => a.from - b.from) };
  };

  /** Return the text around the first place, with every place in it marked. */
  const excerptOf = ({ section, places }) => {
    const line = document.createElement("p");
    const first = places.length ? places[0].from : 0;
    const start = Math.max(0, section.text.lastIndexOf(" ", Math.max(0, first - AROUND)) + 1);
    const reach = section.text.indexOf(" ", first + 2 * AROUND);
    const end = reach < 0 ? section.text.length : reach;
    line.append(start > 0 ? "… " : "");
    let at = start;
    for (const place of places.filter((found) => found.from >= start && found.to <= end)) {
      const mark = document.createElement("mark");
      mark.textContent = section.text.slice(place.from, place.to);
      line.append(section.text.slice(at, place.from), mark);
      at = place.to;
    }
    line.append(section.text.slice(at, end), end < section.text.length ? " …" : "");
    return line;
  };

  const itemOf = (result) => {
    const { section } = result;
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = section.address;
    link.textContent = section.title;
    item.append(link);
    if (section.page !== section.title) {
      const page = document.createElement("span");
      page.className = "cb-search-page";
      page.textContent = section.page;
      item.append(" ", page);
    }
    item.append(excerptOf(result));
    return item;
  };

  const asked = new URLSearchParams(location.search).get("q") || "";
  const field = document.querySelector("#search input[name=q]");
  document.querySelectorAll("input[name=q]").forEach((input) => (input.value = asked));
  const query = tokensOf(asked).map((token) => token.word);
  if (!query.length) {
    field.focus();
    return;
  }
  const found = window.SEARCH_TEXTS.map((section) => look(section, query)).filter(Boolean);
  found.sort((a, b) => b.score - a.score);
  const status = document.getElementById("cb-search-status");
  const said = { 0: status.dataset.none, 1: status.dataset.one }[found.length];
  status.textContent = said || status.dataset.many.replace("{count}", found.length);
  document.getElementById("cb-search-results").append(...found.slice(0, 60).map(itemOf));
})();
