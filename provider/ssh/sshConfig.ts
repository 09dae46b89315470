import { readdirSync, readFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { NetbootError } from "../errors";
import { matchesPattern, matchesPatterns } from "./pattern";
import { parseConfigFile } from "./sshConfigFile";

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

/**
 * The settings of ssh_config(5) that are followed, and how their values are read. The others concern what is not done here, or
 * what must not be loosened (StrictHostKeyChecking); docs/ssh.md has them all.
 */
export const followed = {
  hostname: "word",
  user: "word",
  port: "word",
  addressfamily: "word",
  bindaddress: "word",
  identitiesonly: "word",
  identityagent: "word",
  hostkeyalias: "word",
  tag: "word",
  userknownhostsfile: "words",
  globalknownhostsfile: "words",
  revokedhostkeys: "words",
  identityfile: "added",
  certificatefile: "added",
  proxyjump: "rest",
  proxycommand: "rest",
} as const;

type Setting = keyof typeof followed;

/** What changes how ssh gets to a host, and is not done here, by the value that asks for it: a failure says so. */
export const noted: Readonly<Record<string, RegExp>> = {
  bindinterface: /./,
  canonicalizehostname: /^(?:yes|always)$/i,
  hostbasedauthentication: /^yes$/i,
  knownhostscommand: /^(?!none$)/i,
  pkcs11provider: /^(?!none$)/i,
  pubkeyauthentication: /^no$/i,
};

/** What the user's OpenSSH configuration says of one host, before tokens are expanded. */
export interface SshSettings {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  readonly family?: 4 | 6;
  readonly bindAddress?: string;
  /** In the order of the files; `none` stands for no file at all. */
  readonly identityFiles: readonly string[];
  readonly certificateFiles: readonly string[];
  readonly identitiesOnly: boolean;
  readonly identityAgent?: string;
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly globalKnownHostsFiles?: readonly string[];
  readonly revokedHostKeys: readonly string[];
  readonly hostKeyAlias?: string;
  /** What of the configuration was passed over, for the message of a failure. */
  readonly notes: readonly string[];
}

/** Whose settings are asked for. */
export interface Asked {
  readonly host: string;
  readonly user: string | undefined;
  readonly defaultUser: string;
}

/**
 * Reads `~/.ssh/config`, then `/etc/ssh/ssh_config`, for one host, as ssh_config(5) says: the first value wins, IdentityFile and
 * CertificateFile add up, Include is followed, and `Match final` makes it begin anew with what was found.
 *
 * @remarks
 * A `Match` with another criterion than `all`, `canonical`, `final`, `host`, `originalhost`, `user`, `localuser` and `tagged` is
 * passed over: `exec` would run a command.
 */
export function readSshSettings(asked: Asked, around: Surroundings): SshSettings {
  const reader = new Reader(asked, around);
  reader.read(false);
  if (reader.wantsFinal) reader.read(true);
  return reader.settings();
}

class Reader {
  readonly #asked: Asked;
  readonly #around: Surroundings;
  readonly #found = new Map<Setting, readonly string[]>();
  readonly #notes = new Set<string>();
  #isFinal = false;
  wantsFinal = false;

  constructor(asked: Asked, around: Surroundings) {
    this.#asked = asked;
    this.#around = around;
  }

  read(isFinal: boolean): void {
    this.#isFinal = isFinal;
    const userFolder = join(this.#around.home, ".ssh");
    this.#readFile(join(userFolder, "config"), userFolder, 0, true);
    this.#readFile(join(this.#around.systemFolder, "ssh_config"), this.#around.systemFolder, 0, true);
  }

  #readFile(file: string, folder: string, depth: number, isMeant: boolean): void {
    // OpenSSH's own limit (READCONF_MAX_DEPTH), so a file that includes itself is found out.
    if (depth > 16)
      throw new NetbootError(
        "ARGUMENTS_INVALID",
        `${this.#asked.host}: ${file} can't be used: Include goes deeper than 16 files; does a file include itself?`,
      );
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") this.#notes.add(`${file} can't be read: ${message}`);
      return;
    }
    const lines = parseConfigFile(text);
    if ("why" in lines) {
      throw new NetbootError(
        "ARGUMENTS_INVALID",
        `${this.#asked.host}: ${file} is no OpenSSH configuration: line ${lines.number}: ${lines.why}\n` +
          `  see what ssh says of it by "ssh -G ${this.#asked.host}"`,
      );
    }
    // A block that an included file begins ends with that file.
    let isActive = isMeant;
    for (const line of lines) {
      const { keyword, words, rest } = line;
      if (keyword === "host") isActive = isMeant && matchesPatterns(words, this.#host());
      else if (keyword === "match") isActive = isMeant && this.#matches(words, file);
      else if (keyword === "include") {
        for (const path of words.flatMap((pattern) => glob(absolute(pattern, folder, this.#around.home)))) {
          this.#readFile(path, folder, depth + 1, isActive);
        }
      } else if (isActive) this.#take(keyword, words, rest, `${file}:${line.number}`);
    }
  }

  /** The name that blocks are about: what is asked for, and at last what it stands for. */
  #host(): string {
    return this.#isFinal ? this.#hostName() : this.#asked.host;
  }

  #hostName(): string {
    const name = this.#one("hostname");
    return name === undefined ? this.#asked.host : expandHostName(name, this.#asked.host);
  }

  #matches(words: readonly string[], file: string): boolean {
    let isMet = words.length > 0;
    let unknown: string | undefined;
    for (let index = 0; index < words.length; index++) {
      const word = words[index] ?? "";
      const isNegated = word.startsWith("!");
      const [, name = "", value] = /^!?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      const criterion = name.toLowerCase();
      if (criterion === "all") isMet &&= !isNegated;
      else if (criterion === "final" || criterion === "canonical") {
        if (criterion === "final") this.wantsFinal = true;
        isMet &&= this.#isFinal !== isNegated;
      } else {
        const subject = {
          host: this.#hostName(),
          originalhost: this.#asked.host,
          user: this.#asked.user ?? this.#one("user") ?? this.#asked.defaultUser,
          localuser: this.#around.userName,
          tagged: this.#one("tag") ?? "",
        }[criterion];
        const patterns = (value ?? words[++index] ?? "").split(",");
        if (subject === undefined) unknown ??= criterion;
        else isMet &&= matchesPatterns(patterns, subject) !== isNegated;
      }
    }
    if (isMet && unknown !== undefined) {
      this.#notes.add(`${file}: a block "Match ${words.join(" ")}" is passed over: ${unknown} is not asked for here`);
    }
    return isMet && unknown === undefined;
  }

  #take(keyword: string, words: readonly string[], rest: string, place: string): void {
    if (noted[keyword]?.test(words.join(" ")) === true) {
      this.#notes.add(`${place}: ssh would obey ${keyword} ${words.join(" ")}, which is not done here`);
    }
    if (!Object.hasOwn(followed, keyword)) return;
    const setting = keyword as Setting;
    const known = this.#found.get(setting);
    const value = followed[setting] === "rest" ? [rest.replace(/\s+$/, "")] : words;
    if (followed[setting] === "added") this.#found.set(setting, [...new Set([...(known ?? []), ...value])]);
    else if (known === undefined && value.length > 0) this.#found.set(setting, value);
  }

  #one(setting: Setting): string | undefined {
    return this.#found.get(setting)?.[0];
  }

  settings(): SshSettings {
    const port = this.#one("port");
    const family = this.#one("addressfamily")?.toLowerCase();
    const text = (key: string, setting: Setting) => {
      const value = this.#one(setting);
      return value === undefined ? {} : { [key]: value };
    };
    const lists = (key: string, setting: Setting) => {
      const value = this.#found.get(setting);
      return value === undefined ? {} : { [key]: value };
    };
    return {
      ...text("hostName", "hostname"),
      ...text("user", "user"),
      ...(port !== undefined && /^\d+$/.test(port) ? { port: Number(port) } : {}),
      ...(family === "inet" || family === "inet6" ? { family: family === "inet" ? 4 : 6 } : {}),
      ...text("bindAddress", "bindaddress"),
      identityFiles: this.#found.get("identityfile") ?? [],
      certificateFiles: this.#found.get("certificatefile") ?? [],
      identitiesOnly: this.#one("identitiesonly")?.toLowerCase() === "yes",
      ...text("identityAgent", "identityagent"),
      ...this.#firstProxy(),
      ...lists("userKnownHostsFiles", "userknownhostsfile"),
      ...lists("globalKnownHostsFiles", "globalknownhostsfile"),
      revokedHostKeys: this.#found.get("revokedhostkeys") ?? [],
      ...text("hostKeyAlias", "hostkeyalias"),
      notes: [...this.#notes],
    };
  }

  /** The two exclude each other: what stands first in the files has the word (ssh_config(5), ProxyJump). */
  #firstProxy(): Pick<SshSettings, "proxyJump" | "proxyCommand"> {
    for (const [setting, [value = ""]] of this.#found) {
      // A comment may follow the jump hosts; to a command it belongs.
      if (setting === "proxyjump") return { proxyJump: value.replace(/#.*/s, "").trim() };
      if (setting === "proxycommand") return { proxyCommand: value };
    }
    return {};
  }
}

/** HostName knows one token. */
export function expandHostName(name: string, host: string): string {
  return name.replace(/%([%h])/g, (_, token) => (token === "h" ? host : "%"));
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
  // Another user's home is in passwd, which nobody reads here.
  if (unknown || /^~[^/]/.test(expanded)) return undefined;
  return absolute(expanded, process.cwd(), around.home);
}
