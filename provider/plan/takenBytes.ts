import { packagesFact } from "../facts/packages";
import type { HostAnswers, Question } from "../facts/question";
import type { Take } from "./packages";

// What a file out of a package will hold is known before the package is fetched where that very version of it is installed,
// and nobody has changed its files.

/** What is asked of packages out of which files will be taken. Nothing is fetched. */
export function takenQuestions(takes: readonly Take[], options: readonly string[]): Readonly<Record<string, Question>> {
  const known = takes.filter(({ package: name, members }) => isName(name) && members.length > 0);
  return Object.fromEntries(
    [...Map.groupBy(known, (take) => take.package)].flatMap(([name, of]) => {
      const members = [...new Set(of.flatMap((take) => take.members))];
      return [
        [wouldFetchKey(name), { ask: "run", argv: ["apt-get", "-q", ...options, "--print-uris", "download", name] }],
        [alteredKey(name), { ask: "run", argv: ["dpkg", "--verify", nameOf(name)] }],
        // By a program, because a member may be a link, which a look at a path does not follow.
        [sumsKey(name), { ask: "run", argv: ["sha256sum", "--", ...members] }],
      ] as const;
    }),
  );
}

/** The hash of what will be taken; undefined where only the package itself tells it. */
export function takenSha256({ package: name, members }: Take, answers: HostAnswers): string | undefined {
  const [fetch, altered] = [answers.ran(wouldFetchKey(name)), answers.ran(alteredKey(name))];
  if (fetch?.status !== 0 || altered === undefined || isAltered(altered.said)) return undefined;
  const packages = packagesFact.read(answers);
  if (!packages.installed(nameOf(name)) || packages.version(nameOf(name)) !== versionIn(fetch.said)) return undefined;
  const sums = new Map(
    [...(answers.ran(sumsKey(name))?.said ?? "").matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(
      ([, sum = "", path = ""]) => [path, sum] as const,
    ),
  );
  return members.flatMap((member) => sums.get(member) ?? [])[0];
}

function wouldFetchKey(name: string): string {
  return `plan.wouldFetch ${name}`;
}

function alteredKey(name: string): string {
  return `plan.altered ${name}`;
}

function sumsKey(name: string): string {
  return `plan.sums ${name}`;
}

/** `refind`, or `refind=0.13.2-1`; a local file is none. */
function isName(wanted: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]+(=\S+)?$/.test(wanted);
}

function nameOf(wanted: string): string {
  return wanted.replace(/=.*/, "");
}

/** A file whose sum is another: `??5?????? /usr/lib/ipxe/snponly.efi`. One that is missing may be of documentation. */
function isAltered(said: string): boolean {
  return /^..5/m.test(said);
}

/** The version of what apt would fetch: `'http://…/refind_0.13.2-1%2bb1_amd64.deb' refind_0.13.2-1+b1_amd64.deb 3695792 SHA256:…`. */
function versionIn(said: string): string | undefined {
  const [, version] = /^'[^']+' [^\s_]+_([^\s_]+)_[^\s_]+\.deb /m.exec(said) ?? [];
  return version?.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number(`0x${hex}`)));
}
