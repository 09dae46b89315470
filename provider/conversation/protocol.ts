/**
 * The wire between this process and the hands on node 0, and the register there: both directions in one file.
 *
 * A message is lines; a line is a word and named values, `word name=value …`, percent-encoded, and bytes after it where
 * it says `bytes=`. What node 0 says has a nonce before it, so that nothing a login shell prints is taken for a line.
 * A list travels as one value with a NUL between its parts.
 */
import type { Held, Machine } from "../plan/records";

/** A line of a message. */
export interface Line {
  readonly word: string;
  readonly values: Readonly<Record<string, Value>>;
  /** Follow the line as they are. */
  readonly content?: string | Uint8Array | undefined;
}

/** What stands behind a name; what is undefined or false does not travel. */
export type Value = string | number | boolean | readonly (string | number)[] | undefined;

/** Makes a line. */
export function line(word: string, values: Line["values"] = {}, content?: string | Uint8Array): Line {
  return content === undefined ? { word, values } : { word, values, content };
}

/** Lines as node 0 reads them. */
export function renderMessage(lines: readonly Line[]): Uint8Array {
  return concatenate(
    lines.flatMap(({ word, values, content }) => {
      const bytes = typeof content === "string" ? utf8.encode(content) : content;
      const named = Object.entries(bytes === undefined ? values : { ...values, bytes: bytes.length }).flatMap(
        ([name, value]) => {
          const text = textOf(value);
          return text === undefined ? [] : [` ${name}=${encodeWord(text)}`];
        },
      );
      const head = utf8.encode(`${word}${named.join("")}\n`);
      return bytes === undefined ? [head] : [head, bytes];
    }),
  );
}

function textOf(value: Value): string | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return "1";
  return typeof value === "object" ? value.join("\0") : String(value);
}

/** What node 0 said: a word and its values. */
export interface Said {
  readonly word: string;
  readonly values: Readonly<Record<string, string>>;
}

/** Reads one line of node 0's; anything without its nonce is no line of its. */
export function parseSaid(text: string, nonce: string): Said | undefined {
  const [mark, word, ...named] = text.split(" ");
  if (mark !== nonce || word === undefined) return undefined;
  const values = Object.fromEntries(
    named.map((each) => {
      const at = each.indexOf("=");
      return [each.slice(0, at), decodeWord(each.slice(at + 1))];
    }),
  );
  return { word, values };
}

/** The parts of a list. */
export function partsOf(value: string | undefined): readonly string[] {
  return value === undefined || value === "" ? [] : value.split("\0");
}

const utf8 = new TextEncoder();

/** Everything but what needs no other sign becomes `%XX`, byte by byte of its UTF-8. */
export function encodeWord(word: string): string {
  if (word === "") return "%";
  return word.replaceAll(/[^A-Za-z0-9_.:/,@+=-]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 128 ? (escapes[code] ?? "") : Array.from(utf8.encode(character), (byte) => escapes[byte]).join("");
  });
}

