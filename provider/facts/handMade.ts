import { dhcpLanguages } from "../formats/dhcpLanguage";
import type { FoundDhcp } from "../formats/foundDhcp";
import { readDhcpd } from "../formats/isc/readDhcpd";
import type { ServedBy } from "../formats/isc/servedBy";
import { readKea } from "../formats/kea/readKea";
import { dhcpdConf, dhcpdUnit, keaConf, keaUnit, tftpdDefaults, tftpdUnit } from "../os/paths";
import { bootChain, bootChainFile } from "../values/bootChain";
import { type Links, links } from "./links";
import type { Answers, Question } from "./question";
import { type Service, servers } from "./servers";
import { unitFacts } from "./units";

// A node 0 that somebody set up by hand is asked in rounds: what DHCP and TFTP are told, then what their files include, then
// the files that machines are sent to.

const dhcpdDefaults = "/etc/default/isc-dhcp-server";
const mostBytes = 4_000_000;

const units = unitFacts([dhcpdUnit, keaUnit], "handMade.units");

/** A file that machines could fetch. */
export interface TftpFile {
  readonly name: string;
  readonly sha256: string;
  /** Where a package that is installed has the very same. */
  readonly packaged?: string;
}

/** Somebody else on node 0 who serves what we would. */
export interface OtherServerOnHost {
  readonly service: Service;
  /** Its unit, or the program where it has none. */
  readonly who: string;
  readonly isUnit: boolean;
}

/** A node 0 as somebody set it up by hand. */
export interface HandMade {
  readonly links: Links;
  readonly dhcp: FoundDhcp & {
    readonly server: "isc" | "kea";
    readonly file: string;
    /** What the main file serves beyond a network. */
    readonly serves: ServedBy;
    /** The interfaces that it is told to serve. */
    readonly interfaces: readonly string[];
  };
  readonly tftp: {
    readonly directory: string;
    readonly options: readonly string[];
    /** All that lies in the folder, by name. */
    readonly names: readonly string[];
    /** Those of them that were asked for. */
    readonly files: ReadonlyMap<string, TftpFile>;
  };
  readonly others: readonly OtherServerOnHost[];
}

/** What is asked first. */
export const handMadeQuestions: Readonly<Record<string, Question>> = {
  ...links.questions,
  ...servers.questions,
  ...units.questions,
  [fileKey(dhcpdConf)]: { ask: "path", path: dhcpdConf, bytes: mostBytes },
  [fileKey(keaConf)]: { ask: "path", path: keaConf, bytes: mostBytes },
  [fileKey(dhcpdDefaults)]: { ask: "path", path: dhcpdDefaults, bytes: 65_536 },
  [fileKey(tftpdDefaults)]: { ask: "path", path: tftpdDefaults, bytes: 65_536 },
};

function fileKey(path: string): string {
  return `handMade ${path}`;
}

function contentOf(answers: Answers, path: string): string | undefined {
  return answers.path(fileKey(path))?.content;
}

/** What is asked then, by what is known so far; nothing when all is known. */
export function nextQuestions(answers: Answers): Readonly<Record<string, Question>> | undefined {
  const missing = dhcpOf(answers).missing.filter((path) => answers.path(fileKey(path)) === undefined);
  if (missing.length > 0) {
    return Object.fromEntries(missing.map((path) => [fileKey(path), { ask: "path", path, bytes: mostBytes }] as const));
  }
  if (answers.folder(folderKey) !== undefined) return undefined;
  const { directory } = tftpSettings(answers);
  const names = [...new Set([...Object.keys(bootChain), ...filesTold(dhcpOf(answers)), "autoexec.ipxe"])];
  const packaged = Object.keys(bootChain).flatMap((name) => bootChainFile(name)?.members ?? []);
  return {
    [folderKey]: { ask: "folder", path: directory },
    // By a program, because a file may be a link, which a look at a path does not follow.
    [sumsKey]: { ask: "run", argv: ["sha256sum", "--", ...names.map((name) => `${directory}/${name}`), ...packaged] },
  };
}

const folderKey = "handMade.folder";
const sumsKey = "handMade.sums";

