import type { Firewalld } from "../facts/firewalld";
import { type FirewallRules, interfacesOf, mark } from "./firewallRules";
import type { Refusal } from "./refusal";

const folder = "/etc/firewalld";

/** Files of firewalld's permanent configuration, by their paths. */
export interface FirewalldPlan {
  readonly files: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  /** In the order of the interfaces: the zone that each is in then, and the policy that opens its ports. */
  readonly zones: readonly { readonly interface: string; readonly zone: string; readonly policy: string }[];
}

const isOurZone = new RegExp(`^${mark}\\d*$`);
const isOurs = new RegExp(`^(?:${mark}|pulumi-admit|pulumi-confine)\\d*$`);
const confine = "pulumi-confine";
const byUs = "  <short>pulumi-netboot</short>\n";
const head = '<?xml version="1.0" encoding="utf-8"?>\n';

/** Zones and policies share one space of names, and firewalld allows 17 characters. */
function numbered(name: string, number: number): string {
  return number === 0 ? name : `${name}${number + 1}`;
}

function refuse(id: string, message: string): Refusal {
  return { code: "FIREWALL_REFUSED", id, message };
}

/**
 * A zone applies to an interface as a whole, and a policy to zones; so the interface gets a zone of its own, with all that
 * its zone until now lets in, unless it has one.
 */
export function planFirewalld(rules: FirewallRules, firewalld: Firewalld, id: string): FirewalldPlan | Refusal {
  const files = new Map<string, string>();
  const warnings: string[] = [];
  const zones: { interface: string; zone: string; policy: string }[] = [];
  for (const [number, nic] of interfacesOf(rules).entries()) {
    const own = ownZone(nic, firewalld, id);
    if (typeof own === "object") return own;
    if (own === undefined) {
      const copied = copiedZone(nic, numbered(mark, number), firewalld, id);
      if ("code" in copied) return copied;
      files.set(`${folder}/zones/${numbered(mark, number)}.xml`, copied.text);
      warnings.push(...copied.warnings);
    }
    const zone = own ?? numbered(mark, number);
    const policy = numbered("pulumi-admit", number);
    zones.push({ interface: nic, zone, policy });
    files.set(`${folder}/policies/${policy}.xml`, admitting(zone, portsOn(nic, rules)));
  }
  if (rules.drops.length > 0) files.set(`${folder}/policies/${confine}.xml`, confining(rules));
  return { files, warnings, zones };
}

function portsOn(
  nic: string,
  { accepts }: FirewallRules,
): readonly { readonly port: string; readonly protocol: string }[] {
  return accepts.filter((rule) => rule.interface === nic && rule.port !== "established");
}

function admitting(zone: string, ports: readonly { readonly port: string; readonly protocol: string }[]): string {
  const opened = ports.map(({ port, protocol }) => `  <port port="${port}" protocol="${protocol}"/>\n`);
  return `${head}<policy priority="-2" target="CONTINUE">\n${byUs}  <ingress-zone name="${zone}"/>\n  <egress-zone name="HOST"/>\n${opened.join("")}</policy>\n`;
}

function confining({ drops }: FirewallRules): string {
  const dropped = drops.map(
    ({ port, protocol }) => `  <rule>\n    <port port="${port}" protocol="${protocol}"/>\n    <drop/>\n  </rule>\n`,
  );
  return `${head}<policy priority="-1" target="CONTINUE">\n${byUs}  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n${dropped.join("")}</policy>\n`;
}

/** The zone that the user has given to this interface alone. */
function ownZone(nic: string, { zoneFiles }: Firewalld, id: string): string | undefined | Refusal {
  for (const [zone, text] of zoneFiles) {
    if (isOurZone.test(zone)) continue;
    const outside = text.replaceAll(/<rule\b.*?<\/rule>/gs, "");
    const bound = [...outside.matchAll(/<(?:interface name|source address|source mac|source ipset)="([^"]*)"/g)].map(
      ([, name = ""]) => name,
    );
    if (!bound.includes(nic)) continue;
    if (bound.length === 1) return zone;
    const others = bound.filter((name) => name !== nic).join(", ");
    return refuse(
      id,
      `in firewalld on node 0, ${nic} shares the zone ${zone} with ${others}, so what is opened for one is opened for all; give ${nic} a zone of its own (\`firewall-cmd --permanent --new-zone=private\`, \`firewall-cmd --permanent --zone=private --change-interface=${nic}\`, \`firewall-cmd --reload\`)`,
    );
  }
  return undefined;
}

type Copied = { readonly text: string; readonly warnings: readonly string[] };

/** A zone for this interface alone, with all that the zone lets in that it was in. */
function copiedZone(nic: string, name: string, firewalld: Firewalld, id: string): Copied | Refusal {
  const { zoneFiles, shippedZoneFiles } = firewalld;
  const copied = /with all that the zone (\S+) lets in/.exec(zoneFiles.get(name) ?? "")?.[1];
  const base = copied ?? firewalld.zoneOfInterface.get(nic) ?? firewalld.defaultZone;
  const refused = copied === undefined ? whyNotCopied(nic, base, firewalld, id) : undefined;
  if (refused !== undefined) return refused;
  const text = zoneFiles.get(base) ?? shippedZoneFiles.get(base);
  if (text === undefined) return refuse(id, `firewalld on node 0 has no zone ${base}, in which ${nic} is`);
  const passes = copied === undefined && text.includes("<forward/>") && firewalld.forwards;
  const warning = `${nic} leaves firewalld's zone ${base} for one of its own; node 0 forwards packets, and what the zone let pass between ${nic} and its other interfaces needs a policy now`;
  return { text: zoneText(text, base, nic), warnings: passes ? [warning] : [] };
}

