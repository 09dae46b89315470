import type { LookupAddress } from "node:dns";
import { globSync, readFileSync } from "node:fs";
import type * as net from "node:net";
import ts from "typescript";
import { describe, expect, it, vi } from "vitest";
import { NetbootError, renderError } from "../../../provider/errors";
import { renderMeaning } from "../../../provider/plan/outcome";
import { situations } from "./situations/index";
import type { Said, Situation } from "./situations/situation";

/** A name such as `ECONNREFUSED.invalid` is where this machine's network answers so. */
vi.mock("node:dns/promises", async () => ({
  lookup: async (name: string): Promise<LookupAddress[]> => {
    const [, code = ""] = /^(E[A-Z_]+)\.invalid$/.exec(name) ?? [];
    if (code === "ESILENT") await new Promise(() => {});
    if (/^(?:ENOTFOUND|EAI_AGAIN)$/.test(code)) throw Object.assign(new Error(code), { code });
    return [{ address: name, family: 4 }];
  },
}));

vi.mock("node:net", async (original) => {
  const real = await original<typeof net>();
  const connect = (...given: Parameters<typeof real.connect>): net.Socket => {
    const [options] = given as unknown as [string | { readonly host?: string }];
    const host = typeof options === "string" ? "" : (options.host ?? "");
    const [, code] = /^(E[A-Z]+)\.invalid$/.exec(host) ?? [];
    if (code === undefined) return real.connect(...given);
    const socket = new real.Socket();
    if (code !== "EDROPPED") setImmediate(() => socket.destroy(Object.assign(new Error(code), { code })));
    return socket;
  };
  return { ...real, connect };
});

/** Whoever is asked at a terminal says no. */
vi.mock("node:readline/promises", () => ({
  createInterface: () => ({ question: async () => "n", close: () => {} }),
}));

/** A refusal as it stands beside a resource, in a run that changes nothing else. */
function render({ what, undone }: Situation, said: Said): string {
  if (said === undefined) throw new Error(`nothing is said of: ${what}`);
  if (typeof said === "string") return `# ${what}\n${said}\n`;
  const told = NetbootError.is(said) ? said.message : `node0.example: ${said.message}`;
  const meaning = renderMeaning(said.code, undone, []);
  const message = [told, meaning].filter((each) => each !== "").join("\n");
  return `# ${what}\n${renderError(new NetbootError(said.code, message))}\n`;
}

const known = new Map<Situation, Promise<Said>>();

/** What is said, found out once: some need a server. */
function saidIn(situation: Situation): Promise<Said> {
  const { said } = situation;
  const words = known.get(situation) ?? Promise.resolve(typeof said === "function" ? said() : said);
  known.set(situation, words);
  return words;
}

/** One after the other: some set the clock. */
async function shown(all: readonly Situation[]): Promise<string> {
  const each: string[] = [];
  for (const situation of all) each.push(render(situation, await saidIn(situation)));
  return each.join("\n");
}

describe("what is said in a situation", () => {
  it.each(Object.entries(situations))("is as in test/golden/situations/%s", async (name, all) => {
    await expect(await shown(all)).toMatchFileSnapshot(`../../golden/situations/${name}`);
  });

  const refusals = Object.values(situations).flatMap((all) => all.filter(({ said }) => typeof said !== "string"));

  it.each(refusals)("names the host, says nothing twice, and has its code at the end: $what", async (situation) => {
    const said = await saidIn(situation);
    // What stands at a terminal, or in a note.
    if (typeof said === "string") return;
    const text = render(situation, said);
    expect(text).toContain("node0.example");
    expect(text.match(/node0\.example: /g)?.length ?? 0).toBeLessThan(2);
    expect(text).toMatch(/ \[[A-Z_]+\]\n$/);
    expect(text.match(/nothing (?:of it )?was changed/gi)?.length ?? 0).toBeLessThan(2);
    const sentences = text.split(/[.;:\n] ?/).filter((each) => each.length > 30);
    expect(new Set(sentences).size).toBe(sentences.length);
  });
});

/** What of these folders is no refusal and no warning: files, plans that are shown, what an import notes, and rules as programs write them. */
const others =
  /\/(?:shown|shownText|importing|joins|lineDiff|recoveryUnit|firewallRules|planOnly|iptablesRule|nftRule)\.ts$/;

