import { readdirSync, readFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import SSHConfig from "ssh-config";
import { NetbootError } from "../errors";
import { matchesPattern, matchesPatterns } from "./pattern";

/** The user and the files around this process; the tests give their own. */
export interface Surroundings {
  readonly home: string;
  readonly userName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `/etc/ssh`: the configuration and known_hosts for all users. */
  readonly systemFolder: string;
}

/** The user who runs this process. */
export function ownSurroundings(): Surroundings {
  let userName = process.env["USER"] ?? "root";
  try {
    userName = userInfo().username;
  } catch {
    // A user without an entry in passwd (a container run with a bare number) has no other name.
  }
  return { home: homedir(), userName, env: process.env, systemFolder: "/etc/ssh" };
}

/** What the user's OpenSSH configuration says of one host, before tokens are expanded. */
export interface SshSettings {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  /** In the order of the files; `none` stands for no file at all. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  readonly identityAgent?: string;
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly globalKnownHostsFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  /** What of the configuration was passed over, for the message of a failure. */
  readonly notes: readonly string[];
}

/** The settings that we read; the others concern what we do not do, or what must not be loosened (StrictHostKeyChecking). */
type Setting =
  | "hostname"
  | "user"
  | "port"
  | "identitiesonly"
  | "identityagent"
  | "proxyjump"
  | "proxycommand"
  | "userknownhostsfile"
  | "globalknownhostsfile"
  | "hostkeyalias";

const settings: ReadonlySet<string> = new Set<Setting>([
  "hostname",
  "user",
  "port",
  "identitiesonly",
  "identityagent",
  "proxyjump",
  "proxycommand",
  "userknownhostsfile",
  "globalknownhostsfile",
  "hostkeyalias",
]);

interface Directive {
  readonly type: number;
  readonly param?: string;
  readonly value?: string | readonly { readonly val: string }[];
  readonly config?: readonly Directive[];
}

/**
 * Reads `~/.ssh/config`, then `/etc/ssh/ssh_config`, for one host, as ssh_config(5) says: the first value wins,
 * IdentityFile adds up, Include is followed.
 *
 * @remarks
 * `Match` blocks are read when their criteria are `all`, `host`, `originalhost`, `user` and `localuser`. Blocks with
 * any other criterion are passed over: `exec` would run a command, and `final` and `canonical` belong to the
 * canonicalisation of names, which we do not do.
 */
export function readSshSettings(
  host: string,
  given: { readonly user: string | undefined; readonly defaultUser: string },
  around: Surroundings,
): SshSettings {
  const found = new Map<string, readonly string[]>();
  const identityFiles: string[] = [];
  const notes: string[] = [];
  const one = (setting: Setting): string | undefined => found.get(setting)?.[0];

  function matches(line: Directive, file: string): boolean {
    const words = valuesOf(line);
    if (line.param?.toLowerCase() === "host") return matchesPatterns(words, host);
    for (let index = 0; index < words.length; index++) {
      const word = (words[index] ?? "").toLowerCase();
      const negated = word.startsWith("!");
      const criterion = negated ? word.slice(1) : word;
      if (criterion === "all") {
        if (negated) return false;
        continue;
      }
      const subject = {
        host: one("hostname")?.replaceAll("%h", host) ?? host,
        originalhost: host,
        user: given.user ?? one("user") ?? given.defaultUser,
        localuser: around.userName,
      }[criterion];
      if (subject === undefined) {
        if (criterion !== "canonical") notes.push(`${file}: a block "Match ${words.join(" ")}" is passed over`);
        return false;
      }
      const patterns = (words[++index] ?? "").split(",");
      if (matchesPatterns(patterns, subject) === negated) return false;
    }
    return true;
  }

  function walk(lines: readonly Directive[], file: string, folder: string, depth: number): void {
    for (const line of lines) {
      const param = line.param?.toLowerCase();
      if (param === undefined || param === "") continue;
      if (line.config !== undefined) {
        if (matches(line, file)) walk(line.config, file, folder, depth);
      } else if (param === "include") {
        for (const pattern of valuesOf(line)) {
          for (const path of glob(absolute(pattern, folder, around.home))) readFile(path, folder, depth + 1);
        }
      } else if (param === "identityfile") {
        identityFiles.push(...valuesOf(line));
      } else if (settings.has(param) && !found.has(param)) {
        found.set(param, valuesOf(line));
      }
    }
  }

  function readFile(file: string, folder: string, depth: number): void {
    // OpenSSH's own limit (READCONF_MAX_DEPTH), so a file that includes itself is found out.
    if (depth > 16) throw new NetbootError("ARGUMENTS_INVALID", `${file}: Include goes deeper than 16 files`);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") notes.push(`${file} can't be read: ${message}`);
      return;
    }
    let lines: readonly Directive[];
    try {
      lines = SSHConfig.parse(text) as readonly Directive[];
    } catch (error) {
      throw new NetbootError(
        "ARGUMENTS_INVALID",
        `${file} is no OpenSSH configuration: ${(error as Error).message}\n  see what ssh says of it by "ssh -G ${host}"`,
      );
    }
    walk(lines, file, folder, depth);
  }

  const userFolder = join(around.home, ".ssh");
  readFile(join(userFolder, "config"), userFolder, 0);
  readFile(join(around.systemFolder, "ssh_config"), around.systemFolder, 0);

  const port = one("port");
  const text = (key: string, value: string | undefined) => (value === undefined ? {} : { [key]: value });
  return {
    ...text("hostName", one("hostname")),
    ...text("user", one("user")),
    ...(port !== undefined && /^\d+$/.test(port) ? { port: Number(port) } : {}),
    identityFiles,
    identitiesOnly: one("identitiesonly")?.toLowerCase() === "yes",
    ...text("identityAgent", one("identityagent")),
    // The two exclude each other: what stands first in the files has the word (ssh_config(5), ProxyJump).
    ...firstProxy(found),
    ...lists("userKnownHostsFiles", found.get("userknownhostsfile")),
    ...lists("globalKnownHostsFiles", found.get("globalknownhostsfile")),
    ...text("hostKeyAlias", one("hostkeyalias")),
    notes,
  };
}

