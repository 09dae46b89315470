import * as z from "../zod";
import { guess, quoted } from "./problem";

/**
 * How a machine is reached over SSH. The names are those of `@pulumi/command`'s connection, so that an object which
 * people already have works; `privateKeyPath` is ours, and `host` may be an alias of the user's OpenSSH configuration.
 */
export interface Connection {
  /** An address, a name, or a `Host` alias of `~/.ssh/config` (HostName, User, Port, IdentityFile, ProxyJump, …). */
  readonly host: string;
  /** @defaultValue the alias's Port, else 22 */
  readonly port?: number;
  /** Whoever is not `root` works through `sudo -n`. @defaultValue the alias's User, else `root` */
  readonly user?: string;
  /** For password authentication, and for servers that ask for it with a prompt. */
  readonly password?: string;
  /** The private key itself, in OpenSSH or PEM format. */
  readonly privateKey?: string;
  /** Opens a private key that is encrypted. */
  readonly privateKeyPassword?: string;
  /** A file with the private key, on the machine where Pulumi runs. Only without `privateKey`. */
  readonly privateKeyPath?: string;
  /** The socket of an SSH agent. @defaultValue the alias's IdentityAgent, else the variable SSH_AUTH_SOCK */
  readonly agentSocketPath?: string;
  /**
   * The public host key that the machine must show, as `ssh-ed25519 AAAA…`.
   * @defaultValue what the user's known_hosts says; a key that nobody knows is never accepted
   */
  readonly hostKey?: string;
  /**
   * How many failed attempts to connect may follow each other before we give up; -1 goes on for half an hour.
   * @defaultValue 10
   */
  readonly dialErrorLimit?: number;
  /** How many seconds one attempt to connect may take. @defaultValue 15 */
  readonly perDialTimeout?: number;
  /** A jump host, reached by the same fields; the machine itself is then reached from there. */
  readonly proxy?: Connection;
}

/** Public keys that a server can show us; `ssh-rsa` is the key's type, its signatures are made with SHA-2 only. */
const hostKeyTypes = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

const hostKeyExample =
  'write the line of the server\'s /etc/ssh/ssh_host_ed25519_key.pub, as in "ssh-ed25519 AAAAC3Nza…"';

/** Why a text is no host key, or nothing if it is one. */
function hostKeyMistake(text: string): string | undefined {
  if (/PRIVATE KEY-----/.test(text))
    return `is a private key, and the server's public one belongs here; ${hostKeyExample}`;
  const [type = "", base64 = ""] = text.trim().split(/\s+/);
  if (/[\r\n]/.test(text.trim())) return `holds more than one line; ${hostKeyExample}`;
  if (/^(SHA256|MD5):/.test(type)) return `${quoted(text)} is a fingerprint, not the key; ${hostKeyExample}`;
  if (hostKeyTypes.includes(base64)) {
    return `${quoted(text)} begins with a host name; leave that out and begin with "${base64}"`;
  }
  if (!hostKeyTypes.includes(type)) {
    return `${quoted(text)} begins with no type of host key that we know (${hostKeyTypes.join(", ")}); ${hostKeyExample}`;
  }
  if (typeInside(base64) !== type) return `${quoted(text)} is no whole ${type} key; ${hostKeyExample}`;
  return undefined;
}

/** The type that a public key names in its own bytes (RFC 4253, 6.6), if the text is one. */
function typeInside(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64)) return undefined;
  try {
    const bytes = atob(base64);
    return bytes.slice(4, 4 + bytes.charCodeAt(3));
  } catch {
    return undefined;
  }
}

function hostMistake(text: string): string | undefined {
  const userAt = /^([^\s@]+)@([^\s@]+)$/.exec(text);
  if (userAt) return `${quoted(text)} holds a user; write host: "${userAt[2]}", user: "${userAt[1]}"`;
  const withPort = /^([^:\s]+):(\d+)$/.exec(text);
  if (withPort) return `${quoted(text)} holds a port; write host: "${withPort[1]}", port: ${withPort[2]}`;
  if (text === "" || !/^[\w.:%[\]][\w.:%[\]-]*$/.test(text)) {
    return `${quoted(text)} is no host; write an address, a name or an alias of ~/.ssh/config, as in "node0.example"`;
  }
  return undefined;
}

/** A text that is checked by a function which says what is wrong with it. */
function text(rule: string, mistake: (value: string) => string | undefined): z.ZodType<string> {
  return z
    .string({
      error: ({ input }) => (input === undefined ? `is required; ${rule}` : `${quoted(input)} is no text; ${rule}`),
    })
    .superRefine((value, context) => {
      const message = mistake(value);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    });
}

