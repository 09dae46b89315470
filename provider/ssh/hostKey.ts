import { NetbootError } from "../errors";
import { type KnownHost, readKnownHosts, speaksOf } from "./knownHosts";
import { describeKey, type PublicKey, parsePublicKey, publicKeyFrom, renderPublicKey } from "./publicKey";
import { readRevokedKeys } from "./revokedKeys";

/** Whose key is expected, and where it is written down. */
export interface HostKeyQuestion {
  /** As messages name the host. */
  readonly name: string;
  /** The name and port that were dialled. */
  readonly host: string;
  readonly port: number;
  /** OpenSSH's HostKeyAlias: looked up instead of host and port. */
  readonly alias?: string | undefined;
  /** The program's own word, `ssh-ed25519 AAAA…`; known_hosts is then asked for revoked keys only. */
  readonly hostKey?: string | undefined;
  readonly files: readonly string[];
  /** OpenSSH's RevokedHostKeys. */
  readonly revokedFiles?: readonly string[];
}

/** What is known of a host before it has shown anything. */
export interface HostKeyExpectation {
  /** The algorithms to ask for, those of known keys first: the server then shows a key that we can compare. */
  readonly algorithms: readonly string[];
  /** Nothing if the shown key is the right one, else why it is refused. */
  judge(shown: Buffer): NetbootError | undefined;
}

/** Host key algorithms that we accept, best first. An RSA key signs with SHA-2 only; DSA and `ssh-rsa` (SHA-1) are out. */
const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** The name under which known_hosts keeps a host: with the port unless that is 22. */
export function lookupName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Reads what the program and known_hosts say of a host, and judges the key that it shows. */
export function expectHostKey(question: HostKeyQuestion): HostKeyExpectation {
  const { name, host, port, alias, files } = question;
  const names = alias === undefined ? [...new Set([lookupName(host, port), host])] : [alias];
  const known = readKnownHosts(files);
  if ("why" in known) {
    throw new NetbootError(
      "HOST_KEY_UNKNOWN",
      `${name}: ${known.file} can't be read, so its host key can't be judged\n  ${known.why}`,
    );
  }
  const revocations = readRevokedKeys(question.revokedFiles ?? []);
  if ("why" in revocations) {
    throw new NetbootError(
      "HOST_KEY_UNKNOWN",
      `${name}: RevokedHostKeys names ${revocations.file}, which can't be read, so no host key is accepted (as by ssh)\n` +
        `  ${revocations.why}`,
    );
  }
  const given = question.hostKey === undefined ? undefined : parsePublicKey(question.hostKey);
  if (question.hostKey !== undefined && given === undefined) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `${name}: connection.hostKey is no public key; write it as "ssh-ed25519 AAAAC3Nza…"`,
    );
  }

  // As ssh does: an entry without the port counts only where there is none with it.
  const spoken = names.map((lookedUp) => known.filter((entry) => speaksOf(entry, lookedUp)));
  const revoked = spoken.flat().filter(({ marker }) => marker === "revoked");
  const authorities = spoken.flat().filter(({ marker }) => marker === "cert-authority");
  const plain = spoken.map((entries) => entries.filter(({ marker }) => marker === undefined));
  const expected: readonly Expected[] =
    given === undefined ? (plain.find((entries) => entries.length > 0) ?? []) : [{ key: given, place: "hostKey" }];

  const first = new Set(expected.map(({ key }) => key.type));
  const types = Object.keys(algorithmsOf);
  const ordered = [...types.filter((type) => first.has(type)), ...types.filter((type) => !first.has(type))];

  return {
    algorithms: ordered.flatMap((type) => algorithmsOf[type] ?? []),
    judge(bytes) {
      const shown = publicKeyFrom(bytes);
      if (shown === undefined) {
        return new NetbootError(
          "HOST_KEY_UNKNOWN",
          `${name}: it showed a host key that can't be read; is that an SSH server?`,
        );
      }
      const lost = revoked.find(({ key }) => key.bytes.equals(shown.bytes));
      const place = lost?.place ?? revocations.revokedBy(shown);
      if (place !== undefined) return refuseRevoked(name, shown, place);
      if (expected.some(({ key }) => key.bytes.equals(shown.bytes))) return undefined;
      const other = given === undefined ? expected.filter(({ key }) => key.type === shown.type) : expected;
      if (other.length > 0) return refuseChanged(question, names[0] ?? host, shown, other);
      return refuseUnknown(question, names[0] ?? host, shown, expected, authorities);
    },
  };
}

