import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fieldsOf, type PublicKey, parsePublicKey } from "./publicKey";

/** Whether a key is revoked, by one file of OpenSSH's RevokedHostKeys. */
type IsRevoked = (key: PublicKey) => boolean;

const krlMagic = Buffer.from("SSHKRL\n\0", "latin1");
const [krlVersion, krlHeaderBytes] = [1, 8 + 4 + 8 + 8 + 8];
const section = { certificates: 1, keys: 2, sha1: 3, signature: 4, sha256: 5, extension: 255 } as const;

/** Reads a list of public keys, one a line, or a KRL as `ssh-keygen -k` makes it; nothing if it is neither. */
export function parseRevokedKeys(bytes: Buffer): IsRevoked | undefined {
  return bytes.subarray(0, krlMagic.length).equals(krlMagic) ? parseKrl(bytes) : parseList(bytes.toString("utf8"));
}

function parseList(text: string): IsRevoked | undefined {
  const keys: PublicKey[] = [];
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const key = parsePublicKey(line);
    // What can't be read may be the very key.
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return ({ bytes }) => keys.some((key) => key.bytes.equals(bytes));
}

/** OpenSSH's PROTOCOL.krl. What it says of certificates is passed over: none is accepted here. */
function parseKrl(bytes: Buffer): IsRevoked | undefined {
  if (bytes.length < krlHeaderBytes || bytes.readUInt32BE(8) !== krlVersion) return undefined;
  const revoked = new Map<number, readonly Buffer[]>();
  let at = krlHeaderBytes + lengthOf(fieldsOf(bytes.subarray(krlHeaderBytes)).slice(0, 2));
  while (at < bytes.length) {
    const type = bytes[at] ?? 0;
    const [body] = fieldsOf(bytes.subarray(at + 1));
    if (body === undefined || !(Object.values(section) as number[]).includes(type)) return undefined;
    if (type === section.signature) break;
    revoked.set(type, [...(revoked.get(type) ?? []), ...fieldsOf(body)]);
    at += 1 + 4 + body.length;
  }
  const has = (type: number, value: Buffer): boolean => revoked.get(type)?.some((each) => each.equals(value)) === true;
  const hash = (algorithm: string, key: PublicKey): Buffer => createHash(algorithm).update(key.bytes).digest();
  return (key) =>
    has(section.keys, key.bytes) || has(section.sha1, hash("sha1", key)) || has(section.sha256, hash("sha256", key));
}

function lengthOf(fields: readonly Buffer[]): number {
  return fields.reduce((sum, field) => sum + 4 + field.length, 0);
}

/** Which of these files revokes a key; or which of them can't be read, and then no key may be accepted (ssh_config(5)). */
export function readRevokedKeys(
  files: readonly string[],
): { readonly revokedBy: (key: PublicKey) => string | undefined } | { readonly file: string; readonly why: string } {
  const lists: (readonly [string, IsRevoked])[] = [];
  for (const file of files) {
    let isRevoked: IsRevoked | undefined;
    try {
      isRevoked = parseRevokedKeys(readFileSync(file));
    } catch (error) {
      return { file, why: (error as Error).message };
    }
    if (isRevoked === undefined) return { file, why: "it is no list of public keys, and no KRL of version 1" };
    lists.push([file, isRevoked]);
  }
  return { revokedBy: (key) => lists.find(([, isRevoked]) => isRevoked(key))?.[0] };
}
