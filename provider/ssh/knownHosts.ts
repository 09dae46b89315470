import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { matchesPatterns } from "./pattern";
import { type PublicKey, parsePublicKey } from "./publicKey";

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  readonly marker: "revoked" | "cert-authority" | undefined;
  /** The first field as it stands there: patterns with commas between, or one hashed name. */
  readonly hosts: string;
  readonly key: PublicKey;
  /** Where it stands, for messages: `/root/.ssh/known_hosts:3`. */
  readonly place: string;
}

/** Reads the lines of a known_hosts file; one that ssh would pass over is passed over. */
export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  return text.split("\n").flatMap((line, index) => {
    const fields = line.trim().split(/\s+/);
    const first = fields[0] ?? "";
    if (first === "" || first.startsWith("#")) return [];
    const marker = first === "@revoked" ? "revoked" : first === "@cert-authority" ? "cert-authority" : undefined;
    if (first.startsWith("@") && marker === undefined) return [];
    const [hosts, type, base64] = marker === undefined ? fields : fields.slice(1);
    const key = parsePublicKey(`${type} ${base64}`);
    if (hosts === undefined || key === undefined) return [];
    return [{ marker, hosts, key, place: `${file}:${index + 1}` }];
  });
}

/** Whether a line speaks of a host, by the name that ssh looks up: `node0`, or `[node0]:2222`. */
export function speaksOf(entry: KnownHost, name: string): boolean {
  const lookedUp = name.toLowerCase();
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(entry.hosts);
  if (hashed) {
    const [, salt = "", hash = ""] = hashed;
    const own = createHmac("sha1", Buffer.from(salt, "base64")).update(lookedUp).digest();
    return own.equals(Buffer.from(hash, "base64"));
  }
  return matchesPatterns(entry.hosts.toLowerCase().split(","), lookedUp);
}

/** A known_hosts file that exists and can't be read: what it would have refused is then not known. */
export interface UnreadableFile {
  readonly file: string;
  readonly why: string;
}

/** Reads known_hosts files one after the other; one that does not exist says nothing. */
export function readKnownHosts(files: readonly string[]): readonly KnownHost[] | UnreadableFile {
  const entries: KnownHost[] = [];
  for (const file of files) {
    try {
      entries.push(...parseKnownHosts(readFileSync(file, "utf8"), file));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") return { file, why: message };
    }
  }
  return entries;
}
