import type { BootView, MachineView } from "../fleet";
import { bootsOf, hasServers, isWhole, knownOrder, knownWords, reaches, view, wordsOf } from "./data";
import { type Child, element, secondsText, timeText } from "./elements";
import { type Column, Grid } from "./grid";
import { badge, leftOut, meter, part, steps, timeline } from "./pieces";

/** A machine with its place, by which boots name it. */
export interface MachineRow {
  readonly machine: MachineView;
  readonly place: number;
  /** What it is found by. */
  readonly words: string;
}

/** A choice of machines. */
interface Choice {
  readonly title: string;
  readonly has: (row: MachineRow) => boolean;
}

export const machineRows: readonly MachineRow[] = view.machines.map((machine, place) => ({
  machine,
  place,
  words: wordsOf(machine),
}));

function lastBoot({ place }: MachineRow): BootView | undefined {
  return bootsOf.get(place)?.[0];
}

function numberOf(address: string | undefined): number {
  return address === undefined ? -1 : address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function server({ machine }: MachineRow): string {
  return view.servers[machine.server]?.host ?? "";
}

function isInDoubt({ known }: MachineView): boolean {
  return known === "wrong" || known === "doubt";
}

const columns: readonly Column<MachineRow>[] = [
  {
    key: "known",
    title: "Proof",
    width: "minmax(5.4rem, 7.5rem)",
    cell: ({ machine }) => badge(machine.known),
    by: ({ machine }) => knownOrder.indexOf(machine.known),
  },
  {
    key: "name",
    title: "Machine",
    width: "minmax(6rem, 1.2fr)",
    cell: ({ machine }) => machine.name,
    by: ({ machine }) => machine.name,
  },
  {
    key: "address",
    title: "Address",
    width: "minmax(7rem, 9rem)",
    cell: ({ machine }) =>
      machine.address === undefined
        ? element("span", { class: "faint" }, "from the pool")
        : element("code", {}, machine.address),
    by: ({ machine }) => numberOf(machine.address),
  },
  {
    key: "macs",
    title: "NICs",
    width: "minmax(9rem, 1fr)",
    isWide: true,
    cell: ({ machine }) => element("code", {}, machine.macs.join(" ")),
    by: ({ machine }) => machine.macs[0] ?? "",
  },
  {
    key: "chain",
    title: "Chain",
    width: "minmax(7rem, 1fr)",
    isWide: true,
    cell: ({ machine }) => view.chains[machine.chain]?.name,
    by: ({ machine }) => view.chains[machine.chain]?.name ?? "",
  },
  ...(machineRows.some(({ machine }) => isInDoubt(machine))
    ? [
        {
          key: "said",
          title: "What was seen",
          width: "minmax(9rem, 2fr)",
          isWide: true,
          cell: ({ machine }: MachineRow) => (isInDoubt(machine) ? machine.said : undefined),
          by: ({ machine }: MachineRow) => (isInDoubt(machine) ? machine.said : "~"),
        },
      ]
    : []),
  ...(hasServers
    ? [
        {
          key: "server",
          title: "Node 0",
          width: "minmax(7rem, 1fr)",
          isWide: true,
          cell: (row: MachineRow) => server(row),
          by: server,
        },
      ]
    : []),
  {
    key: "boot",
    title: "Last boot",
    width: "minmax(4.5rem, 15rem)",
    cell: (row) => {
      const boot = lastBoot(row);
      if (boot === undefined) return element("span", { class: "faint" }, view.wasAsked ? "none" : "not asked");
      return element("span", { class: "when" }, meter(boot), element("time", {}, timeText(boot.from).slice(0, 16)));
    },
    by: (row) => lastBoot(row)?.from ?? 0,
  },
];

const choices: readonly Choice[] = [
  { title: "all", has: () => true },
  ...knownOrder.map((known): Choice => ({ title: knownWords[known], has: ({ machine }) => machine.known === known })),
  {
    title: "last boot cut short",
    has: (row) => {
      const boot = lastBoot(row);
      return boot !== undefined && !isWhole(boot);
    },
  },
  ...(view.wasAsked ? [{ title: "no boot seen", has: (row: MachineRow) => lastBoot(row) === undefined }] : []),
];

/** The machines: a search, choices, and a table. */
export class Machines {
  readonly element: HTMLElement;
  readonly search: HTMLInputElement;
  readonly grid: Grid<MachineRow>;
  readonly #count: HTMLElement;
  readonly #chips: readonly HTMLElement[];
  #choice: Choice = choices[0] as Choice;

  constructor(open: (row: MachineRow) => void) {
    this.search = element("input", {
      type: "search",
      id: "search",
      placeholder: "name, address, MAC, words of the proof",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#show(),
    });
    this.#count = element("p", { class: "count", role: "status" });
    const shown = choices
      .map((choice) => ({ choice, count: machineRows.filter(choice.has).length }))
      .filter(
        ({ choice, count }, at) =>
          at === 0 || (count > 0 && count < machineRows.length) || (count > 0 && choice.title === "not asked"),
      );
    this.#chips = shown.map(({ choice, count }) =>
      element(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": choice === this.#choice ? "true" : "false",
          onclick: () => this.#choose(choice),
        },
        choice.title,
        " ",
        element("b", {}, count.toLocaleString("en")),
      ),
    );
    const empty = machineRows.length === 0 ? "This stack declares no machines." : "No machine is like that.";
    this.grid = new Grid({ label: "machines", columns, empty, open, tie: ({ machine }) => machine.name });
    this.element = element(
      "div",
      { class: "machines" },
      element(
        "div",
        { class: "tools" },
        element("label", { for: "search" }, "Search"),
        this.search,
        element("kbd", { "aria-hidden": "true" }, "/"),
        element("div", { class: "chips", role: "group", "aria-label": "which machines" }, ...this.#chips),
        this.#count,
      ),
      this.grid.element,
    );
    this.grid.sortBy("known");
    this.#show();
  }

  /** Searches for a text, as if it had been typed. */
  find(text: string): void {
    this.search.value = text;
    this.#choose(choices[0] as Choice);
  }

  #choose(choice: Choice): void {
    this.#choice = choice;
    for (const chip of this.#chips) {
      chip.setAttribute("aria-pressed", chip.firstChild?.textContent === choice.title ? "true" : "false");
    }
    this.#show();
  }

  #show(): void {
    const words = this.search.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const found = machineRows.filter((row) => {
      if (!this.#choice.has(row)) return false;
      if (words.length === 0) return true;
      return words.every((word) => row.words.includes(word));
    });
    const of = found.length === machineRows.length ? "" : ` of ${machineRows.length.toLocaleString("en")}`;
    this.#count.textContent = `${found.length.toLocaleString("en")}${of}`;
    this.grid.show(found);
  }
}

