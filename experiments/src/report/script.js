// Cards beside the marks of the pictures: for a mouse, a finger and the arrow keys. Without this, a mark's title shows where there is a mouse.
"use strict";
(() => {
  const card = document.createElement("div");
  card.className = "card";
  card.setAttribute("role", "status");
  card.hidden = true;
  document.body.append(card);
  let shown = null;

  // A name in the first line; below it "name: value" lines, and lines of text.
  const fill = (text) => {
    card.textContent = "";
    const [name, ...lines] = text.split("\n");
    const head = document.createElement("b");
    head.textContent = name;
    card.append(head);
    for (const line of lines) {
      const colon = line.indexOf(": ");
      const row = document.createElement("div");
      if (colon < 0) {
        row.className = "text";
        row.textContent = line;
      } else {
        const [key, value] = [document.createElement("span"), document.createElement("span")];
        key.textContent = line.slice(0, colon);
        value.textContent = line.slice(colon + 2);
        row.append(key, value);
      }
      card.append(row);
    }
  };

  // Beside its mark where there is room, so that it hides little of a rising front; else above or below it. Always inside the window.
  const place = () => {
    if (!shown) return;
    const mark = shown.getBoundingClientRect();
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    const [across, down] = [document.documentElement.clientWidth, window.innerHeight];
    let [left, top] = [mark.right + 12, mark.top];
    if (left + width > across - 8) left = mark.left - width - 12;
    if (left < 8) {
      left = mark.left + mark.width / 2 - width / 2;
      top = mark.top - height - 10 >= 4 ? mark.top - height - 10 : mark.bottom + 10;
    }
    card.style.left = Math.max(8, Math.min(left, across - width - 8)) + "px";
    card.style.top = Math.max(4, Math.min(top, down - height - 4)) + "px";
  };

  const show = (mark) => {
    if (mark === shown) return;
    hide();
    shown = mark;
    mark.classList.add("on");
    fill(mark.getAttribute("aria-label"));
    card.hidden = false;
    place();
  };

  const hide = () => {
    if (shown) shown.classList.remove("on");
    shown = null;
    card.hidden = true;
  };

  // The mark at a point, or the nearest that is not further away than this.
  const nearest = (marks, x, y, reach) => {
    let best = null;
    let least = [reach, Infinity];
    for (const mark of marks) {
      const box = mark.getBoundingClientRect();
      const off = Math.hypot(
        Math.max(box.left - x, 0, x - box.right),
        Math.max(box.top - y, 0, y - box.bottom)
      );
      const middle = Math.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y);
      if (off < least[0] || (off === least[0] && middle < least[1])) {
        best = mark;
        least = [off, middle];
      }
    }
    return best;
  };

  for (const svg of document.querySelectorAll("figure svg")) {
    const marks = [];
    for (const title of [...svg.querySelectorAll("title")]) {
      const mark = title.parentNode;
      if (mark === svg) continue;
      // the card takes the place of the browser's own tip
      mark.setAttribute("aria-label", title.textContent);
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", "-1");
      title.remove();
      marks.push(mark);
    }
    if (marks.length === 0) continue;
    // one stop of the tabulator for a picture; the arrows go from mark to mark
    let current = 0;
    marks[0].setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const to = { Home: 0, End: marks.length - 1 }[event.key] ?? current + step;
      if (event.key === "Escape") hide();
      if (!Number.isInteger(to)) return;
      event.preventDefault();
      marks[Math.max(0, Math.min(to, marks.length - 1))].focus();
    });
    marks.forEach((mark, index) => {
      mark.addEventListener("focus", () => {
        marks[current].setAttribute("tabindex", "-1");
        current = index;
        mark.setAttribute("tabindex", "0");
        show(mark);
      });
      mark.addEventListener("blur", hide);
    });
    svg.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const mark = nearest(marks, event.clientX, event.clientY, 12);
      if (mark) show(mark);
      else hide();
    });
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") hide();
    });
    svg.addEventListener("click", (event) => {
      const mark = nearest(marks, event.clientX, event.clientY, 28);
      if (mark) show(mark);
      event.stopPropagation();
    });
  }
  document.addEventListener("click", hide);
  window.addEventListener("scroll", place, true);
  window.addEventListener("resize", place);
})();
