import { join } from "node:path";
import { NetbootError } from "../errors";
import type { Connection } from "../values/connection";
import { hostName } from "../values/place";
import { expandHostName, expandPath, readSshSettings, type Surroundings, type Tokens } from "./sshConfig";

/** Everything that is needed to reach one host, from the program's fields and the user's OpenSSH configuration. */
export interface Target {
  /** As messages name it: what the program wrote, with the port if that is an unusual one. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly given: Connection;
  readonly via: Target | undefined;
  /** OpenSSH's AddressFamily, if it is not any. */
  readonly family: 4 | 6 | undefined;
  /** OpenSSH's BindAddress. */
  readonly localAddress: string | undefined;
  readonly hostKeyAlias: string | undefined;
  readonly knownHostsFiles: readonly string[];
  /** Files with keys that no host may show; where one of them can't be read, none may show any (ssh_config(5)). */
  readonly revokedHostKeys: readonly string[];
  /** The files of the alias's IdentityFile lines; nothing where it has none, and the default ones are tried. */
  readonly identityFiles: readonly string[] | undefined;
  /** The files of its CertificateFile lines. */
  readonly certificateFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** The agent that the configuration or SSH_AUTH_SOCK names. */
  readonly agentSocket: string | undefined;
  readonly dialErrorLimit: number;
  readonly dialTimeoutMs: number;
  /** What was passed over on the way here, for the message of a failure. */
  readonly notes: readonly string[];
}

/** A chain longer than this is one that leads back to itself. */
const longestChain = 8;

/** Finds out how a host is reached. Fields of the program win over the configuration. */
export function resolveTarget(connection: Connection, around: Surroundings): Target {
  return resolve(connection, around, { defaultUser: "root", depth: 0 });
}

interface Hop {
  /** `root` as in `@pulumi/command` where the program names the host; ssh's own default where ProxyJump does. */
  readonly defaultUser: string;
  readonly depth: number;
}

function resolve(connection: Connection, around: Surroundings, hop: Hop): Target {
  const written = connection.host.replace(/^\[(.*)\]$/, "$1");
  const settings = readSshSettings({ host: written, user: connection.user, defaultUser: hop.defaultUser }, around);
  const notes = [...settings.notes];

  const user = connection.user ?? settings.user ?? hop.defaultUser;
  const host = expandHostName(settings.hostName ?? "%h", written);
  const port = connection.port ?? settings.port ?? 22;
  const name = hostName(connection) ?? written;
  const tokens: Tokens = { originalHost: written, host, port, user, alias: settings.hostKeyAlias };

  const paths = (files: readonly string[]): readonly string[] =>
    files
      .filter((file) => file.toLowerCase() !== "none")
      .flatMap((file) => {
        const path = expandPath(file, tokens, around);
        if (path === undefined) notes.push(`${file}: it holds a token, a variable or a home that has no value here`);
        return path ?? [];
      });

  const userKnownHosts = settings.userKnownHostsFiles ?? ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
  const globalKnownHosts =
    settings.globalKnownHostsFiles ??
    ["ssh_known_hosts", "ssh_known_hosts2"].map((file) => join(around.systemFolder, file));

  return {
    name,
    host,
    port,
    user,
    given: connection,
    via: viaOf(connection, settings, { name: written, host, port, user }, around, hop),
    family: settings.family,
    localAddress: settings.bindAddress,
    hostKeyAlias: settings.hostKeyAlias,
    knownHostsFiles: [...paths(userKnownHosts), ...paths(globalKnownHosts)],
    revokedHostKeys: paths(settings.revokedHostKeys),
    identityFiles: settings.identityFiles.length === 0 ? undefined : paths(settings.identityFiles),
    certificateFiles: paths(settings.certificateFiles),
    identitiesOnly: settings.identitiesOnly,
    agentSocket: agentOf(settings.identityAgent, around, paths),
    dialErrorLimit: connection.dialErrorLimit ?? 10,
    dialTimeoutMs: (connection.perDialTimeout ?? 15) * 1000,
    notes,
  };
}

