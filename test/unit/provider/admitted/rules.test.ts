import { describe, expect, it } from "vitest";
import { ruleOfIptables } from "../../../../provider/admitted/iptablesRule";
import { rulesOfNft } from "../../../../provider/admitted/nftRule";
import type { Rule } from "../../../../provider/admitted/rule";

/** A rule in one line: `protocol udp, destination port not 67-69: drop`. */
function inWords({ conditions, verdict }: Rule): string {
  const said = conditions.map((condition) =>
    "values" in condition
      ? `${condition.of} ${condition.not ? "not " : ""}${condition.values.join("|")}`
      : condition.of,
  );
  return `${said.join(", ")}: ${verdict.verdict}${"chain" in verdict ? ` ${verdict.chain}` : ""}`;
}

const ofNft = (...statements: readonly unknown[]) => rulesOfNft({ text: "", statements }).map(inWords);
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
const meta = (key: string) => ({ meta: { key } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const drop = { drop: null };
const accept = { accept: null };

describe("rulesOfNft", () => {
  it.each<[string, readonly unknown[], readonly string[]]>([
    [
      "interfaces, ports and addresses",
      [
        match(meta("iifname"), { set: ["lo", "en*"] }),
        match(payload("udp", "dport"), { range: [60, 70] }, "!="),
        match(payload("ip", "saddr"), { prefix: { addr: "192.168.1.0", len: 28 } }),
        { counter: { packets: 0, bytes: 0 } },
        { log: { prefix: "x: " } },
        accept,
      ],
      ["incoming interface lo|en*, destination port not 60-70, source address 192.168.1.0/28: accept"],
    ],
    [
      "what is refused at the end, by whatever message",
      [{ reject: { type: "icmpx", expr: "admin-prohibited" } }],
      [": drop"],
    ],
    ["what is for ICMP only", [match(payload("icmp", "type"), "echo-request"), accept], ["never: accept"]],
    ["what is for all but ICMP", [match(meta("l4proto"), "icmp", "!="), drop], ["protocol not icmp: drop"]],
    ["flags of TCP", [match({ "&": [payload("tcp", "flags"), ["syn", "ack"]] }, "syn", "!="), drop], ["never: drop"]],
    ["a set with a name", [match(payload("ip", "saddr"), "@known"), accept], ["source address @known: accept"]],
    ["a limit", [{ limit: { rate: 10, per: "second" } }, accept], ["nobody knows: accept"]],
    [
      "several things compared at once",
      [match({ concat: [meta("iifname"), payload("udp", "dport")] }, { set: [{ concat: ["eno2", 69] }] }), drop],
      ["nobody knows: drop"],
    ],
    [
      "a map of verdicts",
      [
        {
          vmap: {
            key: { ct: { key: "state" } },
            data: {
              set: [
                ["invalid", drop],
                ["established", accept],
                ["new", { jump: { target: "lan" } }],
                ["untracked", { continue: null }],
              ],
            },
          },
        },
      ],
      ["state invalid: drop", "state established: accept", "state new: jump lan"],
    ],
    ["a map with a name", [{ vmap: { key: payload("udp", "dport"), data: "@verdicts" } }], [": unclear"]],
    ["a packet that becomes another", [{ dnat: { addr: "192.168.1.13" } }], [": unclear"]],
    ["an address that is written over", [{ mangle: { key: payload("ip", "daddr"), value: "1.2.3.4" } }], [": unclear"]],
    ["a mark that is set", [{ mangle: { key: meta("mark"), value: 1 } }, accept], [": accept"]],
    [
      "a look at the way back",
      [match({ fib: { result: "oif", flags: ["saddr", "iif"] } }, false), drop],
      ["never: drop"],
    ],
    ["what only counts", [{ counter: { packets: 0, bytes: 0 } }], []],
    [
      "a part of iptables that nft knows by name only",
      [{ xt: { type: "match", name: "physdev" } }, { xt: { type: "target", name: "REJECT" } }],
      ["nobody knows: drop"],
    ],
    ["a part of iptables that nft 0.9 does not know at all", [{ xt: null }], [": unclear"]],
    ["a statement that does not exist yet", [{ hologram: { deep: true } }, drop], ["nobody knows: drop"]],
  ])("reads %s", (_name, statements, expected) => {
    expect(ofNft(...statements)).toEqual(expected);
  });
});

describe("ruleOfIptables", () => {
  it.each<[string, string | undefined]>([
    [
      "-i eno2 -p udp -m udp --dport 67:69 -j ACCEPT",
      "incoming interface eno2, protocol udp, destination port 67:69: accept",
    ],
    [
      "! -i lo -p udp -m multiport --dports 53,67 -j DROP",
      "incoming interface not lo, protocol udp, destination port 53|67: drop",
    ],
    ["-j REJECT --reject-with icmp-host-prohibited", ": drop"],
    [`-m comment --comment "a -j of \\"theirs\\"" -j DOCKER`, ": jump DOCKER"],
    ["-g other", ": goto other"],
    ["-m rpfilter --invert -j DROP", "never: drop"],
    ["-m rpfilter --loose -j ACCEPT", ": accept"],
    ["-p udp -m hashlimit --hashlimit-upto 50/sec -j ACCEPT", "protocol udp, nobody knows: accept"],
    ["-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "state RELATED|ESTABLISHED: accept"],
    ["-j CT --notrack", ": unclear"],
    ["-p udp -j LOG", undefined],
    ["-p udp", undefined],
  ])("reads %s", (text, expected) => {
    const rule = ruleOfIptables(text);
    expect(rule && inWords(rule)).toBe(expected);
  });
});
