
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const table = $("matrix");
  document.documentElement.classList.add("js");
  $("causes-all").open = false;
  if (!table) return;
  const body = table.tBodies[0], panel = $("panel"), status = $("status");
  const edges = new Set(data.edges);
  const rowOf = new Map();      // number of a worklist -> its row
  const partsOf = new Map();    // number of a worklist -> the rows of its constraints
  const expanded = new Set();
  const state = { show: "", order: "worst", find: "", view: "written", list: -1, part: -1, source: -1 };
  let limit = data.pageSize, allOpen = false, writing = false;

  const el = (tag, cls, ...inside) => {
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    node.append(...inside.filter((x) => x !== null && x !== ""));
    return node;
  };
  const svg = (name, cls) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    if (cls) node.setAttribute("class", cls);
    node.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#" + name);
    node.append(use);
    return node;
  };
  const button = (cls, ...inside) => { const b = el("button", cls, ...inside); b.type = "button"; return b; };
  const say = (text) => { status.textContent = text; };
  const verdict = (list, part, source) => {
    const at = data.rows[part < 0 ? data.lists[list].row : data.lists[list].parts[part][4]][source];
    if (at < 0) return null;
    const [kind, mark, grade, sentence, adds, misses, causes, trace, p] = data.verdicts[at];
    const plan = p.length ? { kind: p[0], mark: p[1], word: p[2], sentence: p[3], adds: p[4], misses: p[5], causes: p[6], by: data.strings[p[7]], changed: p[8] } : null;
    return { kind, mark, grade, sentence, adds, misses, causes, trace, plan };
  };

  // Rows
  const cellOf = (v, source) => {
    const planned = v && state.view === "planned" ? v.plan : null;
    const kind = planned ? planned.kind : v ? v.kind : "none", mark = planned ? planned.mark : v ? v.mark : "";
    const slot = el("span", "slot");
    if (mark === "!") slot.append(svg("bang", "bang"), el("span", "vh", "unreliable: "));
    const word = el("span", "word", planned ? planned.word : data.words[kind]);
    if (planned && planned.changed) word.append(el("span", "plan", "written: " + data.words[v.kind]));
    else if (!planned && v && v.plan && v.plan.changed) word.append(el("span", "plan p-" + v.plan.kind, svg("arrow", "arrow"), el("span", "vh", ", as planned "), v.plan.word));
    const b = button("cell", slot, svg("s-" + kind, "sign"), word);
    const letter = v && data.grades[v.grade] ? data.grades[v.grade][0] : "";
    if (letter) b.append(el("span", "vh", ", evidence "), el("span", "grade", letter));
    b.tabIndex = -1;
    return el("td", "k-" + kind + (mark ? " marked" : "") + (edges.has(source) ? " edge" : ""), b);
  };
  const listRow = (number) => {
    if (rowOf.has(number)) return rowOf.get(number);
    const list = data.lists[number];
    const name = el("span", "", list.name);
    if (!list.whole) name.append(" ", el("span", "badge", "not read completely"));
    const head = el("th", "");
    head.scope = "row";
    if (list.parts.length) {
      const b = button("expand", svg("chevron", ""), name);
      b.setAttribute("aria-expanded", "false");
      b.tabIndex = -1;
      head.append(b);
    } else head.append(el("span", "name-only", el("span", "noexpand"), name));
    if (list.about) head.append(el("span", "place", el("span", "clamp", list.about)));
    head.append(el("span", "place", list.file + ":" + list.line));
    const row = el("tr", "", head, ...data.sources.map((_, s) => cellOf(verdict(number, -1, s), s)));
    row.dataset.list = number;
    rowOf.set(number, row);
    return row;
  };
  const partRows = (number) => {
    if (!partsOf.has(number)) {
      partsOf.set(number, data.lists[number].parts.map((part, at) => {
        const head = el("th", "", el("code", "clamp", part[0]), el("span", "place", part[2]));
        head.scope = "row";
        const row = el("tr", "sub", head, ...data.sources.map((_, s) => cellOf(verdict(number, at, s), s)));
        row.dataset.list = number;
        row.dataset.part = at;
        return row;
      }));
    }
    return partsOf.get(number);
  };
  const expand = (number, open) => {
    const b = listRow(number).querySelector(".expand");
    if (!b) return;
    b.setAttribute("aria-expanded", String(open));
    if (open) { expanded.add(number); listRow(number).after(...partRows(number)); }
    else {
      expanded.delete(number);
      (partsOf.get(number) || []).forEach((row) => row.remove());
    }
  };

  // Which rows, in which order
  const matching = () => {
    const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    data.lists.forEach((list, number) => {
      if (state.show && !list[state.show]) return;
      if (words.length) {
        const text = [list.name, list.file, list.about, ...list.parts.map((p) => p[0] + " " + p[2])].join(" ").toLowerCase();
        if (!words.every((w) => text.includes(w))) return;
      }
      found.push(number);
    });
    if (state.order === "file") found.sort((a, b) => data.lists[a].order - data.lists[b].order);
    return found;
  };
  const draw = (aloud) => {
    const found = matching(), all = data.lists.length;
    const drawn = found.slice(0, limit);
    if (state.list >= 0 && !drawn.includes(state.list)) close(false);
    const rows = [];
    drawn.forEach((number) => { rows.push(listRow(number)); if (expanded.has(number)) rows.push(...partRows(number)); });
    body.replaceChildren(...rows);
    document.querySelectorAll(".count").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.show === state.show)));
    $("order").value = state.order;
    if ($("find").value !== state.find) $("find").value = state.find;
    const text = (drawn.length === all ? "All " + all : drawn.length + " of " + all) + " worklists shown";
    $("shown").textContent = text;
    const more = $("more");
    if (more) {
      more.hidden = drawn.length >= found.length;
      more.textContent = "The first " + drawn.length + " of " + found.length + " worklists are shown; show more";
    }
    if (aloud) say(text);
    rove();
  };

  // The matrix is one stop of the Tab key; arrows move inside it
  const stops = (row) => [row.querySelector(".expand"), ...row.querySelectorAll(".cell")];
  let current = null;
  const rove = (to) => {
    if (current) current.tabIndex = -1;
    current = to || (current && current.isConnected ? current : null) || body.querySelector(".expand, .cell");
    if (current) current.tabIndex = 0;
  };
  table.addEventListener("focusin", (event) => { if (event.target.matches(".cell, .expand")) rove(event.target); });
  table.addEventListener("keydown", (event) => {
    const at = event.target;
    if (!at.matches(".cell, .expand") || event.altKey || event.metaKey) return;
    const row = at.closest("tr"), rows = [...body.rows], line = stops(row);
    let r = rows.indexOf(row), c = line.indexOf(at);
    switch (event.key) {
      case "ArrowRight": c += 1; break;
      case "ArrowLeft": c -= 1; break;
      case "ArrowDown": r += 1; break;
      case "ArrowUp": r -= 1; break;
      case "Home": c = 0; if (event.ctrlKey) r = 0; break;
      case "End": c = line.length - 1; if (event.ctrlKey) r = rows.length - 1; break;
      default: return;
    }
    event.preventDefault();
    if (r < 0 || r >= rows.length) return;
    const next = stops(rows[r]);
    const to = next[Math.max(0, Math.min(c, next.length - 1))] || (c <= 0 && at.matches(".cell") && r === rows.indexOf(row) ? null : next[1]);
    if (!to) return;
    to.focus();
    if (!panel.hidden && to.matches(".cell")) open(to, false);
  });
  table.addEventListener("click", (event) => {
    const b = event.target.closest("button");
    if (!b) return;
    if (b.matches(".expand")) {
      const number = Number(b.closest("tr").dataset.list);
      expand(number, !expanded.has(number));
      return;
    }
    rove(b);
    if (!panel.hidden && b.getAttribute("aria-current") === "true") $("panel-title").focus();
    else open(b, true);
  });

  // The details of a cell
  const section = (title, ...inside) => inside.length ? [el("h3", "", title), ...inside] : [];
  const cellAt = (list, part, source) => {
    const row = part < 0 ? listRow(list) : partRows(list)[part];
    return row.querySelectorAll(".cell")[source];
  };
  const fill = (list, part, source) => {
    const v = verdict(list, part, source), l = data.lists[list], s = data.sources[source];
    const place = $("panel-place"), title = $("panel-title"), inside = $("panel-body");
    place.replaceChildren(el("b", "", l.name), "at " + s.name + (s.about ? " (" + s.about + ")" : ""));
    const nodes = [];
    if (part >= 0) {
      const p = l.parts[part];
      nodes.push(el("div", "asked", el("code", "", p[0]), el("div", "place", p[2]), el("div", "place", p[3])));
    }
    if (!v) {
      title.replaceChildren(svg("s-none", "sign"), el("span", "", "Not judged: " + data.notJudged + "."));
      inside.replaceChildren(...nodes);
      return "Not judged";
    }
    const values = { source: s.name, what: l.what, What: l.what[0].toUpperCase() + l.what.slice(1) };
    const spoken = (number) => data.strings[number].replace(/\{(source|what|What)\}/g, (_, k) => values[k]);
    const sentence = spoken(v.sentence);
    const head = state.view === "planned" && v.plan ? v.plan : v;
    title.replaceChildren(...(head.mark === "!" ? [svg("bang", "bang")] : []), svg("s-" + head.kind, "sign"), el("span", "", spoken(head.sentence)));
    if (part < 0) {
      const jumps = l.parts.map((p, at) => [p, at, verdict(list, at, source)]).filter(([, , w]) => w && w.mark).map(([p, at, w]) => {
        const b = button("jump", ...(w.mark === "!" ? [svg("bang", "bang")] : []), svg("s-" + w.kind, "sign"), el("code", "clamp", p[0]), el("span", "word", data.words[w.kind]));
        b.addEventListener("click", () => { expand(list, true); open(cellAt(list, at, source), true); });
        return b;
      });
      nodes.push(...section(jumps.length > 1 ? "Conditions that cause it" : "The condition that causes it", ...jumps));
    }
    const causes = v.causes.map((id) => $("cause-" + id)).filter(Boolean);
    const pick = (cause, cls) => { const found = cause.querySelector(cls); return found ? [...found.cloneNode(true).childNodes] : null; };
    nodes.push(...section("Why", ...causes.map((c) => el("p", "", ...pick(c, ".said")))));
    nodes.push(...section("What to do", ...causes.filter((c) => c.querySelector(".remedy")).map((c) => el("p", "todo", ...pick(c, ".remedy")))));
    const edits = l.edits.filter(([, parts, at]) => (part < 0 || parts.includes(part)) && (!at.length || at.includes(source)));
    const offers = [];
    edits.map(([number]) => $("edit-" + number)).filter(Boolean).forEach((e) => {
      if (!offers.some((o) => o.textContent === e.textContent)) offers.push(e);
    });
    nodes.push(...section(offers.length > 1 ? "Suggested edits" : "Suggested edit", ...offers.map((e) => el("div", "edit", ...e.cloneNode(true).childNodes))));
    if (v.plan && (v.mark || v.plan.changed)) {
      const left = v.plan.causes.map((id) => $("cause-" + id)).filter(Boolean);
      const box = el("div", "planned k-" + v.plan.kind + (v.plan.mark ? " marked" : ""), el("p", "verdict", svg("s-" + v.plan.kind, "sign"), el("b", "", v.plan.word)), head === v ? el("p", "", spoken(v.plan.sentence)) : "");
      if (v.plan.by) box.append(el("p", "by", "The plan: " + v.plan.by + "."));
      if (v.plan.mark && left.length) box.append(el("h4", "", left.length > 1 ? "What stays, and why nobody can repair it" : "Why nobody can repair the rest"), ...left.map((c) => el("p", "", ...pick(c, ".said"))));
      if (v.plan.mark) left.filter((c) => c.querySelector(".remedy")).slice(0, 1).forEach((c) => box.append(el("p", "todo", ...pick(c, ".remedy"))));
      if (v.plan.mark && left.length) left.filter((c) => c.querySelector(".evidence")).slice(0, 1).forEach((c) => box.append(...pick(c, ".evidence")));
      if (state.view === "planned") nodes.unshift(...section("As planned", box), el("h3", "apart", "As written"), el("p", "", sentence));
      else nodes.push(...section("As planned", box));
    }
    nodes.push(...section("Evidence", ...causes.filter((c) => c.querySelector(".evidence")).flatMap((c) => pick(c, ".evidence"))));
    const because = (rs) => el("ul", "", ...rs.map((r) => el("li", "", (data.reasons[r] || r) + " ", el("code", "", r))));
    if (v.kind !== "exact" && v.kind !== "refused") {
      if (v.misses.length) nodes.push(...section("Rows can be missing because", because(v.misses)));
      if (v.adds.length) nodes.push(...section("Rows can be added because", because(v.adds)));
    }
    if (v.trace.length) nodes.push(...section("How this was decided", el("ol", "", ...v.trace.map((t) => el("li", "", data.strings[t])))));
    const rules = causes.map((c) => c.querySelector(".rule")).filter(Boolean).map((r) => r.textContent);
    if (rules.length) nodes.push(...section(rules.length > 1 ? "Rules" : "Rule", el("p", "", el("code", "", rules.join(", ")))));
    inside.replaceChildren(...nodes);
    return spoken(head.sentence);
  };
  const open = (cell, aloud) => {
    const row = cell.closest("tr");
    state.list = Number(row.dataset.list);
    state.part = row.dataset.part === undefined ? -1 : Number(row.dataset.part);
    state.source = [...row.querySelectorAll(".cell")].indexOf(cell);
    body.querySelectorAll('.cell[aria-current="true"]').forEach((c) => c.removeAttribute("aria-current"));
    cell.setAttribute("aria-current", "true");
    rove(cell);
    const sentence = fill(state.list, state.part, state.source);
    panel.hidden = false;
    panel.scrollTop = 0;
    document.body.classList.add("panel-open");
    say(sentence + (aloud ? " Press Enter again for the details, Escape to close." : ""));
    remember();
  };
  const close = (focus) => {
    if (panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove("panel-open");
    body.querySelectorAll('.cell[aria-current="true"]').forEach((c) => c.removeAttribute("aria-current"));
    state.list = state.part = state.source = -1;
    if (focus && current && current.isConnected) current.focus();
    remember();
  };
  $("panel-close").addEventListener("click", () => close(true));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) { event.preventDefault(); close(true); } });

  // As written or as planned: all rows are drawn anew, except those that are in the page itself until somebody switches
  const look = (view) => {
    if (state.view === view) return;
    state.view = view;
    rowOf.clear();
    partsOf.clear();
    document.body.classList.toggle("as-planned", view === "planned");
    document.querySelectorAll("[data-view]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.view === view)));
  };

  // The view is in the address, so that it can be mailed
  const remember = () => {
    if (writing) return;
    const view = new URLSearchParams();
    if (state.show) view.set("show", state.show);
    if (state.order !== "worst") view.set("order", state.order);
    if (state.find) view.set("find", state.find);
    if (state.view !== "written") view.set("view", state.view);
    if (state.list >= 0) {
      view.set("list", data.lists[state.list].id);
      if (state.part >= 0) view.set("key", data.lists[state.list].parts[state.part][1]);
      view.set("source", data.sources[state.source].id);
    }
    const text = view.toString();
    try { history.replaceState(null, "", "#" + text); } catch (_) { location.hash = text; }
  };
  const recall = () => {
    const view = new URLSearchParams(location.hash.slice(1));
    writing = true;
    state.show = ["missing", "extra", "unknown"].includes(view.get("show")) ? view.get("show") : "";
    state.order = view.get("order") === "file" ? "file" : "worst";
    state.find = view.get("find") || "";
    look(view.get("view") === "planned" && document.querySelector("[data-view]") ? "planned" : "written");
    const list = data.lists.findIndex((l) => l.id === view.get("list"));
    const source = data.sources.findIndex((s) => s.id === view.get("source"));
    if (list >= limit) limit = list + data.pageSize;
    draw(false);
    if (list >= 0 && source >= 0) {
      const part = view.get("key") ? data.lists[list].parts.findIndex((p) => p[1] === view.get("key")) : -1;
      if (part >= 0) expand(list, true);
      const cell = cellAt(list, part, source);
      if (cell && cell.isConnected) { open(cell, false); cell.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    } else close(false);
    writing = false;
  };
  window.addEventListener("hashchange", recall);

  document.querySelectorAll(".count").forEach((b) => b.addEventListener("click", () => {
    state.show = state.show === b.dataset.show ? "" : b.dataset.show;
    draw(true); remember();
  }));
  document.querySelectorAll("[data-view]").forEach((b) => b.addEventListener("click", () => {
    const at = [state.list, state.part, state.source];
    look(b.dataset.view);
    draw(false);
    [...expanded].forEach((number) => { const e = listRow(number).querySelector(".expand"); if (e) e.setAttribute("aria-expanded", "true"); });
    if (at[0] >= 0 && !panel.hidden) { const cell = cellAt(...at); if (cell && cell.isConnected) open(cell, false); }
    say(b.textContent);
    remember();
  }));
  $("order").addEventListener("change", (event) => { state.order = event.target.value; draw(true); remember(); });
  $("find").addEventListener("input", (event) => { state.find = event.target.value; draw(true); remember(); });
  $("all").addEventListener("click", (event) => {
    allOpen = !allOpen;
    event.target.setAttribute("aria-pressed", String(allOpen));
    [...body.rows].filter((row) => row.dataset.part === undefined).forEach((row) => expand(Number(row.dataset.list), allOpen));
  });
  if ($("more")) $("more").addEventListener("click", () => { limit += data.pageSize; draw(true); });

  // On paper everything that is shown is opened
  let before = null;
  window.addEventListener("beforeprint", () => {
    before = { expanded: new Set(expanded), causes: $("causes-all").open, lists: [...document.querySelectorAll("details.list:not([open])")] };
    before.lists.forEach((d) => { d.open = true; });
    [...body.rows].filter((row) => row.dataset.part === undefined).forEach((row) => expand(Number(row.dataset.list), true));
    $("causes-all").open = true;
  });
  window.addEventListener("afterprint", () => {
    if (!before) return;
    [...expanded].filter((n) => !before.expanded.has(n)).forEach((n) => expand(n, false));
    $("causes-all").open = before.causes;
    before.lists.forEach((d) => { d.open = false; });
    before = null;
  });

  [...body.rows].forEach((row) => {
    rowOf.set(Number(row.dataset.list), row);
    row.querySelectorAll("button").forEach((b) => { b.tabIndex = -1; });
  });
  recall();
})();