function lists(key: string, value: readonly string[] | undefined): Record<string, readonly string[]> {
  return value === undefined ? {} : { [key]: value };
}

function firstProxy(found: ReadonlyMap<string, readonly string[]>): Pick<SshSettings, "proxyJump" | "proxyCommand"> {
  for (const [setting, words] of found) {
    if (setting === "proxyjump") return { proxyJump: words.join("") };
    if (setting === "proxycommand") return { proxyCommand: words.join(" ") };
  }
  return {};
}

function valuesOf(line: Directive): readonly string[] {
  if (line.value === undefined) return [];
  return typeof line.value === "string" ? [line.value] : line.value.map(({ val }) => val);
}

function absolute(path: string, folder: string, home: string): string {
  if (path === "~" || path.startsWith("~/")) return join(home, path.slice(1));
  return isAbsolute(path) ? path : join(folder, path);
}

/** The files that a pattern with `*` and `?` names, in order; a file that is not there names itself and reads as nothing. */
function glob(pattern: string): readonly string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  const last = pattern.slice(folder === "/" ? 1 : folder.length + 1);
  return glob(folder).flatMap((parent) => {
    try {
      return readdirSync(parent)
        .filter((name) => (!name.startsWith(".") || last.startsWith(".")) && matchesPattern(last, name))
        .sort()
        .map((name) => join(parent, name));
    } catch {
      // No such folder, or not ours to read: a pattern then names nothing, as for ssh.
      return [];
    }
  });
}

/** What the tokens of ssh_config(5) stand for. */
export interface Tokens {
  readonly originalHost: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly alias?: string | undefined;
}

/** A path of the configuration with `~`, `%d`, `%h`, `${VARIABLE}` and their like replaced; nothing if one is unknown. */
export function expandPath(path: string, tokens: Tokens, around: Surroundings): string | undefined {
  let unknown = false;
  const values: Readonly<Record<string, string>> = {
    "%": "%",
    d: around.home,
    h: tokens.host,
    i: String(process.getuid?.() ?? 0),
    k: tokens.alias ?? tokens.originalHost,
    L: hostname().split(".")[0] ?? "",
    l: hostname(),
    n: tokens.originalHost,
    p: String(tokens.port),
    r: tokens.user,
    u: around.userName,
  };
  const expanded = path.replace(/%(.)|\$\{([^}]*)\}/g, (_, token?: string, variable?: string) => {
    const value = token === undefined ? around.env[variable ?? ""] : values[token];
    if (value === undefined) unknown = true;
    return value ?? "";
  });
  return unknown ? undefined : absolute(expanded, process.cwd(), around.home);
}
