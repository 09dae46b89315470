/**
 * Captures what real hosts answer about their firewalls, into test/cases/firewall. `node test/support/captureFirewallCases.mts
 * [release …]` takes some ten minutes. What is said of a case that is there already stays as it is.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import type { Question, Ran, Seen } from "../../provider/facts/question.ts";
import { fromSource } from "./fromSource.mts";

const { factsOf } = fromSource("./firewallCases") as typeof import("./firewallCases.ts");
const { fetchFromOutside, firewalls } = fromSource("./firewalls") as typeof import("./firewalls.ts");
const { moreRulesets, open, rulesets } = fromSource("./rulesets") as typeof import("./rulesets.ts");
const { planFirewall } = fromSource("../../provider/plan/firewall") as typeof import("../../provider/plan/firewall.ts");

const facts = (name: string) =>
  fromSource(`../../provider/facts/${name}`) as Record<string, { questions: Record<string, Question> }>;

/** All that is asked about a firewall, in an order in which each comes after what its `when` names. */
const firewallQuestions = Object.assign(
  {},
  ...["nftables", "iptables", "trafficControl", "links", "ufw", "firewalld", "firewallUnit"].map(
    (name) => facts(name)[name]?.questions,
  ),
) as Readonly<Record<string, Question>>;

const folder = new URL("../cases/firewall/", import.meta.url);

/** As the hands would ask, one after the other. */
export async function ask(lab: Lab, questions: Readonly<Record<string, Question>>): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  const { stdout } = await lab.node0.run("ls /sys/class/net | grep -v '^lo$'; true");
  const interfaces = ["eno1", "eno2", ...stdout.trim().split("\n")].filter((name, at, all) => all.indexOf(name) === at);
  for (const [key, question] of Object.entries(questions)) {
    const { when } = question;
    if (when !== undefined && !new RegExp(when.matches).test((answers[when.key] as Ran | undefined)?.said ?? ""))
      continue;
    if (question.ask === "run" && question.for !== undefined) {
      const each = interfaces.map(async (name) => {
        return [
          name,
          await run(
            lab,
            question.argv.map((word) => word.replaceAll("@interface@", name)),
          ),
        ];
      });
      answers[key] = Object.fromEntries(await Promise.all(each));
    } else if (question.ask === "run") answers[key] = await run(lab, question.argv);
    else if (question.ask === "path") answers[key] = await look(lab, question.path, question.bytes);
    else if (question.ask === "folder") {
      const names = await lab.node0.run(`ls -A ${question.path} 2>/dev/null; true`);
      const paths = names.stdout.split("\n").filter((name) => name !== "");
      answers[key] = await Promise.all(paths.map((name) => look(lab, `${question.path}/${name}`, question.bytes)));
    }
  }
  return answers;
}

async function run(lab: Lab, argv: readonly string[]): Promise<Ran> {
  const words = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const { code, stdout } = await lab.node0.run(`LC_ALL=C exec ${words} 2>&1 </dev/null`, { check: false });
  return { status: code ?? 1, said: stdout };
}

async function look(lab: Lab, path: string, bytes: number | undefined): Promise<Seen> {
  const { code, stdout } = await lab.node0.run(`stat -c '%F|%a|%u|%g|%s|%Y|%Z' '${path}'`, { check: false });
  const plain = { path, mode: "0000", uid: 0, gid: 0, bytes: 0, mtime: 0, ctime: 0 };
  if (code !== 0) return { ...plain, type: "absent" };
  const [kind = "", mode = "", uid, gid, size, mtime, ctime] = stdout.trim().split("|");
  const numbers = {
    uid: Number(uid),
    gid: Number(gid),
    bytes: Number(size),
    mtime: Number(mtime),
    ctime: Number(ctime),
  };
  const type = kind.startsWith("regular") ? "file" : kind === "directory" ? "folder" : "other";
  const content = type === "file" && bytes !== undefined ? (await lab.node0.run(`cat '${path}'`)).stdout : undefined;
  return { path, type, mode: mode.padStart(4, "0"), ...numbers, ...(content !== undefined && { content }) };
}

/** What is right to say of a host; longer than its one word if somebody else can tell. */
export type Say = (lab: Lab, word: string) => Promise<string>;

/** Writes the case of a host as it is. */
export async function capture(lab: Lab, name: string, word: string, say: Say, truth?: boolean): Promise<void> {
  const path = new URL(`${lab.release}-${name.replace(/\W+/g, "-").toLowerCase()}.json`, folder);
  const answers = await ask(lab, firewallQuestions);
  const said = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).said : await say(lab, word);
  writeFileSync(path, `${JSON.stringify({ answers, ...(truth !== undefined && { truth }), said }, undefined, 1)}\n`);
  process.stdout.write(`${lab.release} ${name}: ${said}${truth === undefined ? "" : `, in truth ${truth}`}\n`);
}

