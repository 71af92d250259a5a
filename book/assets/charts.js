// Values of a chart on hover, tap and keyboard. Without this script each mark's <title> says them.
(() => {
  "use strict";
  const NEAR = 40; // pixels
  const setUp = (figure) => {
    const tip = document.createElement("div");
    tip.className = "cb-tip";
    tip.hidden = true;
    tip.setAttribute("aria-hidden", "true"); // the mark itself is read out
    figure.append(tip);
    let now = null;
    const hide = () => {
      if (now) now.classList.remove("cb-now");
      now = null;
      tip.hidden = true;
    };
    const say = (mark) => {
      if (now === mark) return;
      hide();
      now = mark;
      mark.classList.add("cb-now");
      tip.textContent = mark.getAttribute("aria-label");
      tip.hidden = false;
      const box = figure.getBoundingClientRect();
      const at = mark.getBoundingClientRect();
      const left = at.left + at.width / 2 - box.left - tip.offsetWidth / 2;
      const above = at.top - box.top - tip.offsetHeight - 8;
      tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${above > 0 ? above : at.bottom - box.top + 8}px`;
    };
    for (const svg of figure.querySelectorAll(".cb-drawing svg")) {
      const marks = [...svg.querySelectorAll(".cb-marks circle")];
      if (!marks.length) continue;
      svg.setAttribute("role", "group");
      svg.querySelector(".cb-drawn").setAttribute("aria-hidden", "true");
      marks.forEach((mark, place) => {
        const title = mark.querySelector("title");
        mark.setAttribute("aria-label", title.textContent);
        mark.setAttribute("role", "img");
        mark.setAttribute("tabindex", place ? "-1" : "0"); // one stop per chart; arrows go on
        title.remove();
        mark.addEventListener("focus", () => say(mark));
        mark.addEventListener("blur", hide);
      });
      const nearest = (event) => {
        let best = null;
        let least = NEAR ** 2;
        for (const mark of marks) {
          const at = mark.getBoundingClientRect();
          const across = at.left + at.width / 2 - event.clientX;
          const up = at.top + at.height / 2 - event.clientY;
          const distance = across ** 2 + up ** 2;
          if (distance < least) [best, least] = [mark, distance];
        }
        return best;
      };
      const point = (event) => {
        const mark = nearest(event);
        if (mark) say(mark);
        else hide();
      };
      svg.addEventListener("pointermove", point);
      svg.addEventListener("pointerdown", point);
      svg.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") hide();
      });
      svg.addEventListener("keydown", (event) => {
        const at = marks.indexOf(document.activeElement);
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        const ends = { Home: 0, End: marks.length - 1 }[event.key];
        if (event.key === "Escape") hide();
        if (at < 0 || (step === undefined && ends === undefined)) return;
        event.preventDefault();
        const next = ends ?? Math.max(0, Math.min(at + step, marks.length - 1));
        marks[at].setAttribute("tabindex", "-1");
        marks[next].setAttribute("tabindex", "0");
        marks[next].focus({ preventScroll: true });
      });
    }
  };
  const start = () => document.querySelectorAll(".cb-chart").forEach(setUp);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
