import { type Firmware, type Loader, loadersFor } from "./bootChain";
import { isUnknown } from "./unknown";

// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/** One machine of the fleet, with every value in its one spelling. */
export interface NodeRow {
  /** The resource's name, or the key in a fleet's map. */
  readonly name: string;
  readonly hostname: string;
  /** All its NICs, one to eight: which one the firmware boots from is not ours to choose. */
  readonly macs: readonly string[];
  /** Without it, an address from the pool. */
  readonly address?: string;
  readonly firmware: Firmware;
  /** Without it, what the DHCP server gives to all. */
  readonly loader?: Loader;
  /** DHCP options of its own, by dhcpd's name for them. */
  readonly options?: Readonly<Record<string, OptionValue>>;
  /** A line for people, above its blocks. */
  readonly comment?: string;
}

/** A DHCP option's value: a text, a number, a flag, or a list of addresses. */
export type OptionValue = string | number | boolean | readonly string[];

/**
 * A machine as a fleet's one line, which a preview shows when it changes: address (or `pool`), host name, NICs, and what
 * is not usual about it.
 *
 * @example
 * ```
 * 10.20.0.12 db-2 04:3f:72:aa:00:03,04:3f:72:aa:00:04 ipxe.efi
 * pool old-1 04:3f:72:aa:00:05 ia32
 * ```
 */
export function renderRow(row: NodeRow): string {
  const words = [row.address ?? "pool", row.hostname, row.macs.join(",")];
  if (row.firmware !== "x64") words.push(row.firmware);
  if (row.loader !== undefined) words.push(row.loader);
  const { options, comment } = row;
  if (options !== undefined || comment !== undefined) words.push(JSON.stringify({ options, comment }));
  return words.join(" ");
}

/**
 * The machines of a fleet as one text, a line each behind its key. The engine walks a map of ten thousand machines again and again,
 * and a text not at all. Of a change it shows the lines and two around them; as YAML, which it would read, it would show all.
 *
 * @example
 * ```
 * db-1 10.20.0.11 db-1 04:3f:72:aa:00:01
 * "rack 1/db-2" 10.20.0.12 db-2 04:3f:72:aa:00:03
 * ```
 */
export function renderRows(rows: readonly NodeRow[]): string {
  return rows
    .map((row) => `${/^\w[\w.-]*$/.test(row.name) ? row.name : JSON.stringify(row.name)} ${renderRow(row)}\n`)
    .join("");
}

/**
 * Key → line, of that text or of a map: it stays one where a machine is a secret or known only later, and older releases made no
 * other. Empty where nothing is known.
 */
export function linesByKey(rows: unknown): Readonly<Record<string, string>> {
  if (typeof rows === "object" && rows !== null) return rows as Readonly<Record<string, string>>;
  if (typeof rows !== "string" || isUnknown(rows)) return {};
  const lines = rows.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return Object.fromEntries(
    lines.map((text) => {
      const [, key = "", line = ""] = /^("(?:[^"\\]|\\.)*"|\S+) (.*)$/s.exec(text) ?? [];
      return [key.startsWith('"') ? String(JSON.parse(key)) : key, line];
    }),
  );
}

/** The machines of a fleet as they are compared with others: a text and a map of the same lines are the same. */
export function rowsAsCompared(rows: unknown): unknown {
  return typeof rows === "string" && !isUnknown(rows) ? linesByKey(rows) : rows;
}

/**
 * Reads back what {@link renderRow} wrote; undefined if it is no such line, letter for letter. Its values were checked
 * before they were written, by `parseNode`, which would take too long to load where only this is needed.
 */
export function parseRow(name: string, text: string): NodeRow | undefined {
  const brace = text.indexOf(" {");
  const [address = "", hostname = "", macs = "", ...unusual] = (brace < 0 ? text : text.slice(0, brace)).split(" ");
  const more = brace < 0 ? {} : parseMore(text.slice(brace + 1));
  if (more === undefined) return undefined;
  if (address !== "pool" && !isAddress(address)) return undefined;
  if (!isHostname(hostname)) return undefined;
  const nics = macs.split(",");
  if (nics.length > 8 || new Set(nics).size < nics.length || !nics.every(isMac)) return undefined;
  const loader = loadersFor("x64").find((name) => unusual.includes(name));
  const ia32 = unusual[0] === "ia32";
  if (ia32 && loader !== undefined) return undefined;
  const row: NodeRow = {
    name,
    hostname,
    macs: nics,
    ...(address === "pool" ? {} : { address }),
    firmware: ia32 ? "ia32" : "x64",
    ...(loader === undefined ? {} : { loader }),
    ...more,
  };
  // What was passed over above (a word more, another order) makes another line.
  return renderRow(row) === text ? row : undefined;
}

function parseMore(text: string): Pick<NodeRow, "options" | "comment"> | undefined {
  const more = parseJson(text);
  if (!isObject(more)) return undefined;
  const { options, comment } = more;
  if (options !== undefined && !isOptions(options)) return undefined;
  if (comment !== undefined && (typeof comment !== "string" || /[\p{Cc}\p{Cs}]/u.test(comment))) return undefined;
  return { ...(options === undefined ? {} : { options }), ...(comment === undefined ? {} : { comment }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOptions(value: unknown): value is NonNullable<NodeRow["options"]> {
  return (
    isObject(value) && Object.entries(value).every(([name, option]) => isOptionName(name) && isOptionValue(option))
  );
}

/** One machine's, in its one spelling: the lowest bit of the first octet marks a group of machines (IEEE 802). */
function isMac(text: string): boolean {
  return /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(text) && text !== "00:00:00:00:00:00";
}

/** RFC 1123, in lower case; 253 is the DNS's own limit (RFC 1035), and what ends in a number is read as an address. */
export function isHostname(name: string): boolean {
  return name.length <= 253 && name.split(".").every(isLabel) && !/(^|\.)\d+$/.test(name);
}

/** One of a host name's parts. */
export function isLabel(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** dhcpd knows the names (dhcp-options(5)), with a space's name before a dot; it is asked on node 0. */
export function isOptionName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}(\.[a-z][a-z0-9-]{0,62})?$/.test(name);
}

function isOptionValue(value: unknown): value is OptionValue {
  if (Array.isArray(value)) return value.every((text) => typeof text === "string" && isAddress(text));
  return ["string", "number", "boolean"].includes(typeof value);
}

function isAddress(text: string): boolean {
  return /^(?:(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/.test(text);
}