/** `%XX` of each byte. */
const escapes = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`);

/** What is no UTF-8 comes back byte by byte, each as the character of that number. */
function decodeWord(word: string): string {
  if (word === "%") return "";
  if (!word.includes("%")) return word;
  const bytes = Uint8Array.from(
    word.replaceAll(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    (character) => character.charCodeAt(0),
  );
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// ---- The register. Its lines lie on hosts, and older releases read them: words by position, kept for ever. ----

/** What is held, as the register's line. */
export function renderHeld(held: Held): string {
  return wordsOf(held).map(encodeWord).join(" ");
}

function wordsOf(held: Held): readonly string[] {
  switch (held.want) {
    case "package":
      return ["package", held.name, held.units.join(",")];
    case "standIn":
      return ["standIn", held.package, held.usual.join(","), held.others.join(","), held.allowed ? "1" : "0"];
    case "dir":
      return ["dir", held.path, held.mode];
    case "file":
      return ["file", held.path, held.mode, held.sha256];
    case "link":
      return ["link", held.path, held.target];
    case "taken":
      return ["taken", held.path, held.package, held.version ?? "-"];
    case "interface": {
      const { address, prefixLength, allowDefaultRoute } = held;
      return ["interface", held.interface, address, String(prefixLength), allowDefaultRoute ? "1" : "0"];
    }
    case "unit": {
      const { name, restartedBy, reloadedBy } = held;
      return ["unit", name, restartedBy.join(","), ...(reloadedBy === undefined ? [] : [reloadedBy.join(",")])];
    }
    case "enabled":
      return ["enabled", held.unit];
    case "listen":
      return held.on.kind === "packet"
        ? ["listen", held.unit, "packet", held.on.interface]
        : ["listen", held.unit, held.on.kind, held.on.address, String(held.on.port)];
    case "ntp":
      return ["ntp", held.address];
    case "names":
      return ["names", held.mode, held.address ?? "-", held.domain ?? "-", held.records];
    case "serve": {
      const { pool, unknownMachines } = held;
      const more = {
        ...held.loaders,
        ...(pool === undefined ? {} : { pool }),
        ...(unknownMachines === undefined ? {} : { unknownMachines }),
      };
      return ["serve", held.interface, held.bootServer, held.cidr, ...Object.entries(more).flat()];
    }
    case "daemon":
      return ["daemon", held.daemon];
    case "firewall":
      return ["firewall", held.interface, held.allowDefaultRoute ? "1" : "0", ...held.rules];
    case "managed":
      return ["managed", held.manager];
    case "tftpd":
      return ["tftpd", held.address, held.directory];
    case "named":
      return ["named", held.as];
    case "declared":
      return ["declared", held.by];
    case "begun":
      return ["begun", held.at];
    case "peers":
      return ["peers", ...held.addresses];
    case "otherServers":
    case "hotStandby":
    case "history":
    case "purge":
    case "settled":
      return [held.want];
  }
}

/** Reads what `renderHeld` wrote; undefined for a line that no release of ours writes. */
export function parseHeld(text: string): Held | undefined {
  const [want, first = "", second = "", third = "", fourth = "", ...rest] = text.split(" ").map(decodeWord);
  switch (want) {
    case "package":
      return { want, name: first, units: listOf(second) };
    case "standIn":
      return { want, package: first, usual: listOf(second), others: listOf(third), allowed: fourth === "1" };
    case "dir":
      return { want, path: first, mode: second };
    case "file":
      return { want, path: first, mode: second, sha256: third };
    case "link":
      return { want, path: first, target: second };
    case "taken":
      return { want, path: first, package: second, version: third === "-" ? undefined : third };
    case "interface":
      return {
        want,
        interface: first,
        address: second,
        prefixLength: Number(third),
        allowDefaultRoute: fourth === "1",
      };
    case "unit":
      return {
        want,
        name: first,
        restartedBy: listOf(second),
        ...(third === "" ? {} : { reloadedBy: listOf(third) }),
      };
    case "enabled":
      return { want, unit: first };
    case "listen":
      if (second === "packet") return { want, unit: first, on: { kind: "packet", interface: third } };
      return { want, unit: first, on: { kind: second as "udp" | "tcp", address: third, port: Number(fourth) } };
    case "ntp":
      return { want, address: first };
    case "names":
      return {
        want,
        mode: first as "dnsmasq" | "hosts",
        address: second === "-" ? undefined : second,
        domain: third === "-" ? undefined : third,
        records: fourth,
      };
    case "serve": {
      const { pool, unknownMachines, ...loaders } = pairsOf([fourth, ...rest]);
      return {
        want,
        interface: first,
        bootServer: second,
        cidr: third,
        loaders,
        pool,
        unknownMachines: unknownMachines as "refuse" | "serve" | undefined,
      };
    }
    case "daemon":
      return { want, daemon: first as "kea" };
    case "firewall": {
      const rules = [third, fourth, ...rest].filter((rule) => rule !== "");
      return { want, interface: first, allowDefaultRoute: second === "1", rules };
    }
    case "managed":
      return { want, manager: first };
    case "tftpd":
      return { want, address: first, directory: second };
    case "named":
      return { want, as: first };
    case "declared":
      return { want, by: first };
    case "begun":
      return { want, at: first };
    case "peers":
      return { want, addresses: [first, second, third, fourth, ...rest].filter((address) => address !== "") };
    case "otherServers":
    case "hotStandby":
    case "history":
    case "purge":
    case "settled":
      return { want };
    default:
      return undefined;
  }
}

function listOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(",");
}

function pairsOf(words: readonly string[]): Readonly<Record<string, string>> {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < words.length; at += 2) pairs.push([words[at] ?? "", words[at + 1] ?? ""]);
  return Object.fromEntries(pairs);
}

/** A machine as the register's line. */
export function renderMachineLine(machine: Machine): string {
  const { hostname, address = "-", macs, firmware, loader = "-", proof, blocks } = machine;
  const proved = typeof proof === "string" ? `+${proof}` : proof ? "+" : "-";
  return ["node", hostname, address, macs.join(","), firmware, loader, proved, blocks].map(encodeWord).join(" ");
}

/** Reads what `renderMachineLine` wrote. */
export function parseMachineLine(text: string): Machine {
  const [, hostname = "", address = "-", macs = "", firmware = "x64", loader = "-", proof = "+", blocks = ""] = text
    .split(" ")
    .map(decodeWord);
  return {
    hostname,
    address: address === "-" ? undefined : address,
    macs: macs.split(","),
    firmware: firmware === "ia32" ? "ia32" : "x64",
    loader: loader === "-" ? undefined : loader,
    proof: proof === "-" ? false : proof === "+" ? true : proof.slice(1),
    blocks,
  };
}
