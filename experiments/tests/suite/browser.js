// Opens REPORT at two widths and writes what it saw into the page, as JSON.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const WATCH = `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><script>
window.problems = [];
addEventListener("error", (event) => problems.push(String(event.message)), true);
addEventListener("securitypolicyviolation", (event) => problems.push("asked for " + event.blockedURI));
<\/script>`;

const frame = (width) => {
  const made = document.createElement("iframe");
  made.style.cssText = `width:${width}px;height:800px;border:0`;
  made.srcdoc = REPORT.replace("<head>", "<head>" + WATCH);
  return new Promise((resolve) => {
    made.onload = () => resolve(made);
    document.body.append(made);
  });
};

const look = (frame, width) => {
  const window = frame.contentWindow;
  const page = frame.contentDocument;
  const problems = [...window.problems];
  for (const entry of window.performance.getEntriesByType("resource")) problems.push("loaded " + entry.name);
  const isSeen = (element) => element.getClientRects().length > 0;
  const marks = [...page.querySelectorAll("figure svg [aria-label][tabindex]")].filter(isSeen);
  const card = page.querySelector(".card");
  const [cards, outside] = [{}, []];
  const note = (how) => {
    cards[how] = card.hidden ? "" : [...card.children].map((line) => line.innerText.replace("\n", ": ")).join("\n");
    const box = card.getBoundingClientRect();
    if (box.left < 0 || box.right > width || box.top < 0 || box.bottom > 800) outside.push(how);
  };
  const key = (name) => page.activeElement.dispatchEvent(new window.KeyboardEvent("keydown", { key: name, bubbles: true }));
  const at = (mark) => {
    mark.scrollIntoView({ block: "center", inline: "center" });
    const box = mark.getBoundingClientRect();
    return { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true };
  };
  window.focus();
  marks[0].focus();
  note("focus");
  key("ArrowRight");
  note("arrow");
  key("End");
  note("end");
  key("Escape");
  page.activeElement.blur();
  marks[0].dispatchEvent(new window.PointerEvent("pointermove", { ...at(marks[0]), pointerType: "mouse" }));
  note("hover");
  page.body.click();
  marks[0].dispatchEvent(new window.MouseEvent("click", at(marks[0])));
  note("tap");
  page.body.click();
  const hidden = card.hidden && page.querySelectorAll(".on").length === 0;
  const clipped = [];
  for (const text of page.querySelectorAll("figure svg text")) {
    if (!isSeen(text)) continue;
    const [inner, outer] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
    const reaches = Math.max(outer.left - inner.left, inner.right - outer.right, outer.top - inner.top, inner.bottom - outer.bottom);
    if (reaches > 1) clipped.push(text.textContent);
  }
  return { problems, width, content: page.documentElement.scrollWidth, marks: marks.length, cards, clipped, outside, hidden };
};

(async () => {
  const seen = [];
  for (const width of [1200, 390]) {
    const made = await frame(width);
    seen.push(look(made, width));
    made.remove();
  }
  const result = document.createElement("pre");
  result.id = "seen";
  result.textContent = JSON.stringify(seen);
  document.body.append(result);
})();
