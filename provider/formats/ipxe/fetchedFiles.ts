/** Commands that fetch what their first word names. */
const fetching = /^(?:imgfetch|imgload|module|initrd|kernel|chain|boot|imgexec)\s+(?<words>.*)/;

/** Options with a word after them, also at the end of several short ones. */
const withArgument = /^(?:--(?:name|timeout)|-[a-z]*[nt])$/;
const naming = /^(?:--name|-[a-z]*n)$/;

/** A script whose variables could stand for more files than that is not followed further. */
const manyNames = 1000;

/**
 * The files that a script of iPXE fetches by TFTP from this server, as far as its text tells, in the order in which they
 * stand there. Where a variable is set several times each of its values is meant; a name that holds a variable nobody sets
 * is left out, and so is what an earlier command fetched under a name of its own.
 *
 * @example
 * ```ts
 * filesOfScript("#!ipxe\nset first a.efi\nchain tftp://${next-server}/${first}\n", "192.168.1.1"); // ["a.efi"]
 * ```
 * @see https://ipxe.org/scripting
 */
export function filesOfScript(text: string, bootServer: string): readonly string[] {
  const commands = commandsOf(text);
  const values = valuesOf(commands);
  const fetches = commands.flatMap((command) => fetchOf(command) ?? []);
  const named = new Set(fetches.flatMap(({ names }) => names));
  const files = fetches
    .flatMap(({ uri }) => (uri === undefined || named.has(uri) ? [] : expand(uri, bootServer, values)))
    .map((uri) => nameOnServer(uri, bootServer))
    .filter((name) => !/^\w+:\/\//.test(name) && !name.includes("${"));
  return [...new Set(files)];
}

function commandsOf(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.split(/&&|\|\|/))
    .map((command) => command.trimStart());
}

/** Every value that a variable is given, whichever of them it will have. */
function valuesOf(commands: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const command of commands) {
    const { name, value } = /^set\s+(?<name>[\w.-]+?)(?::\w+)?\s+(?<value>\S+)/.exec(command)?.groups ?? {};
    if (name !== undefined && value !== undefined) values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

interface Fetch {
  readonly uri: string | undefined;
  /** The name under which iPXE keeps what it fetched. */
  readonly names: readonly string[];
}

export function fetchOf(command: string): Fetch | undefined {
  const words = fetching
    .exec(command)
    ?.groups?.["words"]?.split(/\s+/)
    .filter((word) => word !== "");
  if (words === undefined) return undefined;
  const names: string[] = [];
  let at = 0;
  for (; words[at]?.startsWith("-"); at++) {
    const option = words[at] ?? "";
    if (!withArgument.test(option)) continue;
    at++;
    const argument = words[at];
    if (argument !== undefined && naming.test(option)) names.push(argument);
  }
  return { uri: words[at], names };
}

/** The texts that a URI with variables can be. A variable's value may hold others, and itself. */
function expand(uri: string, bootServer: string, values: ReadonlyMap<string, readonly string[]>): readonly string[] {
  let names: readonly string[] = [uri];
  for (let round = 0; round < 10; round++) {
    const variable = /\$\{(?<name>[^}]*)\}/.exec(names[0] ?? "")?.groups?.["name"];
    if (variable === undefined) break;
    const known = /(?:^|\/)next-server$/.test(variable) ? [bootServer] : (values.get(variable) ?? []);
    names = names
      .flatMap((name) => known.map((value) => name.replaceAll(`\${${variable}}`, () => value)))
      .slice(0, manyNames);
  }
  return names;
}

/** What the server is asked for; a URI of another server stays as it is. */
export function nameOnServer(uri: string, bootServer: string): string {
  for (const server of [`tftp://${bootServer}/`, `tftp://${bootServer}:69/`]) {
    if (uri.startsWith(server)) return uri.slice(server.length).replace(/^\/+/, "");
  }
  return uri;
}