/** Sentences in which nothing stands in the way, or that only a part of a whole decision says, by the test that has them, or their beginning. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  "test/system/fleet.test.ts": [
    "not told: the engine has this fleet otherwise than this program, for --target or --exclude left it out of this run, or ignoreChanges",
    "or a transform changed it on the way",
    "whether fleet",
    ", which is otherwise in the state than in this program, loses a machine by this up can't be told",
  ],
  "test/unit/provider/lifecycle/ways.test.ts": ["the agent and the other keys of this machine"],
  "test/unit/provider/conversation/groupLook.test.ts": [
    "node 0 waits 20 s for a question, and ended before it had answered all; run it again",
  ],
  "test/unit/provider/plan/decide.test.ts": ["; with verify.again, what can't be told is an error", "allow in on"],
  "test/unit/provider/admitted/whyNotAdmitted.test.ts": [
    "the rules of the Firewall that is declared for it are gone from there, because somebody loaded others:",
  ],
  "test/unit/provider/lifecycle/comparison.test.ts": [
    "a transform has written this, and nothing reads it: the inputs of",
    "; its machines are the text rows, a line for each",
  ],
  "test/unit/provider/lifecycle/moves.test.ts": [
    "is the first of the two, and can't be taken out of them at once: both would answer, and not know each other. Make",
    "the first of all their machines by an `up` of its own, as in server: [",
    "out by the next",
  ],
  "test/unit/provider/plan/ownership.test.ts": [
    "another resource has taken machines of",
    ", which node 0 serves no more as this state has them",
  ],
  "test/unit/provider/plan/health.test.ts": ["a drill keeps DHCP and TFTP silent here; this timer starts"],
  "test/unit/provider/plan/change.test.ts": ["the name server"],
  "test/unit/provider/plan/drift.test.ts": [
    "another resource took it over",
    "other resources took them over",
    "node 0 does not serve",
    "of its",
  ],
  "test/unit/provider/plan/firewall.test.ts": ["somebody saved our rules", "drop in on all but"],
  "test/unit/provider/plan/interfaces.test.ts": ["with the MAC"],
  "test/unit/provider/plan/outcome.test.ts": [
    "if the change had arrived whole",
    "Nothing of this change was done",
    "of this run stands on node 0:",
    "this run has taken off node 0:",
    "not asked: verify is false",
    "their addresses and files to",
    "their addresses and files to the new and changed of",
    ", and to one of each chain",
    "an address of the pool",
  ],
  "test/unit/provider/plan/shown.test.ts": ["the loader of all"],
  "test/unit/provider/plan/proof.test.ts": [
    "node 0 has it of",
    "no more: another resource has its MAC, its address or its name; `pulumi up --refresh` declares it anew",
    "there is no DHCP server on this host",
    "another DHCP server answers on the private network:",
    "a machine that no program names (",
  ],
  "test/unit/provider/plan/timeDaemon.test.ts": ["is none of ours"],
  "test/unit/provider/conversation/conversation.test.ts": [": node 0 said more than", "lines, and did not stop"],
  "test/matrix/byHand.test.ts": [
    "asks its DHCP and TFTP servers as the machines do; what does not answer is asked again, for up to half a minute",
  ],
  "test/system/plan.test.ts": ["is now, this is refused"],
  "test/system/history.test.ts": ["none in node 0's log of the last 30 days"],
  "test/unit/sdk/program/tellingUndefined.test.ts": [
    ": is an output that is undefined, as if it was not given.",
    "is an output that is undefined",
    "is not in the output that is given as",
    "Look at where that output is made",
    "It comes from the stack",
    "requireOutput, in the place of getOutput, says which output that has not",
  ],
  "test/support/describeTwoNode0s.ts": [
    "is not on node 0 yet, for",
    "in the last `pulumi up`; the next one brings it",
    "is touched only after",
    "does not change in this run for",
    "has committed and proved; until then it serves what it served",
    "is taken for gone (",
    "): what the state has there is made anew where this program has it now, and else goes from the state only",
  ],
  "test/unit/sdk/twoServers.test.ts": ["not asked, for it was down"],
  "test/system/sentence.test.ts": ["has no machine: its nodes are empty", "which machines fleet", "has is known only"],
};

/** Names of chains and of packets, which stand in a sentence that is there with another name; and what only a bug of ours or ssh2's says. */
const parts: readonly string[] = [
  "the packets of a file (established udp)",
  "the chain INPUT of",
  "ufw-before-input, answers to established connections",
  ", with all that the zone",
  "node 0 tells of a check that was not asked for:",
  "this is a bug in pulumi-netboot",
  "the engine has not told",
  "pulumi-netboot: told beside its resource",
  "All configured authentication methods failed",
  "the agent gave no signature",
  "its public half can't be computed",
  ": connection.hostKey is no public key; write it as",
];

/** Literals of a program that are words for people. */
function sentencesIn(file: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isText =
      ts.isStringLiteral(node) ||
      ts.isNoSubstitutionTemplateLiteral(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node);
    if (isText && / [a-z']+ [a-z']+ [a-z']+ /i.test(` ${node.text} `)) found.push(node.text.trim());
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true));
  return found.filter((text) => !/^#[ !]/.test(text));
}

const files = [
  ...globSync("sdk/**/*.ts"),
  ...globSync("provider/{plan,admitted,ssh,cli}/*.ts").filter((file) => !others.test(file)),
  ...globSync("provider/{conversation,lifecycle}/*.ts").filter((file) => !others.test(file)),
  "provider/kinds/drift.ts",
];

describe("a sentence of the code", () => {
  const told = [...parts, ...Object.values(elsewhere).flat()];
  const kept = Object.entries(elsewhere).flatMap(([path, texts]) => texts.map((text) => [text, path] as const));

  it.each(kept)("%s stands in %s", (text, path) => {
    expect(readFileSync(path, "utf8").replaceAll("\\", "")).toContain(text);
  });

  it.each(files.toSorted())("of %s stands in a golden file", async (file) => {
    const golden = await shown(Object.values(situations).flat());
    expect(
      sentencesIn(file).filter((text) => !golden.includes(text) && !told.some((each) => text.startsWith(each))),
    ).toEqual([]);
  });
});