/**
 * Why a text can't be a private key, as far as one sees that without its passphrase: what people write in its place. No message
 * repeats a part of it. A program is told in preview; whoever connects finds out all of it.
 */
export function whyNoPrivateKey(text: string): string | undefined {
  const shown = "(the value is not shown: it may be a secret)";
  if (/^(~|\.{0,2}\/|[A-Za-z]:[\\/])[^\r\n]*$/.test(text.trim()))
    return `is a path, not the key itself; give it as privateKeyPath ${shown}`;
  if (/^(ssh-|ecdsa-|sk-)\S+ AAAA/.test(text.trim()) || /^-----BEGIN [A-Z0-9 ]*PUBLIC KEY-----/.test(text.trim())) {
    return "is a public key; give the private one, the file of that name without .pub";
  }
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text) || text.startsWith("PuTTY-User-Key-File-")) return undefined;
  return `is no private key, which begins with "-----BEGIN OPENSSH PRIVATE KEY-----" or the like ${shown}`;
}

/** A text whose value no message may repeat. */
const secret: z.ZodType<string> = z.string({ error: "is no text (the value is not shown: it may be a secret)" });

/** A number; the rule is said whatever is wrong with it. */
function number(rule: string, fits: (value: number) => boolean): z.ZodType<number> {
  const error = ({ input }: { readonly input?: unknown }): string => `${quoted(input)} is ${rule}`;
  return z.number({ error }).refine(fits, { error });
}

const path = text("write a path", (value) => (value.includes("\0") ? `${quoted(value)} is no path` : undefined));

const whole = (least: number, most: number) => (value: number) =>
  Number.isInteger(value) && value >= least && value <= most;

const fields = {
  host: text('write an address, a name or an alias of ~/.ssh/config, as in "node0.example"', hostMistake),
  port: number("no port; write a whole number from 1 to 65535, as in 22", whole(1, 65_535)).optional(),
  user: text('write a user of the host, as in "root"', (value) =>
    /[\s\0]/.test(value) ? `${quoted(value)} is no user name; write one without blanks, as in "root"` : undefined,
  ).optional(),
  password: secret.optional(),
  privateKey: secret.optional(),
  privateKeyPassword: secret.optional(),
  privateKeyPath: path.optional(),
  agentSocketPath: path.optional(),
  hostKey: text(hostKeyExample, (value) => (value === "" ? undefined : hostKeyMistake(value))).optional(),
  dialErrorLimit: number(
    "no number of attempts; write a whole number from 0, as in 10, or -1 for half an hour of them",
    whole(-1, 1_000_000),
  ).optional(),
  perDialTimeout: number(
    "no time to wait for a connection; write seconds, more than 0 and at most 3600, as in 15",
    (value) => value > 0 && value <= 3600,
  ).optional(),
};

/**
 * Reads a connection. An optional text that is empty counts as not given, as in `@pulumi/command`.
 * No message holds the value of a secret.
 *
 * @internal
 */
export const connectionSchema: z.ZodType<Connection> = z
  .strictObject(
    {
      ...fields,
      get proxy(): z.ZodType<Connection | undefined> {
        return connectionSchema.optional();
      },
    },
    {
      error: (issue) => {
        if (issue.code === "unrecognized_keys") {
          const known = [...Object.keys(fields), "proxy"];
          return issue.keys.map((key) => `there is no property ${quoted(key)}; ${guess(key, known)}`).join("; ");
        }
        // Not the value: a text that stands here may be a key or a password.
        if (issue.code !== "invalid_type") return undefined;
        const what = issue.input === undefined || issue.input === null ? "is required" : "is no connection";
        return `${what}; write an object, as in { host: "node0.example", user: "root" }`;
      },
    },
  )
  .transform(
    (given) =>
      Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined && value !== ""),
      ) as unknown as Connection,
  )
  .superRefine((connection, context) => {
    if (connection.privateKey !== undefined && connection.privateKeyPath !== undefined) {
      const message = "is given beside privateKey; give one of the two";
      context.addIssue({ code: "custom", path: ["privateKeyPath"], message });
    }
  });

/** Every secret text in a connection, the jump hosts' included, so that no message repeats one. */
export function connectionSecrets(connection: Connection): readonly string[] {
  const { password, privateKey, privateKeyPassword, proxy } = connection;
  return [password, privateKey, privateKeyPassword, ...(proxy === undefined ? [] : connectionSecrets(proxy))].filter(
    (value): value is string => typeof value === "string" && value !== "",
  );
}
