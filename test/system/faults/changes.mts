import type { Lab } from "../../../lab/index.mts";
import { programOn } from "../../support/node0.ts";
import type { Daemon } from "./dhcpServers.mts";
import type { Random } from "./random.mts";

/** What an operator's program says of node 0, in a model that a fault can be held against. */
export interface Wanted {
  readonly daemon: Daemon;
  readonly leaseSeconds: number;
  readonly timeoutSeconds: number;
  readonly note: string;
  /** The last number of the address of a record. */
  readonly filer: number;
  /** Whether node 0 gives the time: with it goes chrony, for which systemd-timesyncd is, by apt. */
  readonly time: boolean;
  /** Machines of their own: number → last number of the address. */
  readonly machines: Readonly<Record<number, number>>;
  /** The machines of the fleet. */
  readonly fleet: Readonly<Record<number, number>>;
}

export const first: Wanted = {
  daemon: "isc",
  leaseSeconds: 600,
  timeoutSeconds: 1,
  note: "0",
  filer: 240,
  time: true,
  machines: { 1: 1 },
  fleet: { 51: 51, 52: 52 },
};

/** The machine that is always there, and is asked for after each fault. */
export const witness = { mac: mac(51) } as const;

export function mac(machine: number): string {
  return `52:54:00:00:05:${machine.toString(16).padStart(2, "0")}`;
}

export function addressOf(last: number): string {
  return `10.20.1.${last}`;
}

/** The program that says so, with node 0 behind a wire. */
export function programFor(
  lab: Lab,
  wire: { readonly host: string; readonly port: number },
  wanted: Wanted,
  user = "root",
): string {
  const { host, port } = wire;
  const machine = (number: string, last: number): string =>
    `macs: ["${mac(Number(number))}"], address: "${addressOf(last)}"`;
  return programOn(
    lab,
    `const node0 = new netboot.NetbootServer("node0", {
       connection,
       network: { ...network, leaseSeconds: ${wanted.leaseSeconds}, domain: "rack.example.net" },
       dhcp: { daemon: "${wanted.daemon}" },
       artifacts: {
         refindConf: { timeoutSeconds: ${wanted.timeoutSeconds} },
         extra: { "note.txt": { content: ${JSON.stringify(wanted.note)} } },
       },
       time: ${wanted.time},
       names: { records: { filer: "${addressOf(wanted.filer)}" } },
       removePackages: true,
     });
${Object.entries(wanted.machines)
  .map(([number, last]) => `new netboot.OlaNode("m${number}", { server: node0, ${machine(number, last)} });`)
  .join("\n")}
const nodes = { ${Object.entries(wanted.fleet)
      .map(([number, last]) => `"f${number}": { ${machine(number, last)} }`)
      .join(", ")} };
new netboot.OlaFleet("rack", { server: node0, nodes });
const reference = node0.reference; export { reference as node0 };`,
    { host, port, user },
  );
}

type Kind = (wanted: Wanted, random: Random) => Wanted;

/** A number that is not taken yet, for a machine and its address. */
function free(taken: Readonly<Record<number, number>>, from: number, random: Random): number {
  const numbers = Array.from({ length: 40 }, (_, index) => from + index);
  return random.one(numbers.filter((number) => !(number in taken) && !Object.values(taken).includes(number)));
}

function without(machines: Readonly<Record<number, number>>, number: number): Record<number, number> {
  return Object.fromEntries(Object.entries(machines).filter(([key]) => Number(key) !== number));
}

const lease: Kind = (wanted, random) => ({
  ...wanted,
  leaseSeconds: wanted.leaseSeconds + 60 * random.between(1, 5),
});
const menu: Kind = (wanted, random) => ({ ...wanted, timeoutSeconds: wanted.timeoutSeconds + random.between(1, 5) });
const file: Kind = (wanted, random) => ({ ...wanted, note: "x".repeat(random.between(1, 3000)) + random.next() });

/** The kind of change for which apt runs. */
export const withPackages = "packages come or go";

/** The kind of change in which one DHCP server takes the other's place. */
export const otherServer = "the other DHCP server";

/** The kinds of change. */
export const changes: Readonly<Record<string, Kind>> = {
  "a lease time": lease,
  "the boot menu": menu,
  "a boot file": file,
  "all three at once": (wanted, random) => file(menu(lease(wanted, random), random), random),
  "a record": (wanted, random) => ({ ...wanted, filer: 200 + ((wanted.filer - 200 + random.between(1, 40)) % 50) }),
  [withPackages]: (wanted) => ({ ...wanted, time: !wanted.time }),
  "a machine comes": (wanted, random) => {
    const number = free(wanted.machines, 1, random);
    return { ...wanted, machines: { ...wanted.machines, [number]: number } };
  },
  "a machine goes": (wanted, random) => {
    const numbers = Object.keys(wanted.machines).map(Number);
    if (numbers.length < 2) return lease(wanted, random);
    return { ...wanted, machines: without(wanted.machines, random.one(numbers)) };
  },
  "a fleet changes": (wanted, random) => {
    const numbers = Object.keys(wanted.fleet)
      .map(Number)
      .filter((number) => number !== 51);
    const coming = free(wanted.fleet, 60, random);
    const rest = numbers.length > 4 ? without(wanted.fleet, random.one(numbers)) : wanted.fleet;
    return { ...wanted, fleet: { ...rest, [coming]: coming } };
  },
  [otherServer]: (wanted) => ({ ...wanted, daemon: wanted.daemon === "isc" ? "kea" : "isc" }),
};

/** Paths that apt and its scripts write, which no transaction can keep whole (what they leave, the next run configures). */
export const ofPackages =
  /^\/etc\/(chrony|default\/chrony|init\.d|rc\w\.d|systemd\/(timesyncd|system\/(dbus-|sysinit|multi-user|chrony))|apparmor\.d|logrotate\.d|ppp|dhcp\/dhclient|NetworkManager|network|dpkg|(passwd|group|g?shadow|subuid|subgid)|\.|.*\.dpkg-)/;
