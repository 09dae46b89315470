#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { renderError } from "../errors";
import { closeHosts } from "../ssh/pool";
import { printable } from "../values/printable";
import { isAllProved } from "../view/fleet";
import { renderPage } from "../view/page";
import { examine, renderFindings } from "./doctor";
import { drawLastBoot, readHistory, renderHistory } from "./history";
import { isPossible, planStack, renderPlans } from "./plan";
import { readStack } from "./stack";
import { renderVerified, verify } from "./verify";
import { renderCounts, viewStack } from "./view";

const usage = `pulumi-netboot plan | verify | doctor | history | view  [--stack NAME] [--json]

  plan     what \`pulumi up\` would do to node 0 as it is now: packages, files line by line, machines, units, the firewall, what is
           asked afterwards, and what is refused and why. By your own \`pulumi preview\`
  verify   prove every machine of the stack now: both DHCP stages from each MAC, and every file that it meets
  doctor   say what is wrong with the stack's node 0, or with the way to it
  history  who booted, as node 0's log tells: the last boot of each machine, how far it got and what it was given; who asked
           and was refused. --all for every boot, --since 2026-11-01 for another beginning than 30 days ago;
           --svg MACHINE [--output boot.svg] draws the time line of the machine's last boot
  view     one page to look at: the machines, their chains with what is proved of each step, their boots, who else asked or
           answered. view --output fleet.html; --offline draws it of the state alone and asks no node 0

Run it in the folder of the stack's project. It reads the stack by your own \`pulumi stack export\`, and changes nothing.
Ends with 0 if all is well, 1 if something is not, 2 if it could not be asked.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      stack: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
      all: { type: "boolean", default: false },
      since: { type: "string" },
      svg: { type: "string" },
      output: { type: "string" },
      offline: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const [command] = positionals;
  if (
    values.help === true ||
    positionals.length !== 1 ||
    !["plan", "verify", "doctor", "history", "view"].includes(command ?? "")
  ) {
    console.error(usage);
    return values.help === true ? 0 : 2;
  }
  const since = secondOf(values.since);
  const print = (found: unknown, text: string): void =>
    console.log(printable(values.json ? JSON.stringify(found, undefined, 2) : text));
  if (command === "plan") {
    const plans = await planStack(values.stack);
    print(plans, renderPlans(plans));
    return isPossible(plans) ? 0 : 1;
  }
  const resources = await readStack(values.stack);
  if (resources.length === 0) throw new Error("this stack has no resources of pulumi-netboot");
  if (command === "verify") {
    const machines = await verify(resources);
    if (machines.length === 0) throw new Error("this stack declares no machines, so there is nothing to prove");
    print(machines, renderVerified(machines));
    return machines.every(({ served }) => served) ? 0 : 1;
  }
  if (command === "history") {
    const history = await readHistory(resources, since);
    if (values.svg !== undefined) return put(values.output, drawLastBoot(history, values.svg));
    print(history.boots, renderHistory(history, values.all));
    for (const gap of history.gaps) console.error(gap);
    return 0;
  }
  if (command === "view") {
    if (values.output === undefined && !values.json && process.stdout.isTTY) {
      throw new Error("a page is nothing for a terminal: say where it is to go, as in --output fleet.html");
    }
    const view = await viewStack(resources, { since, offline: values.offline });
    put(values.output, values.json ? `${printable(JSON.stringify(view, undefined, 2))}\n` : renderPage(view));
    if (values.output !== undefined) console.log(printable(`${values.output}: ${renderCounts(view)}`));
    for (const { host, notes } of view.servers)
      for (const { text } of notes) console.error(printable(`${host}: ${text}`));
    return values.offline || isAllProved(view) ? 0 : 1;
  }
  const findings = await examine(resources);
  print(findings, renderFindings(findings));
  return findings.length === 0 ? 0 : 1;
}

/** Into a file, or to whoever reads what this program says. */
function put(path: string | undefined, text: string): number {
  if (path === undefined) process.stdout.write(text);
  else writeFileSync(path, text);
  return 0;
}

/** A time as people write it, in seconds since 1970. */
function secondOf(since: string | undefined): number {
  const milliseconds = since === undefined ? Date.now() - 30 * 86_400_000 : Date.parse(since);
  if (Number.isNaN(milliseconds)) throw new Error(`--since "${since}" is no time; write it as in --since 2026-11-01`);
  return Math.floor(milliseconds / 1000);
}

async function run(): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(renderError(error));
    process.exitCode = 2;
  }
  await closeHosts();
}

void run();
