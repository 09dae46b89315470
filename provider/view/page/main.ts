import { hasServers, knownOrder, knownWords, view } from "./data";
import { type Child, countText, element, timeText } from "./elements";
import { bootsGrid, type MachineRow, Machines, machinePanel, machineRows } from "./machines";
import { badge, leftOut, steps, worstOf } from "./pieces";

/** The panel beside the table, with one machine or nothing. */
const panelTitle = element("h2", { id: "panelTitle" });
const panelBody = element("div", { class: "body" });
const panel = element(
  "aside",
  { class: "panel", hidden: true, "aria-labelledby": "panelTitle", tabindex: -1 },
  element(
    "header",
    {},
    panelTitle,
    element("button", { type: "button", class: "close", onclick: () => closePanel() }, "Close"),
  ),
  panelBody,
);

/** What had the focus before the panel. */
let before: HTMLElement | undefined;

function openPanel(row: MachineRow): void {
  if (panel.hidden) before = document.activeElement as HTMLElement;
  panelTitle.textContent = row.machine.name;
  panelBody.replaceChildren(...machinePanel(row).filter((child) => child !== undefined));
  panel.hidden = false;
  panel.scrollTop = 0;
  panel.focus();
}

function closePanel(): void {
  panel.hidden = true;
  machines.grid.choose(undefined);
  (before?.isConnected === true ? before : machines.grid.element).focus();
}

const machines = new Machines(openPanel);

// ---- The parts ----

function chains(): HTMLElement {
  const cards = view.chains.map((chain) => {
    const host = hasServers ? ` on ${view.servers[chain.server]?.host}` : "";
    return element(
      "section",
      { class: "card" },
      element(
        "header",
        {},
        element("h2", {}, chain.name),
        badge(worstOf(chain)),
        element(
          "button",
          { type: "button", class: "link", onclick: () => show(chain.name) },
          `${countText(chain.machines, "machine")}${host}`,
        ),
      ),
      steps(chain, true),
    );
  });
  return element(
    "div",
    { class: "cards" },
    ...cards,
    cards.length > 0 ? undefined : element("p", { class: "empty" }, "No machine, no chain."),
  );
}

function show(chain: string): void {
  machines.find(chain);
  select(0);
  machines.grid.element.focus();
}

function network(): HTMLElement {
  const servers = view.servers.map(({ host, place, notes, fine }) =>
    element(
      "section",
      { class: "card" },
      element(
        "header",
        {},
        element("h2", {}, host),
        element("span", { class: "faint" }, place ?? "serves by another stack's DHCP server"),
      ),
      ...notes.map(({ known, text }) => element("p", { class: `note ${known}` }, text)),
      ...fine.map((text) => element("p", { class: "faint" }, text)),
      view.wasAsked ? undefined : element("p", { class: "faint" }, "was not asked"),
    ),
  );
  const strangers = view.strangers.map(({ server, mac, asked, from, to, end }) =>
    element(
      "tr",
      {},
      element("td", {}, element("code", {}, mac)),
      hasServers ? element("td", {}, view.servers[server]?.host) : undefined,
      element("td", {}, asked === 1 ? "once" : `${asked.toLocaleString("en")} times`),
      element("td", {}, element("time", {}, timeText(from))),
      element("td", {}, element("time", {}, timeText(to))),
      element("td", {}, end),
    ),
  );
  const heads = ["MAC", ...(hasServers ? ["Node 0"] : []), "Asked", "First", "Last", "How it ended"];
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...strangers),
  );
  const none = view.wasAsked
    ? `Nobody else asked since ${timeText(view.since)}, as far as node 0's log goes.`
    : "Node 0 was not asked.";
  return element(
    "div",
    { class: "cards" },
    ...servers,
    element(
      "section",
      { class: "card" },
      element("header", {}, element("h2", {}, "Asked, and declared by no program")),
      strangers.length > 0 ? table : element("p", { class: "faint" }, none),
      leftOut(view.leftOut.strangers, "stranger"),
    ),
  );
}

