"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const AT_ONCE = 200;
  const byId = (id) => document.getElementById(id);

  // All that a project named goes through here: as text, never as markup.
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  // Tests

  const list = byId("list"), filter = byId("filter"), which = byId("which"), more = byId("more"), count = byId("count");
  let found = [], shown = 0;

  const isBad = (test) => test[1] === "failed" || test[1] === "error";
  const chosen = () => {
    const text = filter.value.toLowerCase();
    let tests = data.tests;
    if (which.value === "selected") tests = tests.filter((test) => test[3] >= 0);
    if (which.value === "failed") tests = tests.filter(isBad);
    if (which.value === "slow") tests = [...tests].sort((a, b) => b[2] - a[2]);
    if (text) tests = tests.filter((test) =>
      test[0].toLowerCase().includes(text) || (test[3] >= 0 && data.reasons[test[3]][1].toLowerCase().includes(text)));
    return tests;
  };

  const row = (test) => {
    const item = make("li");
    const head = test[3] >= 0 ? make("summary") : make("div");
    head.append(make("span", test[1] || "new", `outcome ${isBad(test) ? test[1] : ""}`), " ", make("span", test[0]), " ",
      make("span", test[1] ? `${test[2].toFixed(3)} s` : "", "seconds"));
    if (test[3] < 0) { item.append(head); return item; }
    const [kind, reason, chain] = data.reasons[test[3]];
    const details = make("details");
    const steps = make("ol", undefined, "chain");
    steps.append(make("li", `${kind}: ${reason}`));
    for (const [what, how, name, place] of chain)
      steps.append(make("li", [what, name, how, place && `at ${place}`].filter(Boolean).join(" ")));
    details.append(head, steps);
    item.append(details);
    return item;
  };

  const showMore = () => {
    const next = found.slice(shown, shown + AT_ONCE);
    list.append(...next.map(row));
    shown += next.length;
    more.hidden = shown >= found.length;
    count.textContent = `${found.length.toLocaleString("en")} tests` + (more.hidden ? "" : `, ${shown} shown`);
  };
  const renew = () => { found = chosen(); shown = 0; list.replaceChildren(); showMore(); };
  let waiting;
  filter.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(renew, 120); });
  which.addEventListener("change", renew);
  more.addEventListener("click", showMore);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== filter) { event.preventDefault(); filter.focus(); }
    if (event.key === "Escape" && document.activeElement === filter) { filter.value = ""; renew(); }
  });
  if (!data.tests.some((test) => test[3] >= 0)) which.value = "slow";
  renew();

  // Map: rows of files, each row as square as it can be

  const map = byId("map"), file = byId("file");
  const most = Math.max(1, ...data.files.map((entry) => entry[2]));

  const worst = (row, sum, side) => {
    const thickness = sum / side;
    return Math.max(...row.map((entry) => { const length = entry.area / thickness; return Math.max(length / thickness, thickness / length); }));
  };
  const layOut = (entries, x, y, width, height) => {
    const placed = [];
    let rest = entries;
    while (rest.length && width > 0 && height > 0) {
      const side = Math.min(width, height);
      let row = [rest[0]], sum = rest[0].area;
      while (row.length < rest.length) {
        const next = rest[row.length];
        if (worst([...row, next], sum + next.area, side) > worst(row, sum, side)) break;
        row.push(next);
        sum += next.area;
      }
      const thickness = sum / side;
      let offset = 0;
      for (const entry of row) {
        const length = entry.area / thickness;
        placed.push(width >= height ? { entry, x, y: y + offset, w: thickness, h: length } : { entry, x: x + offset, y, w: length, h: thickness });
        offset += length;
      }
      if (width >= height) { x += thickness; width -= thickness; } else { y += thickness; height -= thickness; }
      rest = rest.slice(row.length);
    }
    return placed;
  };

  const showFile = (entry, button) => {
    for (const other of map.children) other.setAttribute("aria-pressed", String(other === button));
    const [path, , tests, functions] = entry;
    const table = make("table"), head = make("tr"), body = make("tbody");
    head.append(make("th", "line", "number"), make("th", "function"), make("th", "tests", "number"), make("th", "not reached"));
    for (const [name, line, blocks, unreached, reaching] of functions) {
      const tr = make("tr");
      const gaps = unreached.length === blocks ? "at all" : unreached.length ? `line ${unreached.slice(0, 12).join(", ")}` : "";
      tr.append(make("td", line, "number"), make("td", name), make("td", reaching, "number"), make("td", gaps));
      body.append(tr);
    }
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    file.replaceChildren(make("h3", `${path}: ${tests} tests`), table);
  };

  const draw = () => {
    const width = map.clientWidth, height = map.clientHeight;
    const total = data.files.reduce((sum, entry) => sum + Math.max(1, entry[1]), 0) || 1;
    const entries = data.files.map((file) => ({ file, area: Math.max(1, file[1]) / total * width * height }));
    map.replaceChildren();
    for (const { entry, x, y, w, h } of layOut(entries, 0, 0, width, height)) {
      const [path, lines, tests] = entry.file;
      const share = Math.sqrt(tests / most);
      const button = make("button", w > 44 && h > 16 ? path.split("/").pop() : "");
      button.type = "button";
      button.title = `${path}: ${lines} lines, ${tests} tests`;
      button.setAttribute("aria-label", button.title);
      if (tests && share > 0.55) button.className = "light";
      Object.assign(button.style, { left: `${x / width * 100}%`, top: `${y / height * 100}%`, width: `${w / width * 100}%`, height: `${h / height * 100}%`,
        background: tests ? `hsl(174 45% ${88 - 62 * share}%)` : "hsl(20 80% 78%)" });
      button.addEventListener("click", () => showFile(entry.file, button));
      map.append(button);
    }
    if (!data.files.length) map.textContent = "No code with functions was recorded.";
  };
  let resizing;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(draw, 150); });
  draw();
})();
