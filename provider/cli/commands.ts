import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { version } from "../embedded";
import { keepThroughSignals } from "../ssh/pool";
import type { Connection } from "../values/connection";
import { printable } from "../values/printable";
import { isAllProved } from "../view/fleet";
import { renderPage } from "../view/page";
import { type CommandName, readArguments, type Values } from "./arguments";
import { examine, renderFindings } from "./doctor";
import { drill, drillSays, isDrilled, renderDrilled } from "./drill";
import { drawLastBoot, historyOf, readHistory, renderHistory } from "./history";
import { importNode0, renderImported } from "./import";
import { machinesNamed } from "./machinesNamed";
import { isPossible, planStack, renderPlans } from "./plan";
import { askAtTerminal, clearRecords, lostRecords, readRecords, renderOthers, renderRecords } from "./records";
import { readStack, type StackResource } from "./stack";
import { renderVerified, verify } from "./verify";
import { renderCounts, viewStack } from "./view";

const usage = `pulumi-netboot plan | verify | doctor | history | view  [-s, --stack NAME] [--json]
pulumi-netboot drill [--host HOST] [-s, --stack NAME] [--yes]
pulumi-netboot records [--host HOST] [--clear PROJECT/STACK] [--yes]
pulumi-netboot import --host HOST [--user USER] [--output FOLDER]

  plan     what \`pulumi up\` would do to node 0 as it is now: packages, files line by line, machines, units, the firewall, what is
           asked afterwards, and what is refused and why. By your own \`pulumi preview\`
  verify   prove every machine of the stack now: both DHCP stages from each MAC, and every file that it meets. verify db-1 'web-*'
           tells of these only
  doctor   say what is wrong with the stack's node 0, or with the way to it
  history  who booted, as node 0's log tells: the last boot of each machine, how far it got and what it was given; who asked
           and was refused. history db-1 'web-*' tells of these only, also by a MAC; --all for every boot, --since 2026-11-01
           for another beginning than 30 days ago;
           --svg MACHINE [--output boot.svg] draws the time line of the machine's last boot
  view     one page to look at: the machines, their chains with what is proved of each step, their boots, who else asked or
           answered. view --output fleet.html; --offline draws it of the state alone and asks no node 0
  drill    of two node 0s that have the same machines, keep one silent for a minute (the first, or HOST), and prove every machine on
           the other meanwhile; asks first, and a timer on node 0 has it serve again whatever happens here
  records  what every stack has on the stack's node 0, or on the HOST, also stacks that are no more; --clear takes away what one of them
           has and this stack's state has not, as its destroy would, and asks first
  import   write a program from a node 0 that was set up by hand, after the guide (ISC dhcpd or Kea): it is read over SSH, and nothing
           of it is changed. --port, --private-key-path and --host-key say more of the way to it

Run it in the folder of the stack's project. It reads the stack by your own \`pulumi stack export\`; nothing but drill and --clear changes anything.
Ends with 0 if all is well, 1 if something is not, 2 if it could not be asked.`;