// ---- The page around them ----

const tabs: readonly { readonly title: string; readonly count: number; readonly content: HTMLElement }[] = [
  { title: "Machines", count: view.machines.length, content: machines.element },
  { title: "Chains", count: view.chains.length, content: chains() },
  { title: "Boots", count: view.boots.length, content: bootsGrid(openPanel) },
  { title: "Network", count: view.strangers.length, content: network() },
];

const buttons = tabs.map(({ title, count }, at) =>
  element(
    "button",
    { type: "button", role: "tab", id: `tab${at}`, "aria-controls": `part${at}`, onclick: () => select(at) },
    title,
    title === "Network" ? undefined : element("b", {}, count.toLocaleString("en")),
  ),
);
const parts = tabs.map(({ title, content }, at) =>
  element(
    "div",
    {
      role: "tabpanel",
      id: `part${at}`,
      "aria-labelledby": `tab${at}`,
      class: "tabpanel",
      "data-title": title,
      tabindex: content.classList.contains("cards") ? 0 : undefined,
    },
    content,
  ),
);

function select(at: number): void {
  for (const [each, button] of buttons.entries()) {
    button.setAttribute("aria-selected", each === at ? "true" : "false");
    button.tabIndex = each === at ? 0 : -1;
    parts[each]?.classList.toggle("away", each !== at);
  }
}

function pressTab(event: KeyboardEvent): void {
  const at = buttons.indexOf(event.target as HTMLButtonElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  const next = (to + buttons.length) % buttons.length;
  select(next);
  buttons[next]?.focus();
  event.preventDefault();
}

/** Light or dark as the machine has it, until somebody says otherwise. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = element("button", { type: "button", class: "theme", onclick: () => turnTheme() });

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? dark.matches : theme === "dark";
}

function turnTheme(): void {
  document.documentElement.dataset["theme"] = isDark() ? "light" : "dark";
  nameTheme();
}

function nameTheme(): void {
  themeButton.textContent = isDark() ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", isDark() ? "switch to light" : "switch to dark");
}

function summary(): HTMLElement {
  const counts = knownOrder.flatMap((known): Child[] => {
    const count = machineRows.filter(({ machine }) => machine.known === known).length;
    return count === 0
      ? []
      : [element("span", { class: `known ${known}` }, `${count.toLocaleString("en")} ${knownWords[known]}`)];
  });
  const when = view.wasAsked ? "Node 0 was asked at" : "Out of the state alone, without asking node 0, at";
  return element(
    "p",
    { class: "summary" },
    ...counts,
    element("span", { class: "faint" }, `${when} `, element("time", {}, `${timeText(view.at)} UTC`)),
  );
}

const notes = view.servers.flatMap(({ host, notes: all }) =>
  all.map(({ known, text }) => element("p", { class: `note ${known}` }, element("strong", {}, host), " ", text)),
);

document.body.prepend(
  element(
    "header",
    { class: "top" },
    element("div", { class: "name" }, element("h1", {}, view.stack), summary()),
    themeButton,
    ...(notes.length > 0
      ? [element("div", { class: "notes", role: "region", "aria-label": "what else was found" }, ...notes)]
      : []),
    element("div", { class: "tabs", role: "tablist", "aria-label": "parts", onkeydown: pressTab }, ...buttons),
  ),
  element("main", {}, ...parts, panel),
);
select(0);
nameTheme();
dark.addEventListener("change", nameTheme);

addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    select(0);
    machines.search.focus();
    machines.search.select();
    event.preventDefault();
  } else if (event.key === "Escape" && !panel.hidden) closePanel();
  else if (event.key === "Escape" && isTyping) {
    machines.find("");
    machines.grid.element.focus();
  } else if (event.key === "ArrowDown" && event.target === machines.search) {
    machines.grid.element.focus();
    event.preventDefault();
  }
});