/** All that is known of one machine. */
export function machinePanel({ machine, place }: MachineRow): readonly Child[] {
  const chain = view.chains[machine.chain];
  const boots = bootsOf.get(place) ?? [];
  const facts: readonly (readonly [string, Child])[] = [
    ["Address", machine.address === undefined ? "from the pool" : element("code", {}, machine.address)],
    ["NICs", element("code", {}, machine.macs.join(" "))],
    ...(machine.comment === undefined ? [] : [["Comment", machine.comment] as const]),
    ["Declared by", element("code", {}, view.resources[machine.by] ?? "")],
    ["Node 0", view.servers[machine.server]?.host],
  ];
  return [
    element("dl", {}, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
    part("Proof", badge(machine.known), element("p", { class: "said" }, machine.said)),
    ...(chain === undefined ? [] : [part("The next boot", steps(chain, false))]),
    part(
      "Last boots",
      ...boots.map((boot) => timeline(boot, machine.macs[boot.nic])),
      boots.length > 0
        ? undefined
        : element(
            "p",
            { class: "faint" },
            view.wasAsked ? `none since ${timeText(view.since)}, as far as node 0's log goes` : "node 0 was not asked",
          ),
    ),
  ];
}

/** All boots, the newest first. */
export function bootsGrid(open: (row: MachineRow) => void): HTMLElement {
  const rowOf = ({ machine }: BootView): MachineRow | undefined => machineRows[machine];
  const length = ({ marks }: BootView): number => (marks.at(-1) ?? 0) / 1000;
  const grid = new Grid<BootView>({
    label: "boots",
    empty: view.wasAsked ? `Node 0's log tells of no boot since ${timeText(view.since)}.` : "Node 0 was not asked.",
    open: (boot) => {
      const row = rowOf(boot);
      if (row !== undefined) open(row);
    },
    columns: [
      {
        key: "when",
        title: "When (UTC)",
        width: "11rem",
        cell: ({ from }) => element("time", {}, timeText(from)),
        by: ({ from }) => from,
      },
      {
        key: "machine",
        title: "Machine",
        width: "minmax(8rem, 1fr)",
        cell: (boot) => rowOf(boot)?.machine.name,
        by: (boot) => rowOf(boot)?.machine.name ?? "",
      },
      {
        key: "nic",
        title: "NIC",
        width: "10rem",
        isWide: true,
        cell: (boot) => element("code", {}, rowOf(boot)?.machine.macs[boot.nic] ?? ""),
        by: (boot) => rowOf(boot)?.machine.macs[boot.nic] ?? "",
      },
      {
        key: "took",
        title: "Took",
        width: "6rem",
        isWide: true,
        cell: (boot) => secondsText(length(boot)),
        by: length,
      },
      {
        key: "reached",
        title: "How far it came",
        width: "minmax(7rem, 2.2fr)",
        cell: (boot) =>
          element(
            "span",
            { class: "when" },
            meter(boot),
            element("span", { class: isWhole(boot) ? "" : "short" }, view.ends[boot.reached]),
          ),
        by: ({ reached }) => reaches.indexOf(reached),
      },
    ],
  });
  grid.show(view.boots);
  return element("div", { class: "machines" }, grid.element, leftOut(view.leftOut.boots, "boot"));
}
