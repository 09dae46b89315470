import type { Firmware } from "../../values/bootChain";
import { fetchOf, filesOfScript, nameOnServer } from "./fetchedFiles";

/** What a machine's iPXE, and the folder of its TFTP server, are to a script. */
export interface ScriptHost {
  readonly bootServer: string;
  readonly firmware: Firmware;
  /** Whether the server has a file. */
  has(name: string): boolean;
}

/**
 * The files that a script fetches from this server and that are there, or without which a machine might not boot. What is
 * missing may be so where the script goes on as if it were there (`chain local.ipxe || echo none`), where it comes to
 * another program in any case, and where only other machines come to it (`iseq ${buildarch} arm64 && …`).
 *
 * @see https://ipxe.org/scripting
 */
export function neededFiles(text: string, host: ScriptHost): readonly string[] {
  const files = filesOfScript(text, host.bootServer);
  if (files.every((name) => host.has(name))) return files;
  const missed = missedFiles(text, host);
  return files.filter((name) => host.has(name) || missed === undefined || missed.has(name));
}

/** Where a script is: before a command, and what its variables hold. A line that is over ends in a success or a failure. */
interface State {
  readonly line: number;
  readonly command: number;
  readonly hasFailed: boolean;
  readonly variables: ReadonlyMap<string, string>;
  /** Images that were fetched under a name of their own. */
  readonly images: readonly string[];
}

type Next = State | "boots" | "ends";

/** A command of a line, and after which end of the one before it is run. */
interface Command {
  readonly after: "success" | "failure" | "any";
  readonly text: string;
}

/** More states than any script comes to whose counters count to some tens. */
const manyStates = 20_000;

/** The missing files without which a machine might not boot; undefined where there is no end of ways through the script. */
function missedFiles(text: string, host: ScriptHost): ReadonlySet<string> | undefined {
  const script = parseScript(text);
  const first: State = { line: 0, command: 0, hasFailed: false, variables: new Map(), images: [] };
  const nexts = new Map<string, readonly string[]>();
  const failures: { readonly name: string; readonly next: string; readonly isOptional: boolean }[] = [];
  const open: Next[] = [first];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const key = keyOf(next);
    if (typeof next === "string" || nexts.has(key)) continue;
    if (nexts.size > manyStates) return undefined;
    const { followers, missing } = step(script, next, host);
    nexts.set(key, followers.map(keyOf));
    open.push(...followers);
    if (missing !== undefined) {
      const without = followers.map(keyOf)[0] ?? "ends";
      failures.push({ name: missing.name, next: without, isOptional: missing.isOptional });
    }
  }
  const [ending, booting] = [thatMayCome(nexts, "ends"), thatMayCome(nexts, "boots")];
  const isLost = (next: string): boolean => ending.has(next) || !booting.has(next);
  return new Set(failures.flatMap(({ name, next, isOptional }) => (!isOptional && isLost(next) ? [name] : [])));
}

function keyOf(next: Next): string {
  if (typeof next === "string") return next;
  return JSON.stringify([next.line, next.command, next.hasFailed, [...next.variables].toSorted(), next.images]);
}

/** The states from which a script may come there. */
function thatMayCome(nexts: ReadonlyMap<string, readonly string[]>, there: string): ReadonlySet<string> {
  const before = new Map<string, string[]>();
  for (const [key, followers] of nexts) {
    for (const follower of followers) before.set(follower, [...(before.get(follower) ?? []), key]);
  }
  const found = new Set([there]);
  for (const key of found) for (const each of before.get(key) ?? []) found.add(each);
  return found;
}

interface Script {
  readonly lines: readonly (readonly Command[])[];
  /** The line of each label. */
  readonly labels: ReadonlyMap<string, number>;
}

