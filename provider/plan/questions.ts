import { clock } from "../facts/clock";
import { firewalld } from "../facts/firewalld";
import { firewallUnit } from "../facts/firewallUnit";
import { iptables } from "../facts/iptables";
import { links } from "../facts/links";
import { fixedNeighbours, neighbours } from "../facts/neighbours";
import { nftables } from "../facts/nftables";
import { packagesFact, standInQuestions } from "../facts/packages";
import type { Fact, Question } from "../facts/question";
import { routingQuestions } from "../facts/routing";
import { servers } from "../facts/servers";
import { servedFolderQuestions } from "../facts/tftpFolder";
import { tftpPeers } from "../facts/tftpPeers";
import { trafficControl } from "../facts/trafficControl";
import { ufw } from "../facts/ufw";
import { type Units, unitFacts } from "../facts/units";
import { backendOf, dhcpBackends } from "../formats/dhcpBackend";
import { readHostsTable } from "../formats/hosts/hostsTable";
import { chronyConf, chronyUnit, enablingLink, namesUnit, tftpdDefaults, tftpdUnit } from "../os/paths";
import { bootChain } from "../values/bootChain";
import { type Change, wantsOf } from "./change";
import { daemonQuestions } from "./daemons";
import { unitNotes } from "./dhcpServer";
import { headsFile } from "./firewallFiles";
import { rangeOf } from "./network";
import { recordKey, recordQuestion } from "./otherDhcpServer";
import { takesMachinesOver } from "./ownership";

/** What a change needs to know before it can be planned, all asked at once. */
export function questionsOf(change: Change): Readonly<Record<string, Question>> {
  const { puts } = change;
  const has = (...words: readonly Parameters<typeof wantsOf>[1][]): boolean =>
    words.some((word) => wantsOf(puts, word).length > 0);
  const bringsMachines = has("node");
  const touchesBoot = bringsMachines || has("serve", "tftpd", "file", "take", "firewall");
  const concernsFirewall = has("firewall") || change.drops.size > 0;
  return {
    ...links.questions,
    ...unitsFact.questions,
    ...daemonQuestions([...puts.values()]),
    ...standInQuestions,
    ...(has("package", "standIn") || change.drops.size > 0 ? packagesFact.questions : {}),
    ...(touchesBoot || concernsFirewall
      ? { ...rulesetQuestions, ...wayQuestions(wantsOf(puts, "serve")[0]?.want.cidr) }
      : {}),
    ...(concernsFirewall ? firewallQuestions : {}),
    [lookKey(headsFile)]: { ask: "path", path: headsFile },
    ...(touchesBoot || change.drops.size > 0 ? bootQuestions(change) : {}),
    ...tftpAncestorQuestions(change),
    ...Object.fromEntries(
      pathsLookedAt(change).map((path) => [lookKey(path), { ask: "path", path, hashed: true }] as const),
    ),
    ...(has("ntp") ? clock.questions : {}),
    ...(has("ntp") ? { [chronyConfKey]: { ask: "path", path: chronyConf, bytes: 65_536 } } : {}),
    ...(bringsMachines || has("serve", "tftpd", "ntp", "names", "listenFor") ? servers.questions : {}),
    ...(has("serve") ? unitNotes : {}),
    ...(has("serve")
      ? {
          [dhcpdConfKey]: {
            ask: "path",
            path: backendOf(wantsOf(puts, "daemon")[0]?.want.daemon).conf,
            bytes: 1_000_000,
          },
        }
      : {}),
    // A change of machines has the DHCP server read this, too.
    ...((bringsMachines || change.drops.size > 0) && !has("serve") ? confQuestions : {}),
    ...machineQuestions(change),
    ...Object.fromEntries(
      [...puts.values()].filter(takesMachinesOver).map(({ id }) => [recordKey(id), recordQuestion(id)] as const),
    ),
  };
}

const confQuestions: Readonly<Record<string, Question>> = Object.fromEntries(
  dhcpBackends.map(({ conf }) => [lookKey(conf), { ask: "path", path: conf, hashed: true }] as const),
);

/** The units that decide what a change does. */
export const unitsFact: Fact<Units> = unitFacts([
  ...dhcpBackends.map(({ unit }) => unit),
  tftpdUnit,
  chronyUnit,
  namesUnit,
]);

/** Who manages the firewall, and what is in it. */
export const firewallQuestions: Readonly<Record<string, Question>> = {
  ...nftables.questions,
  ...iptables.questions,
  ...ufw.questions,
  ...firewalld.questions,
  ...firewallUnit.questions,
};