function whyNotCopied(
  nic: string,
  zone: string,
  { policyFiles, allPermanent }: Firewalld,
  id: string,
): Refusal | undefined {
  const policies = [...policyFiles]
    .filter(([, text]) => text.includes(`<ingress-zone name="${zone}"`) || text.includes(`<egress-zone name="${zone}"`))
    .map(([name]) => name);
  if (policies.length > 0) {
    return refuse(
      id,
      `in firewalld on node 0, ${nic} is in the default zone ${zone}, for which the policies ${policies.join(", ")} hold; a zone of its own would take it out of them. Give ${nic} a zone of its own, and name it in them, then run again`,
    );
  }
  if (allPermanent) return undefined;
  // A reload, which new zones need, forgets what was never made permanent.
  return refuse(
    id,
    "firewalld on node 0 has rules that are not permanent, and a reload would lose them; keep them by `firewall-cmd --runtime-to-permanent`, or drop them by `firewall-cmd --reload`, and run again",
  );
}

function zoneText(text: string, base: string, nic: string): string {
  // Rules may hold sources of their own; what the zone is bound to stands outside of them.
  const unbound = text
    .split(/(<rule\b.*?<\/rule>)/s)
    .map((part) =>
      part.startsWith("<rule")
        ? part
        : part
            .replaceAll(/\s*<(?:interface|source)\b[^>]*\/>/g, "")
            .replaceAll(/\s*<(short|description)>.*?<\/\1>/gs, ""),
    )
    .join("");
  const description = `  <description>${nic}, with all that the zone ${base} lets in; written by pulumi-netboot.</description>\n  `;
  return unbound
    .replace(/(<zone\b[^>]*>)\s*/, (_all, opening: string) => `${opening}\n${byUs}${description}`)
    .replace(/\s*<\/zone>.*/s, () => `\n  <interface name="${nic}"/>\n</zone>\n`);
}

/** Files of ours that are there, whatever is wanted. */
export function ourFirewalldFiles({ zoneFiles, policyFiles }: Firewalld): ReadonlyMap<string, string> {
  const inFolder = (name: string, files: ReadonlyMap<string, string>) =>
    [...files]
      .filter(([file]) => isOurs.test(file))
      .map(([file, text]) => [`${folder}/${name}/${file}.xml`, text] as const);
  return new Map([...inFolder("zones", zoneFiles), ...inFolder("policies", policyFiles)]);
}

/** What of the rules does not hold as firewalld runs, in words: `allow in on eno2 udp 67`. */
export function closedInFirewalld(rules: FirewallRules, plan: FirewalldPlan, firewalld: Firewalld): readonly string[] {
  const accepts = plan.zones.flatMap(({ interface: nic, policy }) => {
    const { ingressZones = [], ports = [] } = firewalld.policies.get(policy) ?? {};
    const zone = firewalld.zoneOfInterface.get(nic);
    const open = ingressZones.length === 1 && ingressZones[0] === zone ? ports : [];
    return portsOn(nic, rules)
      .filter(({ port, protocol }) => !open.includes(`${port}/${protocol}`))
      .map(({ port, protocol }) => `allow in on ${nic} ${protocol} ${port}`);
  });
  const dropped = firewalld.policies.get(confine)?.richRules ?? [];
  const drops = rules.drops
    .filter(
      ({ port, protocol }) => !dropped.some((rule) => rule.includes(`port="${port}" protocol="${protocol}" drop`)),
    )
    .map(({ interface: nic, protocol, port }) => `drop in on all but ${nic} ${protocol} ${port}`);
  return [...accepts, ...drops];
}

/** What firewalld must answer when all of it holds, each with what is missing else. */
export function firewalldAnswers(
  rules: FirewallRules,
  { zones }: FirewalldPlan,
): readonly {
  readonly argv: readonly [string, ...string[]];
  readonly matches: readonly string[];
  readonly what: string;
}[] {
  return [
    ...zones.flatMap(({ interface: nic, zone, policy }) => {
      const ports = portsOn(nic, rules);
      if (ports.length === 0) return [];
      const all = ports.map(({ port, protocol }) => `firewalld, ${nic} ${protocol} ${port}`).join("; ");
      return [
        { argv: ["firewall-cmd", `--get-zone-of-interface=${nic}`] as const, matches: [`^${zone}\\s*$`], what: all },
        {
          argv: ["firewall-cmd", `--policy=${policy}`, "--list-ingress-zones"] as const,
          matches: [`^${zone}\\s*$`],
          what: all,
        },
        ...ports.map(({ port, protocol }) => ({
          argv: ["firewall-cmd", `--policy=${policy}`, "--list-ports"] as const,
          matches: [`(?:^|\\s)${port}/${protocol}(?:\\s|$)`],
          what: `firewalld, ${nic} ${protocol} ${port}`,
        })),
      ];
    }),
    ...rules.drops.map(({ interface: nic, protocol, port }) => ({
      argv: ["firewall-cmd", `--policy=${confine}`, "--list-rich-rules"] as const,
      matches: [`port="${port}" protocol="${protocol}" drop`],
      what: `firewalld, ${nic} ${protocol} ${port}`,
    })),
  ].map(({ argv, matches, what }) => ({ argv: [...argv], matches, what }));
}
