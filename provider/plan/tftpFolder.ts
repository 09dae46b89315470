import { filesOfScript } from "../formats/ipxe/fetchedFiles";
import { neededFiles } from "../formats/ipxe/neededFiles";
import { machineOfProgram, machineOfProgramText } from "../formats/pe";
import { autoexecName, type Firmware } from "../values/bootChain";
import { upMends } from "../values/mending";

/** Something in the folder that TFTP serves. */
export interface InFolder {
  readonly type: "file" | "link" | "folder" | "other";
  /** As `chmod` writes it: `0644`. */
  readonly mode: string;
  /** Of a link. */
  readonly target?: string | undefined;
  /** Of a regular file, 64 hex digits; absent while nobody knows its bytes. */
  readonly sha256?: string | undefined;
  /**
   * Of a program the beginning, of a script all of it: bytes, or a text in which a byte that is no UTF-8 is one character.
   * What is absent is not judged.
   */
  readonly content?: string | Uint8Array | undefined;
}

/** What in.tftpd would serve. */
export interface TftpView {
  /** Node 0's address there. */
  readonly address: string;
  /** The folder: `/srv/tftp`. */
  readonly directory: string;
  /** All that it holds, by the paths below it: `ipxe.efi`, `debian/linux`. */
  readonly files: ReadonlyMap<string, InFolder>;
  /** The sha256 of the files that are declared, by their whole paths. */
  readonly declared: ReadonlyMap<string, string>;
}

/** What a machine needs a file for: its firmware runs it, or its iPXE as the script. */
export type FileUse = Firmware | `script of ${Firmware}`;

/** What is wrong with what a machine would be given, and by which file. */
export interface WrongFile {
  readonly text: string;
  /** The path of the file that is wrong; `undefined` if it is somebody else's. */
  readonly by: string | undefined;
  /** The file that names it: whichever of the two was changed. */
  readonly besides?: string;
}

/** What is wrong with the file that DHCP names, or with those that the script fetches after it. */
export function whyNotServed(view: TftpView, name: string, use: FileUse): WrongFile | undefined {
  const text = whyNoSuchFile(view, name, use);
  if (text !== undefined) return { text, by: `${view.directory}/${name}` };
  const firmware = firmwareOfScript(use);
  return firmware === undefined ? undefined : whyScriptFails(view, name, firmware);
}

function firmwareOfScript(use: FileUse): Firmware | undefined {
  return use === "x64" || use === "ia32" ? undefined : use === "script of x64" ? "x64" : "ia32";
}

/** Whether in.tftpd would give a file of this name to a machine. */
export function isInFolder(view: Pick<TftpView, "directory" | "files">, name: string): boolean {
  return typeof fileForTftp(view, name) !== "string";
}

function whyScriptFails(view: TftpView, script: string, firmware: Firmware): WrongFile | undefined {
  const text = textOf(fileForTftp(view, script));
  const intruder = whyNotAlone(view, script, filesOfScript(text, view.address));
  if (intruder !== undefined) return intruder;
  const host = { bootServer: view.address, firmware, has: (name: string) => isInFolder(view, name) };
  for (const name of neededFiles(text, host)) {
    const text = whyNoSuchFile(view, name, "any");
    if (text === undefined) continue;
    return {
      text: `${text}; ${script} fetches it`,
      by: `${view.directory}/${name}`,
      besides: `${view.directory}/${script}`,
    };
  }
  return undefined;
}