/** Who decides which packets come through. */
export const rulesetQuestions: Readonly<Record<string, Question>> = {
  ...links.questions,
  ...nftables.questions,
  ...iptables.questions,
  ...trafficControl.questions,
  ...tftpPeers.questions,
  "admitted.defaults": { ask: "path", path: tftpdDefaults, bytes: 65_536 },
  "admitted.helpers": { ask: "path", path: "/proc/sys/net/netfilter/nf_conntrack_helper", bytes: 64 },
  "admitted.ports": { ask: "path", path: "/proc/sys/net/ipv4/ip_local_port_range", bytes: 64 },
};

/** How node 0 and the machines of a network find each other; those with addresses of their own only where one of these is fixed. */
export function wayQuestions(cidr = "@held:serve:3@"): Readonly<Record<string, Question>> {
  return {
    ...neighbours.questions,
    ...routingQuestions(cidr),
    [neighboursKey]: {
      when: { key: fixedNeighbours, matches: "PERMANENT" },
      ask: "machines",
      where: "inside",
      first: "0.0.0.0",
      last: "255.255.255.255",
      without: [],
    },
    [rosterKey]: { when: { key: fixedNeighbours, matches: "PERMANENT" }, ask: "roster" },
  };
}

export const neighboursKey = "machines.neighbours";
export const rosterKey = "machines.roster";
export const dhcpdConfKey = "dhcp.conf";
export const chronyConfKey = "time.chronyConf";
export const folderKey = "tftp.folder";

export function lookKey(path: string): string {
  return `look ${path}`;
}

export function chainFileKey(name: string): string {
  return `tftp ${name}`;
}

/** What lies in the folder that TFTP serves, or will serve, and how the files of the chain begin. */
function bootQuestions({ puts }: Change): Readonly<Record<string, Question>> {
  const [tftp] = wantsOf(puts, "tftpd");
  return folderQuestions(tftp?.want.directory ?? "@held:tftpd:2@");
}

export function ancestorKey(path: string): string {
  return `tftp above ${path}`;
}

/** The folder that TFTP serves and all above it: whoever has one of them decides what machines boot. */
export function ancestorsOf(directory: string): readonly string[] {
  const names = directory.split("/").filter((name) => name !== "");
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}

function tftpAncestorQuestions({ puts }: Change): Readonly<Record<string, Question>> {
  const paths = wantsOf(puts, "tftpd").flatMap(({ want }) => ancestorsOf(want.directory));
  return Object.fromEntries(paths.map((path) => [ancestorKey(path), { ask: "path", path }] as const));
}

/** A script is read whole; of a program the beginning tells what it is. */
export function folderQuestions(directory: string): Readonly<Record<string, Question>> {
  return {
    ...servedFolderQuestions(directory),
    [folderKey]: { ask: "folder", path: directory, hashed: "held" },
    ...Object.fromEntries(
      Object.entries(bootChain).map(([name, { format }]) => [
        chainFileKey(name),
        { ask: "path", path: `${directory}/${name}`, bytes: format === "pe" ? 4096 : 65_536 },
      ]),
    ),
  };
}

/** The paths that a change writes. */
export function pathsLookedAt({ puts }: Change): readonly string[] {
  return [
    ...wantsOf(puts, "file").map(({ want }) => want.path),
    ...wantsOf(puts, "take").map(({ want }) => want.path),
    ...wantsOf(puts, "link").map(({ want }) => want.path),
    ...wantsOf(puts, "enabled").map(({ want }) => enablingLink(want.unit)),
    ...(wantsOf(puts, "names").some(({ want }) => want.mode === "hosts") ? ["/etc/hosts"] : []),
  ];
}

export const outsideKey = "machines.outside";
export const insideKey = "machines.inside";
export const namedKey = "machines.named";

/** A network and its pool concern machines of all stacks, and so do the names of records. */
function machineQuestions({ puts }: Change): Readonly<Record<string, Question>> {
  const without = [...puts.keys()];
  const [server] = wantsOf(puts, "serve");
  const [names] = wantsOf(puts, "names");
  const questions: Record<string, Question> = {};
  const range = server && rangeOf(server.want.cidr);
  if (range !== undefined) {
    questions[outsideKey] = { ask: "machines", where: "outside", ...range, without };
  }
  const [first, last] = server?.want.pool?.split("-") ?? [];
  if (first !== undefined && last !== undefined) {
    questions[insideKey] = { ask: "machines", where: "inside", first, last, without };
  }
  const recorded = recordedNames(names?.want.records ?? "", names?.want.domain);
  if (recorded.length > 0) questions[namedKey] = { ask: "machines", where: "named", names: recorded, without };
  return questions;
}

/** The host names that records speak of, with the domain and without it. */
function recordedNames(records: string, domain: string | undefined): readonly string[] {
  const names = readHostsTable(records).flatMap((line) => line.names);
  const short = names.flatMap((name) =>
    domain !== undefined && name.endsWith(`.${domain}`) ? [name.slice(0, -domain.length - 1)] : [],
  );
  return [...new Set([...names, ...short])];
}