/** The names, below the folder that TFTP serves, of all files that DHCP tells of. */
function filesTold({ networks, hosts }: FoundDhcp): readonly string[] {
  return [...networks, ...hosts]
    .flatMap(({ files }) => Object.values(files))
    .filter((file) => !/^\w+:\/\//.test(file))
    .map(nameInFolder);
}

/** A file's name as in.tftpd takes it with --secure: below its folder, with a slash before it or without. */
export function nameInFolder(file: string): string {
  return file.replace(/^\/+/, "");
}

/** Reads the answers, when nothing more is to be asked. */
export function readHandMade(answers: Answers): HandMade {
  const known = units.read(answers);
  const { holders, configured, idle } = servers.read(answers);
  const ours = new Set([dhcpdUnit, tftpdUnit]);
  const others: OtherServerOnHost[] = [
    ...holders.flatMap(({ port, unit, program }) => {
      const service = serviceOfPort[port];
      return service === undefined ? [] : [{ service, who: unit ?? program, isUnit: unit !== undefined }];
    }),
    ...configured.map(({ unit, service }) => ({ service, who: unit, isUnit: true })),
    ...idle.map(({ unit, service }) => ({ service, who: unit, isUnit: true })),
    ...(isInUse(known.get(keaUnit)) ? [{ service: "dhcp" as const, who: keaUnit, isUnit: true }] : []),
  ].filter(({ who }) => !ours.has(who));
  const settings = tftpSettings(answers);
  const found = dhcpOf(answers);
  return {
    links: links.read(answers),
    dhcp: {
      ...found,
      server: found.server,
      serves: dhcpLanguages[found.server].parseServedBy(contentOf(answers, found.file) ?? ""),
      interfaces: (setting(contentOf(answers, dhcpdDefaults), "INTERFACESv4") ?? "")
        .split(/\s+/)
        .filter((name) => name !== ""),
    },
    tftp: {
      ...settings,
      names: (answers.folder(folderKey) ?? []).map(({ path }) => path.slice(settings.directory.length + 1)),
      files: filesIn(settings.directory, answers.ran(sumsKey)?.said ?? ""),
    },
    others: [...new Map(others.map((other) => [`${other.service} ${other.who}`, other])).values()],
  };
}

const serviceOfPort: Readonly<Record<number, Service>> = { 67: "dhcp", 69: "tftp", 123: "time", 53: "names" };

function isInUse(unit: { readonly activeState: string; readonly wantedBy: readonly string[] } | undefined): boolean {
  return unit !== undefined && (unit.activeState === "active" || unit.wantedBy.length > 0);
}

/** The server that serves; of two that do not, whichever has a file. */
function dhcpOf(answers: Answers): FoundDhcp & { readonly server: "isc" | "kea"; readonly file: string } {
  const known = units.read(answers);
  const custom = setting(contentOf(answers, dhcpdDefaults), "DHCPDv4_CONF");
  const file = custom ?? dhcpdConf;
  const hasIsc = contentOf(answers, file) !== undefined || custom !== undefined;
  const hasKea = contentOf(answers, keaConf) !== undefined;
  const isKea = hasKea && (!hasIsc || (isInUse(known.get(keaUnit)) && !isInUse(known.get(dhcpdUnit))));
  const path = isKea ? keaConf : file;
  const files = new Map(filesAsked(answers, path, isKea));
  return isKea
    ? { server: "kea", file: keaConf, ...readKea(keaConf, files) }
    : { server: "isc", file, ...readDhcpd(file, files) };
}

/** The file and all that it includes, as far as that was asked. */
function filesAsked(answers: Answers, path: string, isKea: boolean): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  let wanted: readonly string[] = [path];
  while (wanted.length > 0) {
    const found = wanted.flatMap((name) => {
      const content = contentOf(answers, name);
      return content === undefined ? [] : [[name, content] as const];
    });
    if (found.length === 0) break;
    for (const [name, content] of found) files.set(name, content);
    wanted = (isKea ? readKea(path, files) : readDhcpd(path, files)).missing;
  }
  return files;
}

function tftpSettings(answers: Answers): { readonly directory: string; readonly options: readonly string[] } {
  const defaults = contentOf(answers, tftpdDefaults);
  const directory = (setting(defaults, "TFTP_DIRECTORY") ?? "/srv/tftp").replace(/(?<=.)\/+$/, "");
  return { directory, options: (setting(defaults, "TFTP_OPTIONS") ?? "").split(/\s+/).filter((word) => word !== "") };
}

/** A value of a file that a shell reads. */
function setting(text: string | undefined, name: string): string | undefined {
  const found = [
    ...(text ?? "").matchAll(new RegExp(`^[ \\t]*(?:export )?${name}=(?:"([^"]*)"|'([^']*)'|(\\S*))`, "gm")),
  ].at(-1);
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value === "" ? undefined : value;
}

/** What sha256sum(1) says of files that are there. */
function filesIn(directory: string, said: string): ReadonlyMap<string, TftpFile> {
  const sums = new Map(
    [...said.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(([, sum = "", path = ""]) => [path, sum] as const),
  );
  const files = [...sums].filter(([path]) => path.startsWith(`${directory}/`));
  return new Map(
    files.map(([path, sha256]) => {
      const name = path.slice(directory.length + 1);
      const packaged = (bootChainFile(name)?.members ?? []).find((member) => sums.get(member) === sha256);
      return [name, { name, sha256, ...(packaged === undefined ? {} : { packaged }) }] as const;
    }),
  );
}
