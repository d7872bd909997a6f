"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const root = document.documentElement;

  /* ---- small helpers: text is only ever set as text ---- */
  const el = (name, about = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(about)) {
      if (key === "class") made.className = value;
      else if (key === "onclick") made.addEventListener("click", value);
      else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const value = (place) => data.values[place];
  const soft = (text) => text.split(/(?<=_)/).flatMap((part, at) => (at ? [el("wbr"), part] : [part])); /* a name may break after a _ */
  const times = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const ARROW = " \u2192 ";

  /* ---- light and dark ---- */
  const theme = $("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `${theme.textContent} colours`); };
  const kept = { get: () => { try { return localStorage.getItem("eoi-theme"); } catch { return null; } }, set: (to) => { try { localStorage.setItem("eoi-theme", to); } catch { /* a file may have no storage */ } } };
  if (["light", "dark"].includes(kept.get())) root.dataset.theme = kept.get();
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; kept.set(root.dataset.theme); nameTheme(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  theme.hidden = false;
  nameTheme();
  root.classList.add("script");
  for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;

  /* ---- the matrix ---- */
  const cellNumber = new Map(data.cells.map((cell, number) => [cell.title, number]));
  const propertyNumber = new Map(data.properties.map((one, number) => [one.name, number]));
  const said = new Map(data.said.map(([cell, about, story, ...words]) => {
    const [standing, before, after, text] = words.map(value);
    return [`${cell},${about}`, { cell, about, story, standing, before, after, text }];
  }));
  const places = new Map();
  const tables = [...document.querySelectorAll("table.cells")];
  for (const table of tables) {
    if (table.id === "matrix") table.classList.add("matrix-cards");
    const columns = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    for (const row of table.querySelectorAll("tbody tr:not(.group)")) {
      const cell = cellNumber.get(row.cells[0].textContent);
      for (const place of [...row.cells].slice(1)) {
        place.dataset.property = columns[place.cellIndex];
        place.dataset.key = `${cell},${propertyNumber.get(columns[place.cellIndex])}`;
        const button = place.querySelector("button");
        if (!button) continue;
        places.set(place.dataset.key, button);
        button.tabIndex = -1;
        button.setAttribute("aria-pressed", "false");
      }
    }
    const first = table.querySelector("td button");
    if (first) first.tabIndex = 0;
    table.addEventListener("click", (event) => {
      const place = event.target.closest("td");
      if (place && event.target.closest("button")) open(place.dataset.key, true);
    });
    const point = (event) => {
      const place = event.target.closest?.("td");
      if (place?.dataset.key) $("pointed").textContent = sentenceOf(place.dataset.key, place);
    };
    table.addEventListener("pointerover", point);
    table.addEventListener("focusin", point);
    table.addEventListener("keydown", (event) => moveIn(table, event));
  }
  const sentenceOf = (key, place) => {
    const [cell, about] = key.split(",").map(Number);
    const one = said.get(key);
    if (!data.properties[about] || (!one && !place.textContent)) return "Not a question for this cell.";
    const parts = one && one.before && one.before !== one.after ? `${one.before}${ARROW}${one.after}` : one ? one.after : place.textContent;
    const what = one ? `${one.standing}: ${parts}${one.text ? ": " + one.text : ""}` : parts;
    return `${data.properties[about].name} in ${data.cells[cell].title}. ${what}. ${data.properties[about].sentence}`;
  };
  /* Arrow keys go from verdict to verdict that has a story, so that hundreds of them are one stop of the tab key. */
  const moveIn = (table, event) => {
    const from = event.target.closest("td button");
    const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!from || !by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const rows = [...table.querySelectorAll("tbody tr:not(.group)")].filter((row) => !row.hidden);
    let place = from.closest("td");
    let [row, column] = [rows.indexOf(place.parentElement), place.cellIndex];
    for (;;) {
      [row, column] = [row + by[0], column + by[1]];
      place = rows[row]?.cells[column];
      if (!place) return;
      const to = place.querySelector("button");
      if (to && to.offsetParent) {
        from.tabIndex = -1;
        to.tabIndex = 0;
        to.focus();
        return;
      }
    }
  };
  const filter = $("filter");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    let shown = 0;
    for (const table of tables) {
      for (const body of table.tBodies) {
        let left = 0;
        for (const row of body.querySelectorAll("tr:not(.group)")) {
          const title = row.cells[0].textContent.toLowerCase();
          row.hidden = !words.every((word) => title.includes(word));
          left += !row.hidden;
        }
        body.querySelector("tr.group").hidden = !left;
        if (table.id === "matrix") shown += left;
      }
    }
    $("filtered").textContent = words.length ? `${shown} of ${times(data.cells.length, "cell")}` : "";
  });

  /* ---- a story ---- */
  const viewer = $("viewer");
  let now = null; /* what is shown: { key, story, trace, step, steps, states, parts } */

  const traceOf = (story) => {
    const trace = {};
    for (const [name, place] of Object.entries(story.head)) trace[name] = value(place);
    trace.events = story.events.map((place) => data.events[place]);
    return trace;
  };
  const changeText = (change) => {
    const label = /\d$/.test(change.label) ? `${change.label}:` : change.label;
    return `${label} ${[change.before, ...change.between, change.after].join(ARROW)}`;
  };
  const callText = (event) => `${event.step}(${event.args.map(([name, given]) => `${name}=${given}`).join(", ")})`;
  const headline = (trace) => {
    const before = trace.loop_start === null ? trace.events.length : trace.loop_start;
    let length = times(before, "step");
    if (trace.loop_start !== null) length += ` and a loop of ${times(trace.events.length - before, "step")}`;
    else if (trace.stutter) length += ", then stays there";
    const stem = trace.loop_start !== null || trace.stutter ? " stem" : "";
    return `${trace.verdict} in ${length}${trace.shortest ? ` (shortest${stem})` : ""}`;
  };
  const names = (story) => story.side === "base" ? [data.base, data.design] : [data.design, data.base];

  const open = (key, byHand) => {
    const one = said.get(key);
    if (!one || one.story < 0) return;
    const story = data.stories[one.story];
    const trace = traceOf(story);
    now = { key, one, story, trace, step: 0, steps: trace.events.length, parts: partsOf(story, trace) };
    now.states = statesOf(story, trace);
    for (const [other, button] of places) button.setAttribute("aria-pressed", String(other === key));
    render();
    go(now.parts.step || (trace.loop_start !== null ? trace.loop_start + 1 : now.steps));
    if (byHand) {
      history.replaceState(null, "", `#${encodeURIComponent(`${data.properties[one.about].name} in ${data.cells[one.cell].title}`)}`);
      viewer.focus({ preventScroll: true });
      viewer.scrollIntoView();
    }
  };

  const partingText = (one) => {
    if (!one.anchor) return one.what;
    const file = one.file.split("/").pop();
    const where = one.line ? `${file}:${one.line}` : file;
    return one.returns ? `${one.anchor} returns ${one.line ? "at" : "in"} ${where}: ${one.what}` : `${one.anchor}, ${where}: ${one.what}`;
  };
  /* Step (from 1) in which the two designs part; 0 if they do not. */
  const partsOf = (story, trace) => {
    const other = story.beside && { ...story.beside, event: story.beside.event === null ? null : data.events[story.beside.event] };
    const told = (trace.partings || []).map((one) => ({ step: one.index + 1, text: partingText(one) }));
    const first = other && other.step ? other.step : told.length ? told[0].step : 0;
    return { step: typeof trace.parts === "number" ? trace.parts + 1 : first, other, told };
  };
  /* The state before the first step, then after each. */
  const statesOf = (story, trace) => {
    const fields = value(story.fields).map((place) => data.fields[place]);
    const at = new Map(fields.map(([path], number) => [path, number]));
    const states = [value(story.initial)];
    const ever = new Set();
    for (const event of trace.events) {
      const next = [...states[states.length - 1]];
      for (const change of event.changes) { next[at.get(change.path)] = change.after; ever.add(at.get(change.path)); }
      states.push(next);
    }
    return { fields, at, states, ever };
  };

  const render = () => {
    const { one, story, trace } = now;
    const [ours, theirs] = names(story);
    const about = el("div", { class: "told", id: "asked" },
      el("h3", {}, `${trace.property_name}: ${headline(trace)}`),
      el("p", {}, trace.sentence),
      el("p", { class: "pale" }, `${ours} in ${data.cells[one.cell].title}`,
        one.cell !== story.cells[0] ? `, told of ${data.cells[story.cells[0]].title}: the same steps` : "",
        story.side === "base" ? `. This is a run of ${ours}: ${theirs} stops it.` : ""),
      el("div", { class: "bar", role: "group", "aria-label": "Steps" },
        button("first", "\u00ab First", "To the initial state", () => go(0)), button("previous", "\u2039 Back", "Step back", () => go(now.step - 1)),
        el("output", { id: "at", "aria-live": "polite" }),
        button("next", "Next \u203a", "Next step", () => go(now.step + 1)), button("last", "Last \u00bb", "To the last step", () => go(now.steps)),
        now.parts.step ? button("parting", "Where they part", `To step ${now.parts.step}, where the two designs part`, () => go(now.parts.step)) : null,
        button("back", "Back to the cell", "Back to the cell in the matrix", back)),
      el("div", { class: "panes" },
        el("section", { "aria-label": "Steps as lanes" }, el("h4", {}, "Steps"), lanes()),
        el("section", { class: "statepane", "aria-label": "State" }, el("h4", { id: "state-title" }), el("div", { class: "pane", id: "state", tabindex: "0", role: "region", "aria-labelledby": "state-title" })),
        el("section", { class: "source", "aria-label": "Source" }, el("h4", { id: "source-title" }), el("div", { class: "pane", id: "source", tabindex: "0", role: "region", "aria-labelledby": "source-title" }))),
      foot());
    $("asked").replaceWith(about);
  };
  const button = (id, text, label, onclick) => el("button", { type: "button", id, "aria-label": label, title: label, onclick }, text);
  const back = () => { const from = places.get(now.key); if (from) { from.closest("details")?.setAttribute("open", ""); from.focus(); from.scrollIntoView({ block: "center", inline: "center" }); } };
  const foot = () => {
    const { story, trace, one } = now;
    const cells = story.cells.map((cell) => data.cells[cell].title);
    const also = cells.length > 1 ? el("details", {}, el("summary", {}, `The same steps in ${times(cells.length, "cell")}`), el("p", {}, cells.join("; "))) : null;
    return el("div", {}, also,
      el("details", {}, el("summary", {}, "How to run it again"),
        el("p", {}, `The cell: `, el("code", {}, data.cells[one.cell].reproduce)),
        el("p", {}, `The run, in ${cells[0]}: `, el("code", {}, trace.reproduce)),
        el("pre", { tabindex: "0" }, trace.replay)));
  };

  /* ---- lanes ---- */
  /* What is different after some steps, each field with the value that it has then. */
  const leftBy = (events) => {
    const fields = new Map();
    for (const change of events.flatMap((event) => event.changes)) {
      const before = fields.get(change.path)?.before ?? change.before;
      fields.set(change.path, { ...change, before });
    }
    const left = [...fields.values()].filter((change) => change.before !== change.after && !change.aside);
    return left.map((change) => `${change.label}${/\d$/.test(change.label) ? ":" : ""} ${change.after}`).join(", ");
  };
  const lanes = () => {
    const { trace, parts } = now;
    const count = trace.lanes.length;
    const at = new Map(trace.lanes.map((lane, number) => [lane, number]));
    const row = (...children) => {
      const made = el("div", { class: "row" });
      made.style.gridTemplateColumns = `var(--mark) repeat(${count}, var(--lane)) minmax(0, 1fr)`;
      made.style.setProperty("--notes", String(count + 2));
      const life = el("span", { class: "life", "aria-hidden": "true" });
      life.style.gridColumn = `2 / span ${count}`;
      if (children.includes("aside")) made.classList.add("aside");
      made.append(life, ...children.filter((child) => child instanceof Node));
      return holds(made);
    };
    const inLane = (kind, lane) => {
      const made = el("span", { class: `${kind} lane${at.get(lane) % 8}`, "aria-hidden": "true" });
      made.style.gridColumn = String(at.get(lane) + 2);
      return made;
    };
    const note = (...children) => {
      return el("span", { class: "note" }, ...children);
    };
    const arrow = (call) => {
      const [from, to] = [at.get(call.caller), at.get(call.callee)];
      const made = el("span", { class: `arrow ${from < to ? "right" : "left"}`, "aria-hidden": "true" });
      made.style.gridColumn = `${Math.min(from, to) + 2} / ${Math.max(from, to) + 3}`;
      return made;
    };
    /* What is held for a while stands as a bar on its lane, as long as it is set. */
    const held = new Map(); /* path -> { lane, slot, text } */
    const holds = (made) => {
      for (const { lane, slot, text } of held.values()) {
        const bar = el("span", { class: `hold lane${at.get(lane) % 8}`, "aria-hidden": "true", title: text });
        bar.style.gridColumn = String(at.get(lane) + 2);
        bar.style.setProperty("--slot", String(slot));
        made.append(bar);
      }
      return made;
    };
    const hold = (change, isSet) => {
      const before = held.get(change.path);
      held.delete(change.path);
      if (!isSet) return;
      const taken = [...held.values()].filter((one) => one.lane === change.lane).map((one) => one.slot);
      const free = [0, 1, 2, 3].find((slot) => !taken.includes(slot)) ?? 3;
      held.set(change.path, { lane: change.lane, slot: before ? before.slot : free, text: change.short || change.label });
    };
    const barred = trace.events.flatMap((event) => event.changes).filter((change) => change.bar);
    const firsts = new Map([...barred].reverse().map((change) => [change.path, change]));
    for (const change of firsts.values()) hold(change, change.bar[0]);
    const rowsOf = (event) => {
      const rows = [];
      [null, ...event.calls].forEach((call, number) => {
        if (call) rows.push(row(arrow(call), note(el("span", { class: "unseen" }, `${call.caller} calls ${call.callee}: `),
          el("span", { class: "call" }, call.anchor ? `${call.anchor.replace(/\(\)$/, "")}(${call.args})` : `${call.function}(${call.args})`))));
        for (const change of event.changes.filter((one) => one.after_call === number)) {
          if (change.bar) hold(change, change.bar[1]);
          rows.push(row(inLane("store", change.lane), note(el("span", { class: "unseen" }, `${change.lane}: `), change.bar ? el("b", {}, changeText(change)) : changeText(change)), change.aside ? "aside" : ""));
        }
      });
      return rows;
    };
    const heads = el("div", { class: "row heads", "aria-hidden": "true" });
    heads.style.gridTemplateColumns = `var(--mark) repeat(${count}, var(--lane)) minmax(0, 1fr)`;
    trace.lanes.forEach((lane, number) => {
      const head = el("span", { class: `lane${number % 8}` }, lane);
      head.style.gridColumn = String(number + 2);
      heads.append(head);
    });
    const list = el("ol", {}, el("li", { class: "step", "data-step": "0" }, row(el("span", { class: "number" }, "0"), note(el("button", { type: "button", class: "pick" }, "the initial state")))));
    const setUp = trace.set_up > 1 ? trace.set_up : 0;
    const folded = el("ol");
    if (setUp) list.append(el("li", { class: "setup" }, el("details", { id: "setup" }, el("summary", {}, `Set-up: steps 1 to ${setUp}`, el("span", { class: "leaves" }, leftBy(trace.events.slice(0, setUp)))), folded)));
    trace.events.forEach((event, index) => {
      const step = index + 1;
      const inLoop = trace.loop_start !== null && index >= trace.loop_start;
      const item = el("li", { class: inLoop ? "step loop" : "step", "data-step": String(step) },
        row(el("span", { class: "number" }, index === trace.loop_start ? `\u21bb${step}` : String(step)), inLane("dot", event.lane),
          note(el("button", { type: "button", class: "pick" }, el("span", { class: "unseen" }, `${event.lane}: `), callText(event)))),
        ...rowsOf(event), partingOf(step));
      (step <= setUp ? folded : list).append(item);
    });
    list.addEventListener("click", (event) => {
      const item = event.target.closest("li.step");
      if (item && !getSelection().toString()) go(Number(item.dataset.step));
    });
    const ends = trace.loop_start !== null ? `Back to step ${trace.loop_start + 1}, for ever` : trace.stutter ? "No step has to come: the run stays here for ever" : "";
    return el("div", { class: count > 4 ? "pane lanes many" : "pane lanes", id: "lanes", role: "region", "aria-label": "Steps as lanes", tabindex: "0" }, heads, list, ends ? el("p", { class: "ends" }, ends) : null,
      parts.step || !parts.other ? null : el("p", { class: "key pale" }, `${names(now.story)[1]} does the same in each of these steps.`));
  };
  const linesOf = (event) => [null, ...event.calls].flatMap((call, number) => [
    ...(call ? [`${call.caller}${ARROW}${call.callee} ${call.anchor.replace(/\(\)$/, "")}(${call.args})`] : []),
    ...event.changes.filter((one) => one.after_call === number).map(changeText)]);
  /* What is beside a step in which the two designs part. */
  const partingOf = (step) => {
    const { parts, story } = now;
    const sentences = parts.told.filter((one) => one.step === step).map((one) => el("p", { class: "said" }, one.text));
    const other = parts.other && parts.other.step === step ? parts.other : null;
    if (!other && !sentences.length) return null;
    const [ours, theirs] = names(story);
    const box = el("div", { class: "parts" }, el("b", {}, other ? `Here ${ours} and ${theirs} part` : `${theirs} would do something else here`), ...sentences);
    if (!other) return box;
    if (other.why) box.append(el("p", {}, `${theirs}: ${other.why}`));
    if (other.event) {
      const [here, there] = [now.trace.events[step - 1], other.event].map(linesOf);
      const list = (whose, lines, others) => el("div", {}, el("h5", {}, whose),
        el("ul", {}, ...(lines.length ? lines : ["nothing changes"]).map((line) =>
          el("li", { class: others.includes(line) ? "both" : "only" }, `${others.includes(line) ? "\u00a0" : "\u25c6"} ${line}`))));
      box.append(el("div", { class: "beside" }, list(ours, here, there), list(theirs, there, here)));
    }
    return box;
  };

  /* ---- step, state, source ---- */
  const go = (step) => {
    if (!now) return;
    const to = Math.max(0, Math.min(now.steps, step));
    const setUp = $("setup") && !$("setup").open ? now.trace.set_up : 0; /* folded: it is one step */
    now.step = to > 0 && to < setUp ? (to > now.step ? setUp : 0) : to;
    viewer.querySelector("li.setup")?.toggleAttribute("data-now", now.step > 0 && now.step <= setUp);
    for (const item of viewer.querySelectorAll("li.step")) {
      const is = Number(item.dataset.step) === now.step;
      item.toggleAttribute("data-now", is);
      const pick = item.querySelector(".pick");
      if (is) pick.setAttribute("aria-current", "step"); else pick.removeAttribute("aria-current");
      if (is) keepInSight(item);
    }
    const event = now.trace.events[now.step - 1];
    $("at").textContent = now.step ? `step ${now.step} of ${now.steps}` : `before step 1 of ${now.steps}`;
    $("first").disabled = $("previous").disabled = now.step === 0;
    $("next").disabled = $("last").disabled = now.step === now.steps;
    showState(event);
    showSource(event);
  };
  const keepInSight = (item) => {
    const pane = $("lanes");
    const head = pane.querySelector(".heads").offsetHeight;
    const top = item.offsetTop - pane.offsetTop;
    if (top - head < pane.scrollTop || top + item.offsetHeight > pane.scrollTop + pane.clientHeight)
      pane.scrollTop = top - head - Math.max(0, (pane.clientHeight - head - item.offsetHeight) / 3);
  };
  const showState = (event) => {
    const { states, fields, at, ever } = now.states;
    const [ours, theirs] = names(now.story);
    const other = now.parts.other && now.parts.other.step === now.step && now.parts.other.apart.length ? now.parts.other : null;
    const apart = new Map((other ? other.apart : []).map(([path, , , here, there]) => [path, [here, there]]));
    $("state-title").textContent = now.step ? `State after step ${now.step}` : "The initial state";
    const state = states[now.step];
    const changed = new Map((event ? event.changes : []).map((change) => [at.get(change.path), change]));
    const table = (numbers) => {
      const body = el("tbody");
      let lane = null;
      for (const number of numbers) {
        const [path, label, of] = fields[number];
        if (of !== lane) body.append(el("tr", {}, el("th", { colspan: other ? "3" : "2", scope: "rowgroup" }, of || "others")));
        lane = of;
        const change = changed.get(number);
        const shown = change ? [el("span", { class: "unseen" }, "changed: "), el("s", {}, [change.before, ...change.between].join(ARROW)), ARROW, state[number], " \u25cf"] : [state[number]];
        const kind = [change ? "changed" : "", apart.has(path) ? "apart" : ""].join(" ").trim();
        body.append(el("tr", { class: kind, title: path, "data-path": path }, el("td", {}, ...soft(label)), el("td", {}, ...shown), other ? el("td", {}, apart.has(path) ? `\u2260 ${apart.get(path)[1]}` : "") : null));
      }
      const columns = el("tr", {}, el("th", { scope: "col" }, "field"), el("th", { scope: "col" }, other ? ours : "value"), other ? el("th", { scope: "col" }, theirs) : null);
      return el("table", { class: "state" }, el("thead", {}, columns), body);
    };
    const all = fields.map((_, number) => number);
    const lanes = [...now.trace.lanes, ...fields.map(([, , of]) => of).filter(Boolean), ""];
    const byLane = (numbers) => numbers.sort((a, b) => lanes.indexOf(fields[a][2]) - lanes.indexOf(fields[b][2]) || a - b);
    const moving = (number) => ever.has(number) || apart.has(fields[number][0]);
    const still = all.filter((number) => !moving(number));
    const wasOpen = $("state").querySelector("details")?.open;
    $("state").replaceChildren(table(byLane(all.filter(moving))),
      el("details", { open: wasOpen }, el("summary", {}, `${times(still.length, "field")} that never ${still.length === 1 ? "changes" : "change"} in this run`), table(byLane(still))));
  };
  const showSource = (event) => {
    const [ours, theirs] = names(now.story);
    $("source-title").textContent = event ? `Source of step ${now.step}` : "Source";
    const shown = [];
    if (event) {
      const other = now.parts.other && now.parts.other.step === now.step ? now.parts.other : null;
      const here = data.ran[now.story.ran[now.step - 1]];
      const there = other ? data.ran[other.ran] : [];
      const marked = (place) => data.functions[place].added.length || data.functions[place].removed.length;
      const own = there.filter(([place]) => !here.some(([mine]) => mine === place));
      const key = [`${times(here.length, "function")} ran. \u258e and bold: lines that ran.`];
      if (here.some(([place]) => data.functions[place].added.length)) key.push(`+: lines that only ${data.design} has.`);
      if ([...here, ...own].some(([place]) => data.functions[place].removed.length)) key.push(`-: lines that only ${data.base} has.`);
      shown.push(el("p", { class: "key" }, key.join(" ")));
      const first = [...here.filter(([place]) => marked(place)), ...here.filter(([place]) => !marked(place))];
      const stepName = event.step;
      for (const [place, lines] of first) shown.push(source(place, lines, marked(place) || data.functions[place].name.endsWith(`.${stepName}`)));
      if (own.length) shown.push(el("p", { class: "key" }, `${theirs} runs here, too:`));
      own.forEach(([place, lines], number) => shown.push(source(place, lines, number === 0 || marked(place))));
    } else shown.push(el("p", { class: "key" }, "No step has been taken yet."));
    $("source").replaceChildren(...shown);
    $("source").scrollTop = 0;
  };
  const source = (place, ran, opened) => {
    const of = data.functions[place];
    const [added, removed, run] = [new Set(of.added), new Set(of.removed), new Set(ran)];
    const text = el("pre");
    of.lines.forEach((line, index) => {
      const number = of.first + index;
      const mark = added.has(number) ? "+" : removed.has(number) ? "-" : "";
      const kind = [run.has(number) ? "ran" : "idle", mark === "+" ? "added" : mark === "-" ? "removed" : ""].join(" ").trim();
      text.append(el("span", { class: kind }, el("span", { class: "n", "aria-hidden": "true" }, String(number)), el("span", { class: "m" }, mark), line || " "));
    });
    return el("details", { open: Boolean(opened) }, el("summary", {}, el("code", {}, of.name), ` ${of.file}:${of.first}`), text);
  };

  /* ---- keys ---- */
  document.addEventListener("keydown", (event) => {
    if (!now || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, .scroll, pre")) return;
    const inside = viewer.contains(event.target);
    const to = { ArrowRight: now.step + 1, ArrowLeft: now.step - 1 }[event.key]
      ?? (inside ? { ArrowDown: now.step + 1, ArrowUp: now.step - 1, Home: 0, End: now.steps }[event.key] : undefined);
    if (to !== undefined) { event.preventDefault(); go(to); }
    else if (event.key === "Escape" && inside) { event.preventDefault(); back(); }
  });

  /* ---- what the page opens with: what its address names, or the first regression ---- */
  const fromAddress = () => {
    let wanted = "";
    try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return false; }
    const at = wanted.indexOf(" in ");
    const key = at < 0 ? "" : `${cellNumber.get(wanted.slice(at + 4))},${propertyNumber.get(wanted.slice(0, at))}`;
    if (!said.has(key)) return false;
    open(key, false);
    return true;
  };
  if (!fromAddress() && data.first) open(`${cellNumber.get(data.first.cell)},${propertyNumber.get(data.first.property)}`, false);
  addEventListener("hashchange", fromAddress);
})();
