import { readFileSync } from "node:fs";
import { type ParsedKey, utils } from "ssh2";
import { type PublicKey, parsePublicKey, publicKeyFrom } from "./publicKey";

/** What became of a text or a file that should hold a private key. */
export type PrivateKey =
  | { readonly kind: "usable"; readonly key: ParsedKey; readonly publicKey: PublicKey }
  /** Encrypted, and no passphrase given; the `.pub` file beside it may tell which key it is. */
  | { readonly kind: "encrypted"; readonly publicKey: PublicKey | undefined }
  /** A public key only: its private half may be in an agent. */
  | { readonly kind: "public"; readonly publicKey: PublicKey }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly why: string };

const whyNoKey =
  "it is no whole private key in OpenSSH or PEM format; give all of the file, from its first line to its last";

/** Reads a private key from its text. No answer repeats a part of the text. */
export function parsePrivateKey(text: string, passphrase: string | undefined): PrivateKey {
  let parsed: ParsedKey | Error;
  try {
    parsed = utils.parseKey(text, passphrase);
  } catch {
    return { kind: "unreadable", why: whyNoKey };
  }
  if (Array.isArray(parsed)) parsed = parsed[0] as ParsedKey | Error;
  if (parsed instanceof Error) return whyUnreadable(parsed.message, text, passphrase);
  const publicKey = publicKeyFrom(parsed.getPublicSSH());
  if (publicKey === undefined) return { kind: "unreadable", why: "its public half can't be computed" };
  if (!parsed.isPrivateKey()) return { kind: "public", publicKey };
  if (parsed.type === "ssh-dss")
    return { kind: "unreadable", why: "it is of DSA, which is no longer safe and not used; make one of Ed25519" };
  return { kind: "usable", key: withoutSha1(parsed), publicKey };
}

/** The library's own words are sorted, not shown: they come from code that had the key in its hands. */
function whyUnreadable(message: string, text: string, passphrase: string | undefined): PrivateKey {
  if (/no passphrase given/.test(message)) return { kind: "encrypted", publicKey: undefined };
  if (/sk-(ssh|ecdsa)/.test(message)) {
    return { kind: "unreadable", why: "it belongs to a security key (FIDO), which is not supported; give another key" };
  }
  if (passphrase !== undefined && /passphrase|integrity|decrypt|authenticate|Malformed/i.test(message)) {
    return { kind: "unreadable", why: "its passphrase is wrong; give the right privateKeyPassword" };
  }
  const cipher = /cipher[^:(]*[:(] ?([\w@.-]+)/i.exec(message)?.[1];
  if (cipher !== undefined)
    return {
      kind: "unreadable",
      why: `it is encrypted with ${cipher}, which is not supported; encrypt it anew by "ssh-keygen -p -Z aes256-ctr -f FILE"`,
    };
  if (/BEGIN [A-Z ]*PRIVATE KEY/.test(text) && /BEGIN (ENCRYPTED )?PRIVATE KEY/.test(text)) {
    return { kind: "unreadable", why: 'it is in PKCS#8 format; turn it into OpenSSH\'s by "ssh-keygen -p -f FILE"' };
  }
  return { kind: "unreadable", why: whyNoKey };
}

/** Where a key file lies: `~/` is the home of whoever runs Pulumi. */
export function keyFileAt(path: string, home: string): string {
  return path.replace(/^~(?=\/)/, home);
}

/** Reads a private key from a file of this machine. */
export function readPrivateKey(path: string, passphrase: string | undefined): PrivateKey {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") return { kind: "unreadable", why: message };
    // Where only the public half lies on this machine, an agent has the private one.
    const publicKey = publicHalf(path);
    return publicKey === undefined ? { kind: "missing" } : { kind: "public", publicKey };
  }
  const key = parsePrivateKey(text, passphrase);
  return key.kind === "encrypted" ? { ...key, publicKey: publicHalf(path) } : key;
}

function publicHalf(path: string): PublicKey | undefined {
  try {
    return parsePublicKey(readFileSync(`${path}.pub`, "utf8"));
  } catch {
    // It only helps to name the key; without it nothing is lost.
    return undefined;
  }
}

/**
 * An RSA key that signs with SHA-512 only.
 *
 * @remarks
 * ssh2 falls back to `ssh-rsa` (SHA-1) for a server that does not announce what it takes (RFC 8308). A key that calls
 * its own type `rsa-sha2-512` is offered under that name, and every server since OpenSSH 7.2 knows it.
 */
export function withoutSha1(key: ParsedKey): ParsedKey {
  if (key.type !== "ssh-rsa") return key;
  return Object.create(key, {
    type: { value: "rsa-sha2-512", enumerable: true },
    sign: { value: (data: Buffer) => key.sign(data, "sha512") },
  }) as ParsedKey;
}