function viaOf(
  connection: Connection,
  settings: { readonly proxyJump?: string; readonly proxyCommand?: string },
  self: { readonly name: string; readonly host: string; readonly port: number; readonly user: string },
  around: Surroundings,
  hop: Hop,
): Target | undefined {
  if (hop.depth >= longestChain) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `${self.name}: more than ${longestChain} jump hosts follow each other; does ProxyJump lead back to itself?`,
    );
  }
  const depth = hop.depth + 1;
  if (connection.proxy !== undefined) return resolve(connection.proxy, around, { defaultUser: "root", depth });
  if (isSet(settings.proxyCommand)) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `${self.name}: the OpenSSH configuration reaches it by ProxyCommand, and no command of it is run here\n` +
        "  use ProxyJump there, or give connection.proxy",
    );
  }
  if (!isSet(settings.proxyJump)) return undefined;

  // The first of the list is reached first, the last one is next to the host; each but the first is reached from
  // the one before it, whatever its own configuration says.
  let chain: Connection | undefined;
  for (const jump of settings.proxyJump.split(",").map((word) => word.trim())) {
    const { user, host, port } = parseJump(jump, self);
    chain = {
      host,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
      ...(connection.dialErrorLimit === undefined ? {} : { dialErrorLimit: connection.dialErrorLimit }),
      ...(connection.perDialTimeout === undefined ? {} : { perDialTimeout: connection.perDialTimeout }),
      ...(chain === undefined ? {} : { proxy: chain }),
    };
  }
  // "Host *" with a ProxyJump means the jump host too; ssh then goes to it directly, and so do we.
  if (chain === undefined || (chain.proxy === undefined && [self.name, self.host].includes(chain.host))) {
    return undefined;
  }
  return resolve(chain, around, { defaultUser: around.userName, depth });
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "" && value.toLowerCase() !== "none";
}

interface Jump {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/** One of ProxyJump's hosts; its tokens stand for what the host behind it is (ssh_config(5), TOKENS). */
function parseJump(text: string, self: Parameters<typeof viaOf>[2]): Jump {
  const match = /^(ssh:\/\/)?(?:(.+)@)?(\[[^\]]+\]|[^:@/]+)(?::(\d+))?\/?$/.exec(text);
  const [, isUri, user, host = "", port] = match ?? [];
  const values: Readonly<Record<string, string>> = {
    "%": "%",
    h: self.host,
    n: self.name,
    p: String(self.port),
    r: self.user,
  };
  let isWrong = match === null;
  const expanded = (word: string): string =>
    word.replace(/%(.?)/g, (_, token: string) => {
      if (values[token] === undefined) isWrong = true;
      return values[token] ?? "";
    });
  const jump = {
    // The user of a URI is written with %XX, and has no tokens.
    user: user === undefined ? undefined : isUri === undefined ? expanded(user) : decoded(user),
    host: expanded(host.replace(/^\[(.*)\]$/, "$1")),
    port: port === undefined ? undefined : Number(port),
  };
  if (!isWrong) return jump;
  throw new NetbootError(
    "ARGUMENTS_INVALID",
    `${self.name}: its ProxyJump "${text}" is no jump host; write [user@]host[:port], with no tokens but %h, %n, %p and %r`,
  );
}

function decoded(user: string): string {
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

function agentOf(
  identityAgent: string | undefined,
  around: Surroundings,
  paths: (files: readonly string[]) => readonly string[],
): string | undefined {
  const ofEnvironment = around.env["SSH_AUTH_SOCK"] || undefined;
  if (identityAgent === undefined || identityAgent === "SSH_AUTH_SOCK") return ofEnvironment;
  if (identityAgent.toLowerCase() === "none") return undefined;
  if (/^\$\w+$/.test(identityAgent)) return around.env[identityAgent.slice(1)] || undefined;
  return paths([identityAgent])[0];
}