function parseScript(text: string): Script {
  const labels = new Map<string, number>();
  const lines = text.split("\n").map((line, number): readonly Command[] => {
    const label = /^\s*:(\S+)/.exec(line)?.[1];
    if (label !== undefined) labels.set(label, number);
    if (label !== undefined || /^\s*(?:#|$)/.test(line)) return [];
    return [...` ; ${line}`.matchAll(/(&&|\|\||;)((?:(?!&&|\|\|).)*)/g)].map(([, operator, command = ""]) => ({
      after: operator === "&&" ? "success" : operator === "||" ? "failure" : "any",
      text: command.trim(),
    }));
  });
  return { lines, labels };
}

interface Step {
  readonly followers: readonly Next[];
  /** A file that this command fetches and that is not there: whether the script goes on as if it were. */
  readonly missing?: { readonly name: string; readonly isOptional: boolean };
}

/** All that may come after a state. */
function step(script: Script, state: State, host: ScriptHost): Step {
  const line = script.lines[state.line];
  if (line === undefined) return { followers: ["ends"] };
  const command = line[state.command];
  // A command that fails at the end of a line ends the script.
  if (command === undefined) return { followers: [state.hasFailed ? "ends" : lineOf(state, state.line + 1)] };
  const isPassedOver = command.after !== "any" && (command.after === "failure") !== state.hasFailed;
  if (isPassedOver) return { followers: [{ ...state, command: state.command + 1 }] };
  const done = (more: Partial<State> = {}): State => ({
    ...state,
    command: state.command + 1,
    hasFailed: false,
    ...more,
  });
  const failed = done({ hasFailed: true });
  const words = command.text.split(/\s+/).map((word) => expanded(word, state, host));
  const [name = "", ...rest] = words;
  switch (name) {
    case "":
    case "echo":
    case "sleep":
      return { followers: [done()] };
    case "inc": {
      const [counter = "", by = "1"] = rest;
      const sum = Number(state.variables.get(counter) ?? Number.NaN) + Number(by);
      const counted = new Map(state.variables).set(counter, Number.isNaN(sum) ? unknown : String(sum));
      return { followers: [done({ variables: counted })] };
    }
    case "imgfree":
      return { followers: [done({ images: [] })] };
    case "exit":
    case "reboot":
    case "poweroff":
    case "shell":
      return { followers: ["ends"] };
    case "goto": {
      const [to = ""] = rest;
      const lines = to.includes(unknown) ? [...script.labels.values()] : [script.labels.get(to)];
      return { followers: lines.map((at) => (at === undefined ? "ends" : lineOf(state, at))) };
    }
    case "iseq": {
      const [one = "", other = ""] = rest;
      if (one.includes(unknown) || other.includes(unknown)) return { followers: [done(), failed] };
      return { followers: [one === other ? done() : failed] };
    }
    default: {
      const { variable = "", value = "" } =
        /^set\s+(?<variable>[\w.-]+?)(?::\w+)?\s+(?<value>.*)/.exec(words.join(" "))?.groups ?? {};
      if (variable !== "") return { followers: [done({ variables: new Map(state.variables).set(variable, value) })] };
      return stepOfFetch(words.join(" "), state, host, { done, failed, script });
    }
  }
}

const unknown = "\0";

/** A word with its variables; what nobody knows is one character. */
function expanded(word: string, { variables }: State, { bootServer, firmware }: ScriptHost): string {
  return word.replaceAll(/\$\{([^}]*)\}/g, (_all, name: string) => {
    if (name === "platform") return "efi";
    if (name === "buildarch") return firmware === "x64" ? "x86_64" : "i386";
    if (/(?:^|\/)next-server$/.test(name)) return bootServer;
    return variables.get(name) ?? unknown;
  });
}

function lineOf({ variables, images }: State, line: number): State {
  return { line, command: 0, hasFailed: false, variables, images };
}

/** A command that fetches something; of any other nobody knows whether it succeeds. */
function stepOfFetch(
  command: string,
  state: State,
  host: ScriptHost,
  { done, failed, script }: { done(more?: Partial<State>): State; readonly failed: State; readonly script: Script },
): Step {
  const fetch = fetchOf(command);
  if (fetch === undefined) return { followers: [failed, done()] };
  const { uri = "", names } = fetch;
  const runs = /^(?:chain|boot|imgexec)\b/.test(command);
  const isScript = uri.endsWith(".ipxe");
  const images = names.length > 0 ? [...new Set([...state.images, ...names])] : state.images;
  const success: Next = runs && !isScript ? "boots" : done({ images });
  if (uri === "" || state.images.includes(uri)) return { followers: [success] };
  const name = nameOnServer(uri, host.bootServer);
  if (uri.includes(unknown) || /^\w+:\/\//.test(name)) return { followers: [failed, success] };
  if (host.has(name)) return { followers: isScript ? [success, failed] : [success] };
  const goesOn = settled(script, failed, host) === settled(script, success, host);
  return { followers: [failed], missing: { name, isOptional: goesOn } };
}

/** Where a script comes to from a state in the rest of its line, as far as it is the same whatever a machine is. */
function settled(script: Script, state: Next, host: ScriptHost): string {
  let next = state;
  while (typeof next !== "string" && next.command > 0) {
    const { followers }: Step = step(script, next, host);
    const [only, ...others]: readonly Next[] = followers;
    if (only === undefined || others.length > 0) break;
    next = only;
  }
  return keyOf(next);
}