/** The keys by which a host is known, as `hostKey` would give them. */
export function knownKeysOf({ host, port, alias, hostKey, files }: HostKeyQuestion): readonly string[] {
  const given = hostKey === undefined ? undefined : parsePublicKey(hostKey);
  if (given !== undefined) return [renderPublicKey(given)];
  const known = readKnownHosts(files);
  if ("why" in known) return [];
  const name = alias ?? lookupName(host, port);
  return known.flatMap((entry) =>
    entry.marker === undefined && speaksOf(entry, name) ? [renderPublicKey(entry.key)] : [],
  );
}

interface Expected {
  readonly key: PublicKey;
  readonly place: string;
}

function refuseRevoked(name: string, shown: PublicKey, place: string): NetbootError {
  return new NetbootError(
    "HOST_KEY_CHANGED",
    [
      `${name}: it showed a host key that is revoked`,
      `  it showed ${describeKey(shown)}`,
      `  revoked by ${place}, and then nothing allows it, not even hostKey`,
      `  give ${name} a new host key, on its own console:`,
      `    $ rm ${keyFile(shown)} ${keyFile(shown)}.pub && ssh-keygen -A && systemctl restart ssh`,
    ].join("\n"),
  );
}

function refuseChanged(
  question: HostKeyQuestion,
  lookedUp: string,
  shown: PublicKey,
  expected: readonly Expected[],
): NetbootError {
  const { name } = question;
  const inFile = expected.find(({ place }) => place !== "hostKey")?.place.replace(/:\d+$/, "");
  const file = writable(question.files);
  return new NetbootError(
    "HOST_KEY_CHANGED",
    [
      `${name}: it showed another host key than the expected one: it was installed anew, or somebody stands in between`,
      ...expected.map(({ key, place }) => `  expected ${describeKey(key)} (${place})`),
      `  it showed ${describeKey(shown)}`,
      ...howToCompare(question, shown),
      ...(inFile !== undefined && file !== undefined
        ? [
            `  if they are the same, forget the old key by "ssh-keygen -R '${lookedUp}' -f ${inFile}", and add to ${file} the line`,
            `    ${lookedUp} ${renderPublicKey(shown)}`,
          ]
        : ["  if they are the same, give as hostKey (of a command: --host-key)", `    ${renderPublicKey(shown)}`]),
    ].join("\n"),
  );
}

function refuseUnknown(
  question: HostKeyQuestion,
  lookedUp: string,
  shown: PublicKey,
  others: readonly Expected[],
  authorities: readonly KnownHost[],
): NetbootError {
  const { name, files } = question;
  const file = writable(files);
  return new NetbootError(
    "HOST_KEY_UNKNOWN",
    [
      `${name}: its host key is unknown, and none is accepted on sight`,
      `  it showed ${describeKey(shown)}`,
      files.length === 0
        ? "  no known_hosts file is in use, and hostKey is not given"
        : `  looked for ${lookedUp} in ${files.join(", ")}`,
      ...others.map(({ key, place }) => `  known is ${describeKey(key)} (${place}), which it did not show`),
      ...authorities.map(
        ({ place }) => `  ${place} trusts a certificate authority; host certificates are not supported`,
      ),
      ...howToCompare(question, shown),
      ...(file === undefined
        ? ["  if they are the same, give as hostKey (of a command: --host-key)", `    ${renderPublicKey(shown)}`]
        : [
            `  if they are the same, give it as hostKey (of a command: --host-key), or add to ${file} the line`,
            `    ${lookedUp} ${renderPublicKey(shown)}`,
          ]),
    ].join("\n"),
  );
}

/** The known_hosts file to which a line can be added; who has none by choice (`/dev/null`, `none`) gives hostKey. */
function writable([first]: readonly string[]): string | undefined {
  return first === undefined || /^\/dev\//.test(first) ? undefined : first;
}

/** Where the right key is seen without trusting the network. */
function howToCompare({ name, host, port }: HostKeyQuestion, shown: PublicKey): readonly string[] {
  const scan = ["ssh-keyscan", "-t", shortType(shown), ...(port === 22 ? [] : ["-p", String(port)]), host].join(" ");
  return [
    `  compare that fingerprint with the right one, which the console of ${name} shows by`,
    `    $ ssh-keygen -lf ${keyFile(shown)}.pub`,
    `  or, from a network that you trust, "${scan} | ssh-keygen -lf -"`,
  ];
}

function shortType(key: PublicKey): string {
  if (key.type.startsWith("ecdsa")) return "ecdsa";
  return key.type === "ssh-rsa" ? "rsa" : "ed25519";
}

function keyFile(key: PublicKey): string {
  return `/etc/ssh/ssh_host_${shortType(key)}_key`;
}
