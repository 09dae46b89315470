/** What a program did that AppArmor is asked about: a file in some way (`r`, `w`, `l`, `k`, `m`, `x`), or a kind of socket. */
export interface Access {
  readonly on: "file" | "network";
  /** The path, or the words of a network rule: `inet dgram`. */
  readonly object: string;
  readonly mode: string;
}

/** One run of a confined program, with what its children did. */
export interface Execution {
  readonly argv: string;
  readonly accesses: readonly Access[];
}

/** A profile of AppArmor's, as far as files, sockets and capabilities go. */
export interface Profile {
  readonly capabilities: readonly string[];
  /** The accesses that it does not allow, each as `r /etc/shadow` or `network inet raw`; none twice. */
  refused(accesses: readonly Access[]): readonly string[];
}

interface FileRule {
  readonly isDeny: boolean;
  readonly path: RegExp;
  readonly modes: string;
}

/**
 * Reads a profile as `apparmor_parser --preprocess` prints it, with the text of its includes in place.
 *
 * @remarks
 * A rule with `owner` is taken for none, unless `asOwner` says that the program made those files itself: whose a file is stands in no
 * trace. That refuses too much, never too little.
 *
 * @see apparmor.d(5)
 */
export function parseProfile(text: string, asOwner = false): Profile {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .map((line) => (asOwner ? line.replace(/^owner\s+/, "") : line));
  const variables = new Map<string, readonly string[]>();
  for (const line of lines) {
    const { name = "", values = "" } = /^@\{(?<name>\w+)\}\s*=\s*(?<values>.*)$/.exec(line)?.groups ?? {};
    if (name !== "") variables.set(name, values.split(/\s+/));
  }
  const files: FileRule[] = [];
  for (const line of lines) {
    const rule = /^(?<deny>deny\s+)?(?<path>[/@]\S*)\s+(?<modes>[a-zA-Z]+),$/.exec(line)?.groups;
    if (rule === undefined) continue;
    const alternatives = expand(rule["path"] ?? "", variables).map((path) => patternOf(path));
    const path = new RegExp(`^(${alternatives.join("|")})$`);
    files.push({ isDeny: rule["deny"] !== undefined, path, modes: rule["modes"] ?? "" });
  }
  const wordsAfter = (word: string): readonly string[] =>
    lines
      .map((line) => new RegExp(`^${word}\\s+(.*),$`).exec(line)?.[1]?.replace(/\s+/g, " "))
      .filter((words) => words !== undefined);
  const networks = wordsAfter("network");
  const allows = ({ on, object, mode }: Access): boolean => {
    if (on === "network") return networks.some((rule) => object === rule || object.startsWith(`${rule} `));
    const matching = files.filter(({ path }) => path.test(object));
    const has = (isDeny: boolean): boolean =>
      matching.some((rule) => rule.isDeny === isDeny && rule.modes.includes(mode));
    return has(false) && !has(true);
  };
  return {
    capabilities: wordsAfter("capability").flatMap((words) => words.split(" ")),
    refused: (accesses) => [...new Set(accesses.filter((access) => !allows(access)).map(inWords))],
  };
}

/** An access as a message shows it. */
export function inWords({ on, object, mode }: Access): string {
  return on === "network" ? `network ${object}` : `${mode} ${object}`;
}

/** The paths that a path with variables stands for. */
function expand(path: string, variables: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const {
    before = "",
    name = "",
    after = "",
  } = /^(?<before>.*?)@\{(?<name>\w+)\}(?<after>.*)$/.exec(path)?.groups ?? {};
  if (name === "") return [path];
  const values = variables.get(name);
  if (values === undefined) throw new Error(`the profile does not say what @{${name}} is, in ${path}`);
  // A variable ends with a slash, and so may what stands before it.
  return values.flatMap((value) => expand(`${before}${value}${after}`.replaceAll("//", "/"), variables));
}

/** AppArmor's globs as a regular expression: `*` and `?` stop at a slash, `**` does not, and neither is empty after one. */
function patternOf(glob: string): string {
  let depth = 0;
  return glob.replace(/\*\*|\*|\?|\[[^\]]*\]|[{},]|[^*?[{},]+/g, (token, at: number) => {
    const beginsName = glob[at - 1] === "/";
    if (token === "{") depth++;
    if (token === "}") depth--;
    switch (token) {
      case "**":
        return beginsName ? ".+" : ".*";
      case "*":
        return beginsName ? "[^/]+" : "[^/]*";
      case "?":
        return "[^/]";
      case "{":
        return "(";
      case "}":
        return ")";
      case ",":
        return depth > 0 ? "|" : ",";
      default:
        return token.startsWith("[") ? token : token.replace(/[.+^$()|\\]/g, "\\$&");
    }
  });
}

