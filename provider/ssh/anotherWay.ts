import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type Connection, connectionSchema } from "../values/connection";
import { knownKeysOf } from "./hostKey";
import { ownSurroundings, type Surroundings } from "./sshConfig";
import { resolveTarget } from "./target";

const lookupMs = 2000;

/**
 * Whether a connection is another way to the machine of another one, so that nothing needs to be done there: another agent, key
 * file or patience, or another name of a host of the same key. Nobody is asked but files and the name service.
 *
 * @remarks
 * A state keeps the old way then, by which a delete may go. So an old name must still be one; a socket or a key file that is not
 * there any more gives way to the agent and the keys of whoever runs Pulumi. Of two key files that are here and are two keys, the state
 * must have the new one: a refresh knows no other.
 */
export async function isAnotherWay(
  before: unknown,
  after: unknown,
  around: Surroundings = ownSurroundings(),
): Promise<boolean> {
  const [old, now] = [connectionSchema.safeParse(before).data, connectionSchema.safeParse(after).data];
  if (old === undefined || now === undefined) return false;
  if (await isOtherKey(old, now, around)) return false;
  if (isDeepStrictEqual(identityOf(old), identityOf(now))) return true;
  const withoutName = ({ host: _host, ...rest }: Connection): object => identityOf({ ...rest, host: "" });
  if (!isDeepStrictEqual(withoutName(old), withoutName(now))) return false;
  const [oldKeys, newKeys] = [old, now].map((connection) => keysOf(connection, around));
  return oldKeys?.some((key) => newKeys?.includes(key)) === true && (await isName(old, around));
}

/** Whether one's key was rotated: there are two files, of two keys. One that is not here is that of somebody else, or of another machine. */
async function isOtherKey(old: Connection, now: Connection, around: Surroundings): Promise<boolean> {
  if (old.proxy !== undefined && now.proxy !== undefined && (await isOtherKey(old.proxy, now.proxy, around)))
    return true;
  if (old.privateKeyPath === undefined || now.privateKeyPath === undefined) return false;
  if (old.privateKeyPath === now.privateKeyPath) return false;
  // SSH takes long to load.
  const { keyFileAt, readPrivateKey } = await import("./privateKeys.js");
  const [one, other] = [old, now].map(({ privateKeyPath: path = "", privateKeyPassword }) => {
    const key = readPrivateKey(keyFileAt(path, around.home), privateKeyPassword);
    return "publicKey" in key ? key.publicKey : undefined;
  });
  return one !== undefined && other !== undefined && !isDeepStrictEqual(one, other);
}

/** Who is reached, and as whom: a connection without how. */
function identityOf({
  agentSocketPath: _a,
  privateKeyPath: _k,
  dialErrorLimit: _l,
  perDialTimeout: _t,
  ...rest
}: Connection): object {
  return { ...rest, ...(rest.proxy === undefined ? {} : { proxy: identityOf(rest.proxy) }) };
}

function keysOf(connection: Connection, around: Surroundings): readonly string[] {
  try {
    const { name, host, port, hostKeyAlias: alias, knownHostsFiles: files, given } = resolveTarget(connection, around);
    return knownKeysOf({ name, host, port, alias, hostKey: given.hostKey, files });
  } catch {
    // What can't be read says nothing; the up itself tells why.
    return [];
  }
}

/** An address is none: nothing tells whether it is that machine's still. */
async function isName(connection: Connection, around: Surroundings): Promise<boolean> {
  if (isIP(connection.host) !== 0) return false;
  try {
    const { host, via } = resolveTarget(connection, around);
    // Behind a jump host its own name service counts.
    if (via !== undefined) return true;
    return await Promise.race([lookup(host).then(() => true), sleep(lookupMs, false, { ref: false })]);
  } catch {
    return false;
  }
}
