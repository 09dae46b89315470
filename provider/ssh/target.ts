import { join } from "node:path";
import { NetbootError } from "../errors";
import type { Connection } from "../values/connection";
import { expandPath, readSshSettings, type Surroundings, type Tokens } from "./sshConfig";

/** Everything that is needed to reach one host, from the program's fields and the user's OpenSSH configuration. */
export interface Target {
  /** As messages name it: what the program wrote, with the port if that is an unusual one. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly given: Connection;
  readonly via: Target | undefined;
  readonly hostKeyAlias: string | undefined;
  readonly knownHostsFiles: readonly string[];
  /** The files of the alias's IdentityFile lines; nothing where it has none, and the default ones are tried. */
  readonly identityFiles: readonly string[] | undefined;
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
  const settings = readSshSettings(written, { user: connection.user, defaultUser: hop.defaultUser }, around);
  const notes = [...settings.notes];

  const user = connection.user ?? settings.user ?? hop.defaultUser;
  const host = (settings.hostName ?? "%h").replace(/%([%h])/g, (_, token) => (token === "h" ? written : "%"));
  const port = connection.port ?? settings.port ?? 22;
  const name = connection.port === undefined || connection.port === 22 ? written : `${bracketed(written)}:${port}`;
  const tokens: Tokens = { originalHost: written, host, port, user, alias: settings.hostKeyAlias };

  const paths = (files: readonly string[]): readonly string[] =>
    files
      .filter((file) => file.toLowerCase() !== "none")
      .flatMap((file) => {
        const path = expandPath(file, tokens, around);
        if (path === undefined) notes.push(`${file}: it holds a token or a variable that has no value here`);
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
    via: viaOf(connection, settings, { name: written, host, port }, around, hop),
    hostKeyAlias: settings.hostKeyAlias,
    knownHostsFiles: [...paths(userKnownHosts), ...paths(globalKnownHosts)],
    identityFiles: settings.identityFiles.length === 0 ? undefined : paths(settings.identityFiles),
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
  self: { readonly name: string; readonly host: string; readonly port: number },
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
    const { user, host, port } = parseJump(jump, self.name);
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

function parseJump(
  text: string,
  name: string,
): { readonly user?: string | undefined; readonly host: string; readonly port?: number | undefined } {
  const match = /^(?:ssh:\/\/)?(?:(.+)@)?(\[[^\]]+\]|[^:@/]+)(?::(\d+))?\/?$/.exec(text);
  const host = match?.[2]?.replace(/^\[(.*)\]$/, "$1");
  if (!match || host === undefined) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `${name}: its ProxyJump "${text}" is no jump host; write [user@]host[:port]`,
    );
  }
  return { user: match[1], host, port: match[3] === undefined ? undefined : Number(match[3]) };
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

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
