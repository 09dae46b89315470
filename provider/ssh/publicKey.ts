import { createHash } from "node:crypto";

/** A public key as SSH writes it on the wire (RFC 4253, 6.6); its first field names its type. */
export interface PublicKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
  readonly type: string;
  readonly bytes: Buffer;
}

/** Reads a public key from its bytes. */
export function publicKeyFrom(bytes: Buffer): PublicKey | undefined {
  if (bytes.length < 8) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length === 0 || length > 64 || 4 + length >= bytes.length) return undefined;
  return { type: bytes.toString("latin1", 4, 4 + length), bytes };
}

/** Reads `ssh-ed25519 AAAA… comment`; the comment is passed over. */
export function parsePublicKey(text: string): PublicKey | undefined {
  const [type, base64] = text.trim().split(/\s+/);
  if (type === undefined || base64 === undefined) return undefined;
  const key = publicKeyFrom(Buffer.from(base64, "base64"));
  return key?.type === type ? key : undefined;
}

/** The fingerprint as `ssh-keygen -l` prints it: `SHA256:…`. */
export function fingerprint(key: PublicKey): string {
  return `SHA256:${createHash("sha256").update(key.bytes).digest("base64").replace(/=+$/, "")}`;
}

/** Type and fingerprint: what two people compare. */
export function describeKey(key: PublicKey): string {
  return `${key.type} ${fingerprint(key)}`;
}

/** The line of an `authorized_keys`, a `.pub` file or a `hostKey` field. */
export function renderPublicKey(key: PublicKey): string {
  return `${key.type} ${key.bytes.toString("base64")}`;
}

/** A certificate of OpenSSH (PROTOCOL.certkeys): a key of a user or a host that an authority has signed. */
export function isCertificate(key: PublicKey | undefined): key is PublicKey {
  return key?.type.endsWith("-cert-v01@openssh.com") === true;
}

/** The texts of SSH's own form, each behind its length (RFC 4251, 5), as far as they are whole. */
export function fieldsOf(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
