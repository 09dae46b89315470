import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Connection, connectionSchema, whyNoPrivateKey } from "../provider/values/connection";
import { type Problem, quoted, read, within } from "../provider/values/problem";
import { isObject } from "./program/given";
import { isPlain } from "./program/plain";
import * as pulumi from "./program/pulumi";
import { tellingUndefined } from "./program/tellingUndefined";

/**
 * How node 0 is reached over SSH. The names are those of `@pulumi/command`'s connection.
 *
 * @remarks
 * Whoever is not root works through `sudo -n`. Authentication is tried in this order: the given fields, the IdentityFile
 * of the alias in the user's OpenSSH configuration, the SSH agent, the default identity files. Without `hostKey` the
 * user's known_hosts decides; no key is ever accepted on sight. `password`, `privateKey` and `privateKeyPassword` are
 * secrets, whether the program says so or not.
 *
 * @example By key, through a jump host
 * ```ts
 * const connection = {
 *   host: "10.0.0.5",
 *   user: "operator",
 *   privateKeyPath: "~/.ssh/id_ed25519",
 *   hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA…",
 *   proxy: { host: "bastion.example.com", user: "jump" },
 * };
 * ```
 */
export interface ConnectionArgs {
  /** An address, a name, or a `Host` alias of the user's OpenSSH configuration. */
  readonly host: pulumi.Input<string>;
  /** @defaultValue the alias's Port, else 22 */
  readonly port?: pulumi.Input<number>;
  /** @defaultValue the alias's User, else `root` */
  readonly user?: pulumi.Input<string>;
  /** For servers that take one, or ask for it with a prompt; a secret. */
  readonly password?: pulumi.Input<string>;
  /** The private key itself, in OpenSSH or PEM format. */
  readonly privateKey?: pulumi.Input<string>;
  /** Opens a private key that is encrypted; a secret. */
  readonly privateKeyPassword?: pulumi.Input<string>;
  /** A file with the private key, on the machine where Pulumi runs. */
  readonly privateKeyPath?: pulumi.Input<string>;
  /** The socket of an SSH agent. @defaultValue `SSH_AUTH_SOCK` */
  readonly agentSocketPath?: pulumi.Input<string>;
  /** The line of node 0's own `/etc/ssh/ssh_host_ed25519_key.pub`. */
  readonly hostKey?: pulumi.Input<string>;
  /** Failed attempts to connect in a row before giving up. @defaultValue 10 */
  readonly dialErrorLimit?: pulumi.Input<number>;
  /** Seconds that one attempt may take. @defaultValue 15 */
  readonly perDialTimeout?: pulumi.Input<number>;
  /** A jump host, by the same fields. */
  readonly proxy?: pulumi.Input<ConnectionArgs>;
}

const secretFields: ReadonlySet<string> = new Set(["password", "privateKey", "privateKeyPassword"]);

/** A connection as it goes into a resource's inputs: its secret fields are secrets, the others stay readable. */
export function connectionInput(args: pulumi.Input<ConnectionArgs>): pulumi.Input<Connection> {
  // What is not there is told as that, and not as an output that came out so.
  if (args === undefined || args === null) return args as unknown as Connection;
  if (typeof args !== "object" || Array.isArray(args))
    return pulumi.output(args) as unknown as pulumi.Output<Connection>;
  if (pulumi.Output.isInstance(args) || args instanceof Promise) {
    // Once it is known it is looked at as a plain one; an output that holds a secret becomes one as a whole.
    return pulumi.output(args).apply((given) => pulumi.output(connectionInput(given as ConnectionArgs)));
  }
  const fields = Object.entries(args)
    // Who gives a host that is undefined is told of that.
    .filter(([name, value]) => value !== undefined || name === "host")
    .map(([name, value]) => {
      if (secretFields.has(name)) return [name, pulumi.secret(value)];
      return [name, name === "proxy" ? connectionInput(value as ConnectionArgs) : value];
    });
  return Object.fromEntries(fields) as pulumi.Input<Connection>;
}

/** What is wrong with a connection, at once if it is a plain value; the messages hold no value of a secret field. */
export function connectionProblems(connection: pulumi.Input<Connection>): pulumi.Input<readonly Problem[]> {
  // Of one that is not there nobody knows here whether it was given.
  if (connection === undefined || connection === null) return problemsOf(connection);
  if (isPlain(connection)) return tellingUndefined(problemsOf(connection), { connection });
  const problems = tellingUndefined(pulumi.output(connection).apply(problemsOf), { connection });
  return pulumi.unsecret(pulumi.output(problems)) as pulumi.Output<readonly Problem[]>;
}

/** What is wrong with a connection that is there. */
export function problemsOf(connection: unknown): readonly Problem[] {
  const { problems } = read(connectionSchema, connection);
  const found = [...problems, ...problemsOfKeys(connection)];
  return found.map(({ path, message }) => ({ path: path === "" ? "connection" : `connection.${path}`, message }));
}

/** What stands in the place of a private key, of node 0 and its jump hosts. */
function problemsOfKeys(connection: unknown): readonly Problem[] {
  if (!isObject(connection)) return [];
  const { privateKey, privateKeyPath, proxy } = connection;
  const wrong = typeof privateKey === "string" && privateKey !== "" ? whyNoPrivateKey(privateKey) : undefined;
  if (typeof privateKeyPath === "string" && privateKeyPath !== "") noteMissing(privateKeyPath);
  return [
    ...(wrong === undefined ? [] : [{ path: "privateKey", message: wrong }]),
    ...within("proxy", problemsOfKeys(proxy)),
  ];
}

const missing = new Set<string>();

/** A preview needs no key, so one that is made elsewhere than the up is only told of it. */
function noteMissing(path: string): void {
  const file = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
  // Where only the public half lies on this machine, an agent has the private one.
  if (!pulumi.runtime.isDryRun() || missing.has(path) || existsSync(file) || existsSync(`${file}.pub`)) return;
  missing.add(path);
  void pulumi.log.warn(
    `connection.privateKeyPath: ${quoted(path)} is not on this machine; an up from here would need it`,
  );
}
