import type { Ufw, UfwRule, UfwTuple } from "../facts/ufw";
import { type FirewallRules, mark } from "./firewallRules";
import type { Refusal } from "./refusal";

/** As ufw writes a comment into its files. */
const markDigits = Array.from(mark, (character) => character.charCodeAt(0).toString(16)).join("");

/** What ufw should hold of ours: a rule for all ports of an interface and a protocol. */
export function renderUfwRules({ accepts, drops }: FirewallRules): readonly UfwRule[] {
  const rules = [
    ...accepts.map((rule) => ({ ...rule, action: "allow" })),
    ...drops.map((rule) => ({ ...rule, action: "deny", interface: "" })),
  ];
  // Answers to what is going on already, ufw lets in by itself.
  const groups = Map.groupBy(
    rules.filter(({ port }) => port !== "established"),
    (rule) => `${rule.action} ${rule.protocol} ${rule.interface}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const ports = group.map(({ port }) => Number(port)).toSorted((one, other) => one - other);
    return { action: first.action, protocol: first.protocol, interface: first.interface, ports: ports.join(",") };
  });
}

function isOurs({ comment }: UfwTuple): boolean {
  return comment === markDigits;
}

/** The rules that matter here, in their order: ours, and what others have put in for any address. */
function tuplesThatMatter({ tuples }: Ufw): readonly UfwTuple[] {
  return tuples.filter((tuple) => tuple.anywhere || isOurs(tuple));
}

export function ourTuples(ufw: Ufw): readonly UfwTuple[] {
  return ufw.tuples.filter(isOurs);
}

/**
 * What is to be put into ufw. A rule that somebody else has put there is not ours to have; its opposite we must not turn.
 */
export function planUfw(rules: FirewallRules, ufw: Ufw, id: string): readonly UfwRule[] | Refusal {
  const foreign = tuplesThatMatter(ufw).filter((tuple) => !isOurs(tuple));
  const wanted: UfwRule[] = [];
  for (const rule of renderUfwRules(rules)) {
    const other = foreign.findLast((tuple) => isAboutTheSame(tuple, rule));
    if (other === undefined) wanted.push(rule);
    else if (other.action !== rule.action) {
      const turned = ufwWords({ ...rule, action: other.action }).join(" ");
      return {
        code: "FIREWALL_REFUSED",
        id,
        message: `ufw on node 0 holds the opposite of what is declared: \`${turned}\`; take it out with \`ufw delete ${turned}\`, or leave that service out`,
      };
    }
  }
  return wanted;
}

function isAboutTheSame(one: UfwRule, other: UfwRule): boolean {
  return one.protocol === other.protocol && one.ports === other.ports && one.interface === other.interface;
}

export function isSameUfwRule(one: UfwRule, other: UfwRule): boolean {
  return one.action === other.action && isAboutTheSame(one, other);
}

/** Whether ufw holds these rules of ours, no others, and before all of others. */
export function ufwIsRight(wanted: readonly UfwRule[], ufw: Ufw): boolean {
  const ours = ourTuples(ufw);
  const first = tuplesThatMatter(ufw).slice(0, wanted.length);
  return (
    ours.length === wanted.length &&
    wanted.every((rule, at) => isSameUfwRule(rule, ours[at] ?? rule)) &&
    first.every(isOurs)
  );
}

/** As in `ufw allow in on eno2 proto udp to any port 67,69`. */
export function ufwWords({ action, protocol, ports, interface: nic }: UfwRule): readonly string[] {
  return [action, ...(nic === "" ? [] : ["in", "on", nic]), "proto", protocol, "to", "any", "port", ports];
}

/** The commands that make it so. */
export function ufwCommands(wanted: readonly UfwRule[], ufw: Ufw): readonly (readonly string[])[] {
  if (ufwIsRight(wanted, ufw)) return [];
  const ours = [...ourTuples(ufw), ...ufw.tuples6.filter(isOurs)];
  const distinct = ours.filter((tuple, at) => ours.findIndex((each) => isSameUfwRule(each, tuple)) === at);
  return [
    ...distinct.map((tuple) => ["ufw", "delete", ...ufwWords(tuple)]),
    ...wanted.toReversed().map((rule) => ["ufw", "prepend", ...ufwWords(rule), "comment", mark]),
  ];
}

/** What ufw's file of rules must show: these of ours, before all others for any address, and no more. */
export function ufwFilePattern(wanted: readonly UfwRule[]): string {
  const other = "(?:(?!### tuple ###)[^\\n]*\\n)*";
  const lines = wanted.map(({ action, protocol, ports, interface: nic }) => {
    const on = nic === "" ? "in" : `in_${literal(nic)}`;
    return `### tuple ### ${action} ${protocol} ${ports} 0\\.0\\.0\\.0/0 any 0\\.0\\.0\\.0/0 ${on} comment=${markDigits}\\n`;
  });
  const none = `(?![\\s\\S]*comment=${markDigits}\\n)`;
  return lines.length === 0 ? `^${none}` : `^${other}${lines.join(other)}${none}`;
}

/** A text in a regular expression of Perl and JavaScript. */
export function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/@#-]/g, "\\$&");
}
