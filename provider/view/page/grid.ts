import { type Child, element } from "./elements";

/** One column of a grid. */
export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** A grid track of CSS: `minmax(8rem, 1fr)`. */
  readonly width: string;
  /** It is left out where there is little room. */
  readonly isWide?: boolean;
  readonly cell: (row: Row) => Child;
  /** What it is sorted by. */
  readonly by: (row: Row) => string | number;
}

/** How a grid is made. */
export interface GridSettings<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** What a grid without rows says. */
  readonly empty: string;
  readonly open: (row: Row) => void;
  /** What decides between rows that are the same by a column. */
  readonly tie?: (row: Row) => string;
}

const rowHeight = 34;
/** Rows that are drawn beyond what is seen, so that a quick hand sees no gap. */
const beyond = 12;
let grids = 0;
const collator = new Intl.Collator("en", { numeric: true });

/**
 * A table of any number of rows: only those that are seen are in the document. Columns are sorted by their heads; arrows,
 * Page Up and Down, Home and End move, Enter opens.
 */
export class Grid<Row> {
  readonly element: HTMLElement;
  readonly #settings: GridSettings<Row>;
  readonly #body: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #id = `grid${grids++}`;
  #rows: readonly Row[] = [];
  #sorted: readonly Row[] = [];
  #sort: { readonly key: string; readonly isDown: boolean } | undefined;
  #at = -1;
  #isWhole = false;

  constructor(settings: GridSettings<Row>) {
    this.#settings = settings;
    this.#body = element("div", { class: "rows", role: "rowgroup" });
    this.#empty = element("p", { class: "empty" }, settings.empty);
    const head = element("div", { class: "row head", role: "row", "aria-rowindex": 1 });
    for (const column of settings.columns) head.append(this.#head(column));
    this.element = element(
      "div",
      {
        class: "grid",
        role: "grid",
        tabindex: 0,
        "aria-label": settings.label,
        onkeydown: (event: KeyboardEvent) => this.#press(event),
        onscroll: () => this.#draw(),
      },
      element("div", { role: "rowgroup", class: "heads" }, head),
      this.#body,
      this.#empty,
    );
    const tracks = (columns: readonly Column<Row>[]): string => columns.map(({ width }) => width).join(" ");
    this.element.style.setProperty("--wide", tracks(settings.columns));
    this.element.style.setProperty("--narrow", tracks(settings.columns.filter(({ isWide }) => isWide !== true)));
    new ResizeObserver(() => this.#draw()).observe(this.element);
    // Paper has no scroll bar.
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  /** The rows to show from now on, sorted as before. */
  show(rows: readonly Row[]): void {
    const kept = this.#sorted[this.#at];
    this.#rows = rows;
    this.#order();
    this.#at = kept === undefined ? -1 : this.#sorted.indexOf(kept);
    this.element.scrollTop = 0;
    this.#draw();
  }

  sortBy(key: string, isDown = false): void {
    this.#sort = { key, isDown };
    for (const head of this.element.querySelectorAll<HTMLElement>("[role=columnheader]")) {
      const isIt = head.dataset["key"] === key;
      head.setAttribute("aria-sort", isIt ? (isDown ? "descending" : "ascending") : "none");
    }
    this.show(this.#rows);
  }

  /** Marks a row as the one that is looked at, or none. */
  choose(row: Row | undefined): void {
    this.#at = row === undefined ? -1 : this.#sorted.indexOf(row);
    this.#draw();
  }

  #head(column: Column<Row>): HTMLElement {
    const turn = (): void => this.sortBy(column.key, this.#sort?.key === column.key && !this.#sort.isDown);
    return element(
      "div",
      {
        role: "columnheader",
        "data-key": column.key,
        "aria-sort": "none",
        class: column.isWide === true ? "wide" : undefined,
      },
      element("button", { type: "button", onclick: turn }, column.title),
    );
  }

  #order(): void {
    const column = this.#settings.columns.find(({ key }) => key === this.#sort?.key);
    if (column === undefined) {
      this.#sorted = this.#rows;
      return;
    }
    const turn = this.#sort?.isDown === true ? -1 : 1;
    const keyed = this.#rows.map((row) => ({ row, by: column.by(row) }));
    const compare = (one: string | number, other: string | number): number =>
      typeof one === "number" && typeof other === "number" ? one - other : collator.compare(String(one), String(other));
    const { tie } = this.#settings;
    const decide = (one: Row, other: Row): number => (tie === undefined ? 0 : compare(tie(one), tie(other)));
    keyed.sort((one, other) => turn * compare(one.by, other.by) || decide(one.row, other.row));
    this.#sorted = keyed.map(({ row }) => row);
  }

  #draw(): void {
    const rows = this.#sorted;
    const { element: grid } = this;
    grid.setAttribute("aria-rowcount", String(rows.length + 1));
    this.#empty.hidden = rows.length > 0;
    this.#body.hidden = rows.length === 0;
    this.#body.style.height = `${rows.length * rowHeight}px`;
    const first = this.#isWhole ? 0 : Math.max(0, Math.floor(grid.scrollTop / rowHeight) - beyond);
    const seen = Math.ceil(grid.clientHeight / rowHeight) + 2 * beyond;
    const last = this.#isWhole ? rows.length : Math.min(rows.length, first + seen);
    const drawn: HTMLElement[] = [];
    for (let at = first; at < last; at++) {
      const row = rows[at];
      if (row !== undefined) drawn.push(this.#row(row, at));
    }
    this.#body.replaceChildren(...drawn);
    if (this.#at >= first && this.#at < last) grid.setAttribute("aria-activedescendant", `${this.#id}-${this.#at}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  #row(row: Row, at: number): HTMLElement {
    const open = (): void => {
      this.#at = at;
      this.#draw();
      this.#settings.open(row);
    };
    const made = element("div", {
      class: "row",
      role: "row",
      id: `${this.#id}-${at}`,
      "aria-rowindex": at + 2,
      "aria-selected": at === this.#at ? "true" : "false",
      onclick: open,
    });
    made.style.top = `${at * rowHeight}px`;
    for (const { cell, isWide } of this.#settings.columns) {
      made.append(element("div", { role: "gridcell", class: isWide === true ? "wide" : undefined }, cell(row)));
    }
    return made;
  }

  #press(event: KeyboardEvent): void {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 2);
    const last = this.#sorted.length - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: this.#at + 1,
      ArrowUp: this.#at - 1,
      PageDown: this.#at + page,
      PageUp: this.#at - page,
      Home: 0,
      End: last,
    };
    const row = this.#sorted[this.#at];
    const to = moves[event.key];
    if (to !== undefined) this.#move(Math.min(last, Math.max(0, to)));
    else if (event.key === "Enter" && row !== undefined) this.#settings.open(row);
    else return;
    event.preventDefault();
  }

  #move(at: number): void {
    this.#at = at;
    const { element: grid } = this;
    const [top, room] = [at * rowHeight, grid.clientHeight - rowHeight];
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + rowHeight > grid.scrollTop + room) grid.scrollTop = top + rowHeight - room;
    this.#draw();
  }

  #print(isWhole: boolean): void {
    this.#isWhole = isWhole;
    this.#draw();
  }
}