/** What each command does; it ends with the number that it gives. */
const commands: Readonly<Record<CommandName, (values: Values, machines: readonly string[]) => Promise<number>>> = {
  async plan(values) {
    const plans = await planStack(values.stack);
    print(values, plans, renderPlans(plans));
    return isPossible(plans) ? 0 : 1;
  },
  async verify(values, names) {
    const all = await verify(await resourcesOfStack(values));
    if (all.length === 0) throw new Error("this stack declares no machines, so there is nothing to prove");
    const machines = machinesNamed(names, all, ({ machine }) => [machine]);
    print(values, machines, renderVerified(machines));
    return machines.every(({ served }) => served) ? 0 : 1;
  },
  async doctor(values) {
    const resources = await resourcesOfStack(values);
    // At once: a host that is down is dialled once for both.
    const [known, records] = await Promise.all([examine(resources), readRecords(resources, undefined, true)]);
    const findings = [...known, ...records.flatMap(lostRecords)];
    print(values, findings, [renderFindings(findings), ...renderOthers(records)].join("\n"));
    return findings.length === 0 ? 0 : 1;
  },
  async history(values, names) {
    const since = secondOf(values.since);
    const history = historyOf(names, await readHistory(await resourcesOfStack(values), since));
    if (values.svg !== undefined) return put(values.output, drawLastBoot(history, values.svg));
    print(values, history.boots, renderHistory(history, values.all));
    for (const gap of history.gaps) console.error(gap);
    return 0;
  },
  async view(values) {
    const { output, json, offline } = values;
    if (output === undefined && !json && process.stdout.isTTY) {
      throw new Error("a page is nothing for a terminal: say where it is to go, as in --output fleet.html");
    }
    const since = secondOf(values.since);
    const view = await viewStack(await resourcesOfStack(values), { since, offline });
    put(output, json ? `${printable(JSON.stringify(view, undefined, 2))}\n` : renderPage(view));
    if (output !== undefined) console.log(printable(`${output}: ${renderCounts(view)}`));
    for (const { host, notes } of view.servers) {
      for (const { text } of notes) console.error(printable(`${host}: ${text}`));
    }
    return offline || isAllProved(view) ? 0 : 1;
  },
  async drill(values) {
    const { host, yes } = values;
    const stop = new AbortController();
    const ask = async (question: string): Promise<boolean> => {
      const isWanted = yes || (await askAtTerminal(question, "Do it?"));
      // The first one ends the silence, for which node 0 has to be told. A second one ends this program as ever, and node 0's
      // timer does the rest.
      keepThroughSignals();
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stop.abort());
      return isWanted;
    };
    const drilled = await drill(await resourcesOfStack(values), host, { seconds: 60, ask, signal: stop.signal });
    if (drilled === undefined) {
      console.error(drillSays.notBegun);
      return 1;
    }
    print(values, drilled, renderDrilled(drilled));
    return isDrilled(drilled) ? 0 : 1;
  },
  async records(values) {
    const { host, clear, yes } = values;
    const found =
      host === undefined
        ? await readRecords(await resourcesOfStack(values))
        : await readRecords(await readStack(values.stack).catch(() => []), connectionOf(host, values));
    if (clear === undefined) {
      const shown = found.map(({ host: name, stacks }) => ({ host: name, stacks }));
      print(values, shown, renderRecords(shown));
      return 0;
    }
    const cleared = await clearRecords(
      found,
      clear,
      yes ? async () => true : (question) => askAtTerminal(question, "Clear them?"),
    );
    print(values, { cleared }, cleared === 0 ? "nothing was cleared" : `${cleared} cleared`);
    return cleared === 0 ? 1 : 0;
  },
  async import(values) {
    if (values.host === undefined) throw new Error("import needs --host: where node 0 is reached over SSH");
    const written = await importNode0(connectionOf(values.host, values), values.output ?? "node0");
    print(values, written, renderImported(written));
    return written.imported.notes.length === 0 ? 0 : 1;
  },
};

/**
 * Does what was typed after `pulumi-netboot`, and answers the number with which the program ends.
 *
 * @throws what keeps it from being done
 */
export async function runCommand(argv: readonly string[]): Promise<number> {
  const { command, machines, values } = readArguments(argv);
  if (values.version) {
    console.log(version);
    return 0;
  }
  if (values.help || command === undefined) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  return await commands[command](values, machines);
}

function print({ json }: Values, found: unknown, text: string): void {
  console.log(printable(json ? JSON.stringify(found, undefined, 2) : text));
}

async function resourcesOfStack({ stack }: Values): Promise<readonly StackResource[]> {
  const resources = await readStack(stack);
  if (resources.length === 0)
    throw new Error(
      "this stack has no resources of pulumi-netboot; run `pulumi up` first, or name another one by --stack; what stands on a host of which no state tells, `npx pulumi-netboot records --host HOST` lists",
    );
  return resources;
}

/** The way to node 0 as the options say it; its mistakes are told by what opens it. */
function connectionOf(host: string, values: Values): Connection {
  const { user, port, "private-key-path": privateKeyPath, "host-key": hostKey } = values;
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: numberOf(port) }),
    ...(privateKeyPath === undefined ? {} : { privateKeyPath: fromAnywhere(privateKeyPath) }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
}

function numberOf(port: string): number {
  if (!/^\d+$/.test(port)) throw new Error(`--port "${port}" is no port; write a whole number, as in --port 22`);
  return Number(port);
}

/** The program that is written runs in another folder. */
function fromAnywhere(path: string): string {
  return path.startsWith("~") ? path : resolve(path);
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
