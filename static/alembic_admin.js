// The panel's own module. Every job has a path without it; it only makes that path shorter.
// Elements ask for a job by a data-aa-… attribute, and events are caught at the document.

const all = (selector, root = document) => root.querySelectorAll(selector);
const one = (selector, root = document) => root.querySelector(selector);

// Copy: a button beside what it copies, or one for all that a selector finds.
async function copy(button) {
  const sources = button.dataset.aaCopy ? [...all(button.dataset.aaCopy)] : [button.previousElementSibling];
  const word = button.textContent;
  try {
    await navigator.clipboard.writeText(sources.map((source) => source.textContent.trim()).join("\n\n"));
  } catch {
    // The browser does not allow it: what is chosen can be copied by keyboard.
    getSelection().selectAllChildren(sources[0]);
    return;
  }
  button.textContent = "✓";
  setTimeout(() => { button.textContent = word; }, 1500);
}

// Confirm: the button can be pressed once everything that the server will ask for is there.
function guard(form) {
  const typed = one("[data-aa-phrase]", form);
  const matches = !typed || typed.value.trim() === typed.dataset.aaPhrase;
  for (const button of all("[data-aa-guarded]", form)) {
    button.disabled = !(matches && form.checkValidity());
  }
}

// Filter: rows of a table that do not hold the text are put away; the server filters all pages.
function filter(input) {
  const text = input.value.trim().toLowerCase();
  for (const row of all(`${input.dataset.aaFilter} tbody tr`)) {
    row.hidden = text !== "" && !row.textContent.toLowerCase().includes(text);
  }
}

// Times: in the visitor's own zone, which is named; UTC stays in the title.
function localise(root) {
  for (const time of all("time[datetime]:not([data-aa-utc])", root)) {
    const moment = new Date(time.dateTime);
    time.title = time.dataset.aaUtc = time.textContent;
    time.textContent = moment.toLocaleString(undefined, {
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
    });
  }
}

// Runs: what is new since the last look, once a second and more seldom while nothing happens.
function watch(box) {
  const log = one("[data-aa-log]", box);
  const follow = one("[data-aa-follow]", box);
  let after = Number(box.dataset.aaAfter || 0);
  let step = 1;
  let pause = 1000;
  let before = "";

  async function look() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", look, { once: true });
      return;
    }
    try {
      const answer = await fetch(`${box.dataset.aaWatch}?after=${after}&step=${step}`, { headers: { Accept: "application/json" } });
      // Whoever is not signed in any more is led to where one signs in.
      if (answer.redirected || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) { location.reload(); return; }
      if (!answer.ok) throw new Error(answer.statusText);
      const news = await answer.json();
      // In place of this page: the way back leads to where one came from.
      if (news.ended) { history.replaceState(null, "", "#result"); location.reload(); return; }
      // What can be asked of a run is another thing once it has begun.
      if ("aaQueued" in box.dataset && !news.queued) { location.reload(); return; }
      show(news);
      const { sentence, statement, state } = news.texts;
      const now = JSON.stringify([sentence, statement, state, news.steps.map((each) => [each.word, each.texts.statements])]);
      pause = news.lines.length || now !== before ? 1000 : Math.min(pause * 1.5, 5000);
      before = now;
    } catch {
      // The server may be starting anew; the run does not need it.
      pause = 5000;
    }
    setTimeout(look, pause);
  }

  function show(news) {
    const follows = follow && follow.checked;
    for (const line of news.lines) {
      after = line.sequence;
      log.append(`${line.text}\n`);
    }
    if (news.lines.length && follows) log.parentElement.scrollTop = log.parentElement.scrollHeight;
    document.title = news.texts.title;
    for (const [name, text] of Object.entries(news.texts)) {
      const place = one(`[data-aa-text="${name}"]`);
      if (place && place.textContent !== text) place.textContent = text;
    }
    for (const each of news.steps) {
      step = each.position;
      const row = one(`[data-aa-step="${each.position}"]`, box);
      if (!row) continue;
      const pill = one(".pill", row);
      pill.className = `pill ${each.tone}`;
      pill.firstElementChild.textContent = each.shape;
      pill.lastChild.textContent = ` ${each.word}`;
      for (const [name, text] of Object.entries(each.texts)) one(`[data-aa-cell="${name}"]`, row).textContent = text;
      const pane = row.closest(".long");
      if (pane && follows) pane.scrollTop = row.offsetTop - pane.clientHeight / 2;
    }
  }

  for (const element of all("[data-aa-scripted]", box)) element.hidden = false;
  if (log) log.parentElement.scrollTop = log.parentElement.scrollHeight;
  setTimeout(look, pause);
}

// Theme: the server keeps it in a cookie and would send the page again.
async function theme(form, button) {
  const wanted = button.value;
  const data = new FormData(form);
  data.set("theme", wanted);
  const answer = await fetch(form.action, { method: "POST", body: data });
  if (!answer.ok) { form.submit(); return; }
  const next = { auto: "light", light: "dark", dark: "auto" };
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  button.value = next[wanted];
  // It names the theme that was.
  button.removeAttribute("title");
}

// Keys: / for the search of the page, j and k from row to row.
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (event.key === "/") {
    const search = one("[data-aa-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
  if (event.key === "j" || event.key === "k") {
    const links = [...all("[data-aa-rows] tbody tr:not([hidden]) th a")];
    const at = links.indexOf(document.activeElement);
    const next = links[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
    if (next) { event.preventDefault(); next.focus(); }
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-aa-copy]");
  if (button) copy(button);
  if (event.target.closest("[data-aa-print]")) print();
  for (const menu of all("[data-aa-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-aa-filter]")) filter(event.target);
  const form = event.target.closest("form");
  if (form && one("[data-aa-guarded]", form)) guard(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-aa-theme]")) { event.preventDefault(); theme(form, event.submitter); }
  // A second click while the first one is on its way would only be refused.
  if (form.matches("[data-aa-once]")) setTimeout(() => { for (const button of all("button", form)) button.disabled = true; });
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-aa-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of all("[data-aa-menu][open]")) menu.open = false;
  pressed(event);
});
// A page that comes back from the browser's memory has its buttons as they were left.
window.addEventListener("pageshow", () => {
  for (const form of all("[data-aa-once]")) {
    for (const button of all("button", form)) button.disabled = false;
    guard(form);
  }
});

localise(document);
for (const button of all("[data-aa-copy]")) button.hidden = !navigator.clipboard;
for (const button of all("[data-aa-print]")) button.hidden = false;
for (const form of all("form")) if (one("[data-aa-guarded]", form)) guard(form);
for (const box of all("[data-aa-watch]")) watch(box);
const result = location.hash === "#result" && one("#result");
if (result) result.focus();