/** What is wrong with one file: nobody gets it, it is not what was declared, or of another kind. */
function whyNoSuchFile(view: TftpView, name: string, use: FileUse | "any"): string | undefined {
  const file = fileForTftp(view, name);
  if (typeof file === "string") return `${name} could not be fetched by TFTP from ${view.address}: ${file}`;
  const declared = view.declared.get(`${view.directory}/${name}`);
  if (declared !== undefined && file.sha256 !== undefined && file.sha256 !== declared) {
    return `TFTP served another ${name} than was declared (sha256 ${file.sha256}, not ${declared}); ${upMends("mends what somebody changed")}`;
  }
  if (use === "any" || file.content === undefined) return undefined;
  if (use.startsWith("script")) {
    return /^#!ipxe\s/.test(textOf(file)) ? undefined : `${name} is no script of iPXE: its first line is not "#!ipxe"`;
  }
  const machine =
    typeof file.content === "string" ? machineOfProgramText(file.content) : machineOfProgram(file.content);
  if (machine === undefined) return `${name} is no program of UEFI`;
  return machine === use ? undefined : `${name} is a program for ${machine}, and firmware of ${use} can't run it`;
}

/** A file of which nothing is known, so that nothing is said of it. */
const unknown: InFolder = { type: "file", mode: "0644" };

/** A file as in.tftpd would give it to a machine, a regular one inside the folder that everybody may read; or why not. */
function fileForTftp({ directory, files }: Pick<TftpView, "directory" | "files">, name: string): InFolder | string {
  let path = pathOf(name);
  for (let hop = 0; hop < 8; hop++) {
    const link = linkOn(files, path);
    if (link === undefined) break;
    if (/^\/|(?:^|\/)\.\.(?:\/|$)/.test(link.target)) return `it is a link out of ${directory}, to ${link.target}`;
    path = pathOf(`${link.path.replace(/[^/]*$/, "")}${link.target}${path.slice(link.path.length)}`);
  }
  const file = files.get(path);
  // What lies deeper is not listed; it is fetched after the swap.
  if (file === undefined && path.includes("/") && files.get(path.replace(/\/.*/, ""))?.type === "folder")
    return unknown;
  if (file === undefined && path !== "") return "File not found";
  if (file?.type !== "file") return "it is no regular file";
  const mode = Number.parseInt(file.mode, 8);
  if ((mode & 0o4) === 0) return `the user tftp may not read it (mode ${mode.toString(8).padStart(4, "0")})`;
  return file;
}

/** The first link on the way to a path. */
function linkOn(
  files: TftpView["files"],
  path: string,
): { readonly path: string; readonly target: string } | undefined {
  const names = path.split("/");
  for (let count = 1; count <= names.length; count++) {
    const begin = names.slice(0, count).join("/");
    const { type, target } = files.get(begin) ?? {};
    if (type === "link") return { path: begin, target: target ?? "" };
  }
  return undefined;
}

/** in.tftpd has made the folder its root: nothing leads above it. */
function pathOf(name: string): string {
  const path: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") path.pop();
    else if (part !== "" && part !== ".") path.push(part);
  }
  return path.join("/");
}

/**
 * What lies in the folder and would come in between: a script that iPXE runs before the one that it is told, and a name
 * that iPXE, whose own file system knows no case, takes for one of the chain's.
 */
function whyNotAlone(
  { directory, files, declared }: TftpView,
  script: string,
  fetched: readonly string[],
): WrongFile | undefined {
  const names = [script, ...fetched];
  const found = [...files.keys()].filter((name) => !name.includes("/") && !declared.has(`${directory}/${name}`));
  for (const name of found.toSorted()) {
    if (name === autoexecName) {
      const text = `${directory}/${name} is there, which newer iPXE runs before the script that DHCP names; take it away, or declare it as a BootFile`;
      return { text, by: undefined };
    }
    const same = names.find((each) => each !== name && each.toLowerCase() === name.toLowerCase());
    if (same === undefined) continue;
    const text = `${directory}/${name} is there beside ${same}, and iPXE knows no case; take it away`;
    // The script may be what named the other one just now.
    return { text, by: undefined, besides: `${directory}/${script}` };
  }
  return undefined;
}

function textOf(file: InFolder | string): string {
  if (typeof file === "string" || file.content === undefined) return "";
  return typeof file.content === "string" ? file.content : new TextDecoder().decode(file.content);
}