/** The system calls that AppArmor is asked about, and those that tell which process is whose. */
export const tracedCalls: readonly string[] = [
  ...["execve", "clone", "clone3", "fork", "vfork"],
  ...["open", "openat", "openat2", "creat", "truncate", "ftruncate", "mmap", "flock", "fcntl"],
  ...["unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
  ...["mkdir", "mkdirat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"],
  ...["socket", "bind", "connect"],
];

interface Call {
  readonly process: string;
  readonly name: string;
  readonly words: string;
  readonly result: string;
  /** The file that a descriptor which it returned stands for. */
  readonly opened: string | undefined;
}

/** The calls of a trace that succeeded, in their order; what other processes interrupted is put together again. */
function callsOf(trace: string): readonly Call[] {
  const unfinished = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of trace.split("\n")) {
    const [, process = "", said = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(said)?.[1];
    if (begun !== undefined) unfinished.set(process, begun);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said)?.[1];
    const whole = resumed === undefined ? said : `${unfinished.get(process) ?? ""}${resumed}`;
    const call = /^(?<name>\w+)\((?<words>.*)\)\s+= (?<result>\d+|0x[0-9a-f]+)(<(?<opened>[^>]*)>)?/.exec(
      whole,
    )?.groups;
    if (call === undefined) continue;
    const { name = "", words = "", result = "", opened } = call;
    calls.push({ process, name, words, result, opened });
  }
  return calls;
}

/**
 * The runs of some programs in what `strace -f -y` wrote of {@link tracedCalls}.
 *
 * @remarks
 * Only what succeeded: what the kernel refuses or does not find, it does not ask AppArmor about.
 */
export function executionsOf(trace: string, programs: readonly string[]): readonly Execution[] {
  const calls = callsOf(trace);
  const parents = new Map<string, string>();
  for (const { name, process, result } of calls) if (/^(clone3?|v?fork)$/.test(name)) parents.set(result, process);
  const executions: { readonly argv: string; readonly accesses: Access[] }[] = [];
  const confined = new Map<string, { readonly accesses: Access[] }>();
  for (const call of calls) {
    const parent = parents.get(call.process);
    const inherited = confined.get(call.process) ?? (parent === undefined ? undefined : confined.get(parent));
    if (inherited !== undefined) confined.set(call.process, inherited);
    const [, program = "", argv = ""] = call.name === "execve" ? (/^"([^"]*)", \[(.*?)\]/.exec(call.words) ?? []) : [];
    if (programs.includes(program)) {
      const execution = { argv: argv.replace(/"([^"]*)",?/g, "$1"), accesses: [] };
      executions.push(execution);
      confined.set(call.process, execution);
    } else inherited?.accesses.push(...accessesOf(call));
  }
  return executions;
}

/** What AppArmor is asked about for one call. */
function accessesOf({ name, words, opened }: Call): readonly Access[] {
  const access = (object: string, ...modes: readonly string[]): readonly Access[] =>
    modes.map((mode) => ({ on: "file", object, mode }));
  const paths = pathsOf(words);
  const [first = "", last = ""] = [paths[0], paths.at(-1)];
  switch (name) {
    case "execve":
      return access(first, "x");
    case "open":
    case "openat":
    case "openat2":
      return /O_PATH/.test(words) || opened === undefined
        ? []
        : access(pathOpened(words, opened), ...modesOpened(words));
    case "mmap":
      return /PROT_EXEC/.test(words) ? descriptor(words).flatMap((path) => access(path, "m")) : [];
    case "flock":
      return descriptor(words).flatMap((path) => access(path, "k"));
    case "fcntl":
      return /F_(OFD_)?SETLK/.test(words) ? descriptor(words).flatMap((path) => access(path, "k")) : [];
    case "ftruncate":
    case "fchmod":
    case "fchown":
      return descriptor(words).flatMap((path) => access(path, "w"));
    case "link":
    case "linkat":
      return access(last, "l");
    case "rename":
    case "renameat":
    case "renameat2":
      return [...access(first, "r", "w"), ...access(last, "w")];
    case "symlink":
    case "symlinkat":
      return access(last, "w");
    case "creat":
    case "truncate":
    case "unlink":
    case "unlinkat":
    case "mknod":
    case "mknodat":
    case "chmod":
    case "fchmodat":
    case "chown":
    case "lchown":
    case "fchownat":
      return access(first, "w");
    case "mkdir":
    case "mkdirat":
    case "rmdir":
      return access(`${first}/`, "w");
    case "bind":
    case "connect": {
      const path = /sun_path="([^"]+)"/.exec(words)?.[1];
      return path === undefined ? [] : access(path, "w");
    }
    case "socket":
      return socketOf(words);
    default:
      return [];
  }
}

/** The paths among the words of a call; one that is not whole stands behind the folder that it is in. */
function pathsOf(words: string): readonly string[] {
  return [...words.matchAll(/(?:<([^>]*)>, )?"([^"]*)"/g)].map(([, folder, path = ""]) =>
    path.startsWith("/") || folder === undefined ? path : `${folder}/${path}`,
  );
}

/** The file of the descriptor among the words of a call; nothing for a pipe or a socket. */
function descriptor(words: string): readonly string[] {
  return [...words.matchAll(/\d<(\/[^>]*)>/g)].map(([, path = ""]) => path);
}

function pathOpened(words: string, opened: string): string {
  return /O_DIRECTORY/.test(words) ? `${opened}/`.replace("//", "/") : opened;
}

function modesOpened(words: string): readonly string[] {
  if (/O_RDWR/.test(words)) return ["r", "w"];
  return /O_WRONLY/.test(words) ? ["w"] : ["r"];
}

function socketOf(words: string): readonly Access[] {
  const { family = "", type = "" } = /^AF_(?<family>\w+), SOCK_(?<type>\w+)/.exec(words)?.groups ?? {};
  // Those of the file system are asked about by their path.
  if (family === "UNIX") return [];
  return [{ on: "network", object: `${family} ${type}`.toLowerCase(), mode: "" }];
}