/** A TFTP server, and iptables, beside what a Debian has. */
const packages = `export DEBIAN_FRONTEND=noninteractive
apt-get -q -y update >/dev/null
apt-get -q -y install --no-install-recommends iptables nftables tftpd-hpa >/dev/null
printf 'TFTP_USERNAME="tftp"\\nTFTP_DIRECTORY="/srv/tftp"\\nTFTP_ADDRESS="192.168.1.1:69"\\nTFTP_OPTIONS="--secure"\\n' > /etc/default/tftpd-hpa
mkdir -p /srv/tftp; head -c 4000 /dev/zero | tr '\\0' x > /srv/tftp/greeting; chmod 644 /srv/tftp/greeting
systemctl restart tftpd-hpa`;

/** Every ruleset on one host, one after the other; on an older or newer Debian some of them. */
export async function captureRulesets(release: Release, say: Say): Promise<void> {
  const lab = await labUp({ release });
  try {
    await lab.node0.run(packages);
    for (const [at, [name, setUp, , word]] of [...rulesets, ...moreRulesets].entries()) {
      if (release !== "bookworm" && at % 4 !== 0 && at < rulesets.length) continue;
      const { code, stderr } = await lab.node0.run(`set -e\n${setUp}`, { check: false });
      if (code === 0) await capture(lab, name, word, say, await isServed(lab));
      else process.stdout.write(`${release} ${name}: not there, ${stderr.split("\n")[0]}\n`);
      await lab.node0.run(open, { check: false });
    }
  } finally {
    await lab.down();
  }
}

async function isServed(lab: Lab): Promise<boolean> {
  return (await fetchFromOutside(lab)).length === 4000;
}

const rules = ["67", "69", "established", "123", "53"].map((port) => `allow in on eno2 udp ${port}`);
const opened = [...rules, "allow in on eno2 tcp 53"];
const confined = [...opened, "drop in on all but eno2 udp 67", "drop in on all but eno2 udp 69"];

/** How a rule of ours comes to the head of the chain that such a host has, if its manager does not put it in. */
const atHead: Readonly<Record<keyof typeof firewalls, ((rule: string) => string) | undefined>> = {
  nftables: (rule) => `nft 'insert rule inet filter input ${rule}'`,
  "iptables-nft": (rule) => `iptables-nft -I INPUT ${rule}`,
  "iptables-legacy": (rule) => `iptables-legacy -I INPUT ${rule}`,
  ufw: undefined,
  firewalld: undefined,
};

/** Carries out a plan as node 0 would. */
async function carryOut(lab: Lab, name: keyof typeof firewalls, words: readonly string[]): Promise<void> {
  const plan = planFirewall(words, factsOf(await ask(lab, firewallQuestions)), "id");
  if ("code" in plan) throw new Error(plan.message);
  for (const { path, to } of plan.files) {
    if (to.is === "absent") await lab.node0.run(`rm -f '${path}'`);
    else if (to.is === "link") await lab.node0.run(`ln -sfn '${to.target}' '${path}'`);
    else await lab.node0.run(`mkdir -p "$(dirname '${path}')"; cat > '${path}'`, { input: to.content });
  }
  for (const { argv } of plan.commands) await lab.node0.run(argv.join(" "));
  const heads = name === "nftables" ? plan.heads.nft : plan.heads.iptables;
  const commands = heads.toReversed().map((rule) => atHead[name]?.(rule) ?? "true");
  if (plan.differs) await lab.node0.run(commands.join("\n"));
}

/** A host with a manager: closed, with the rules of ours, without one of them, and with those that drop. */
export async function captureManager(release: Release, name: keyof typeof firewalls, say: Say): Promise<void> {
  const lab = await labUp({ release });
  try {
    await lab.node0.run(packages);
    await lab.node0.run(`set -e\n${firewalls[name].setUp}`);
    await capture(lab, name, "kept out", say, await isServed(lab));
    await carryOut(lab, name, opened);
    await capture(lab, `${name} opened`, "admitted", say, await isServed(lab));
    await lab.node0.run(firewalls[name].takeOut);
    await capture(lab, `${name} with one rule taken out`, "kept out", say, await isServed(lab));
  } finally {
    await lab.down();
  }
  const confining = await labUp({ release });
  try {
    await confining.node0.run(packages);
    await confining.node0.run(`set -e\n${firewalls[name].setUp}`);
    await carryOut(confining, name, confined);
    await capture(confining, `${name} opened and confined`, "admitted", say, await isServed(confining));
  } finally {
    await confining.down();
  }
}

const managers: Readonly<Record<Release, readonly (keyof typeof firewalls)[]>> = {
  bookworm: ["nftables", "ufw", "firewalld", "iptables-nft", "iptables-legacy"],
  bullseye: ["firewalld", "iptables-nft"],
  trixie: ["firewalld", "ufw", "nftables"],
};

if (process.argv[1] === import.meta.filename) {
  mkdirSync(folder, { recursive: true });
  const wanted = process.argv.slice(2);
  const word: Say = async (_lab, right) => right;
  for (const release of ["bookworm", "bullseye", "trixie"] as const) {
    if (wanted.length > 0 && !wanted.includes(release)) continue;
    await captureRulesets(release, word);
    for (const name of managers[release]) await captureManager(release, name, word);
  }
}
