import { inWords } from "./nftables";
import type { Answers, Fact, Question, Seen } from "./question";

export interface FirewalldPolicy {
  readonly ingressZones: readonly string[];
  /** As in `67/udp`. */
  readonly ports: readonly string[];
  /** As in `rule port port="67" protocol="udp" drop`. */
  readonly richRules: readonly string[];
}

export interface Firewalld {
  readonly active: boolean;
  /** The files of zones by their names: those in /etc stand in for those that firewalld brings. */
  readonly zoneFiles: ReadonlyMap<string, string>;
  readonly shippedZoneFiles: ReadonlyMap<string, string>;
  readonly policyFiles: ReadonlyMap<string, string>;
  /** The zone of interfaces that no zone names. */
  readonly defaultZone: string;
  /** As it runs: the zone by the interface. */
  readonly zoneOfInterface: ReadonlyMap<string, string>;
  /** As they run, by their names. */
  readonly policies: ReadonlyMap<string, FirewalldPolicy>;
  /** Whether what runs is what is kept, so that a reload loses nothing. */
  readonly allPermanent: boolean;
  /** Whether it can check a configuration in which a policy names a zone that does not run yet: 0.9 calls that a mistake. */
  readonly checksNewZones: boolean;
  /** Whether this host passes packets on from one interface to another. */
  readonly forwards: boolean;
  /** Why it could not be asked, in its own words. */
  readonly unread: string | undefined;
}

const whenActive = { key: "firewalld.unit", matches: "^ActiveState=active" };

function firewallCmd(...words: readonly string[]): Question {
  return { when: whenActive, ask: "run", argv: ["firewall-cmd", ...words] };
}

/** What firewalld has on the disk, and what of it runs. */
export const firewalld: Fact<Firewalld> = {
  questions: {
    "firewalld.unit": { ask: "run", argv: ["systemctl", "show", "--property=ActiveState", "--", "firewalld.service"] },
    "firewalld.shippedZoneFiles": {
      when: whenActive,
      ask: "folder",
      path: "/usr/lib/firewalld/zones",
      bytes: 1_000_000,
    },
    // Also where it does not run: ours must go.
    "firewalld.policyFiles": { ask: "folder", path: "/etc/firewalld/policies", bytes: 1_000_000 },
    "firewalld.zoneFiles": { ask: "folder", path: "/etc/firewalld/zones", bytes: 1_000_000 },
    "firewalld.configuration": { when: whenActive, ask: "path", path: "/etc/firewalld/firewalld.conf", bytes: 100_000 },
    "firewalld.forwarding": { when: whenActive, ask: "run", argv: ["cat", "/proc/sys/net/ipv4/ip_forward"] },
    "firewalld.version": firewallCmd("--version"),
    "firewalld.zones": firewallCmd("--list-all-zones"),
    "firewalld.permanentZones": firewallCmd("--permanent", "--list-all-zones"),
    "firewalld.policies": firewallCmd("--list-all-policies"),
  },

  read(answers: Answers): Firewalld {
    const active = /^ActiveState=active$/m.test(answers.ran("firewalld.unit")?.said ?? "");
    const said = (key: string) => answers.ran(key)?.said ?? "";
    const failed = ["firewalld.zones", "firewalld.permanentZones", "firewalld.policies"]
      .map((key) => answers.ran(key))
      .find((answer) => answer === undefined || answer.status !== 0);
    return {
      active,
      zoneFiles: textsOf(answers.folder("firewalld.zoneFiles")),
      shippedZoneFiles: textsOf(answers.folder("firewalld.shippedZoneFiles")),
      policyFiles: textsOf(answers.folder("firewalld.policyFiles")),
      defaultZone: /^DefaultZone=(\S+)/m.exec(answers.path("firewalld.configuration")?.content ?? "")?.[1] ?? "public",
      zoneOfInterface: new Map(
        parseSections(said("firewalld.zones")).flatMap(({ name, values }) =>
          wordsOf(values.get("interfaces")).map((nic) => [nic, name] as const),
        ),
      ),
      policies: new Map(
        parseSections(said("firewalld.policies")).map(({ name, values, richRules }) => [
          name,
          { ingressZones: wordsOf(values.get("ingress-zones")), ports: wordsOf(values.get("ports")), richRules },
        ]),
      ),
      allPermanent: withoutBindings(said("firewalld.zones")) === withoutBindings(said("firewalld.permanentZones")),
      checksNewZones: !/^0\./.test(said("firewalld.version")),
      forwards: said("firewalld.forwarding").startsWith("1"),
      unread: active && failed !== undefined ? inWords("firewall-cmd", failed.said) : undefined,
    };
  },
};

/** The texts of the files of XML in a folder, by their names without the ending. */
function textsOf(folder: readonly Seen[] | undefined): ReadonlyMap<string, string> {
  return new Map(
    (folder ?? []).flatMap(({ path, type, content }) => {
      const name = /\/([^/]+)\.xml$/.exec(path)?.[1];
      return name === undefined || type !== "file" ? [] : [[name, content ?? ""] as const];
    }),
  );
}

interface Section {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
  readonly richRules: readonly string[];
}

/** Reads what `--list-all-zones` and `--list-all-policies` print: a name, and below it `  key: value`, or rules one by one. */
function parseSections(said: string): readonly Section[] {
  const sections: { name: string; values: Map<string, string>; richRules: string[] }[] = [];
  for (const line of said.split("\n")) {
    const name = /^(\S+)/.exec(line)?.[1];
    const [, key, value = ""] = /^ {2}(\S[^:]*): ?(.*)$/.exec(line) ?? [];
    const rule = /^\t(rule .*)$/.exec(line)?.[1];
    if (name !== undefined) sections.push({ name, values: new Map(), richRules: [] });
    else if (key !== undefined) sections.at(-1)?.values.set(key, value);
    else if (rule !== undefined) sections.at(-1)?.richRules.push(rule);
  }
  return sections;
}

function wordsOf(value: string | undefined): readonly string[] {
  return (value ?? "").split(" ").filter((word) => word !== "");
}

/** A listing of zones without the interfaces that they have, and whether they have any. */
function withoutBindings(said: string): string {
  return said
    .trimEnd()
    .split("\n")
    .filter((line) => !/^\s*interfaces:/.test(line))
    .map((line) => line.replace(/ \([\w, ]+\)$/, ""))
    .join("\n");
}
