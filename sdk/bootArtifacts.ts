import { type BootScript, parseBootScript, renderBootScript } from "../provider/formats/ipxe/bootScript";
import { parseRefindConf, type RefindConf, renderRefindConf } from "../provider/formats/refind/refindConf";
import { type BootChainName, bootScriptName } from "../provider/values/bootChain";
import { type Checked, within } from "../provider/values/problem";
import { BootFile, type BootFileSource, packageOf, type RefusedSource } from "./bootFile";
import type { ConnectionArgs } from "./connection";
import { warnOfIdleOptions } from "./program/componentOptions";
import { rememberFiles } from "./program/declaredFiles";
import { given } from "./program/given";
import type { PartOptions } from "./program/hostResource";
import { whenKnown } from "./program/partly";
import { isPlain } from "./program/plain";
import * as pulumi from "./program/pulumi";

/** What can be said of the files that TFTP serves. */
export interface BootArtifactsSettings {
  /**
   * The folder that TFTP serves, also in a NetbootServer. It moves in one run, with the files in it, and without `extra`
   * files in that run: the script comes after them. @defaultValue "/srv/tftp"
   */
  readonly directory?: string;
  /** iPXE with drivers of its own, for 64-bit UEFI. @defaultValue "package" */
  readonly ipxe?: BootFileSource;
  /** iPXE on the firmware's network driver. @defaultValue "package" */
  readonly snponly?: BootFileSource;
  /** rEFInd, which looks for the local disk's loader. @defaultValue "package" */
  readonly refind?: BootFileSource;
  /** iPXE for 32-bit UEFI. Debian packages none, so it is a file of yours; without it 32-bit machines are not served. */
  readonly ipxe32?: Extract<BootFileSource, { readonly file: unknown }>;
  /** Settings of refind.conf, or its whole text. */
  readonly refindConf?: pulumi.Input<RefindConf>;
  /** Settings of refind.pxe, or its whole text. */
  readonly bootScript?: pulumi.Input<BootScript>;
  /** Other files, by the name under which TFTP serves them. */
  readonly extra?: Readonly<Record<string, BootFileSource>>;
}

/** The arguments of {@link BootArtifacts}. */
export interface BootArtifactsArgs extends BootArtifactsSettings {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
}

/** A file as it is served. */
export interface ServedFile {
  /** In 64 hexadecimal digits. */
  readonly sha256: string;
  /** Its size. */
  readonly bytes: number;
}

/**
 * The files of the boot chain, each a {@link BootFile} of its own, so that one that changes changes only its own hash.
 *
 * @remarks
 * On the host, in the TFTP directory: `ipxe.efi`, `snponly.efi`, `refind_x64.efi`, `refind.conf`, `refind.pxe`, and
 * `ipxe32.efi` where it is given. The binaries come out of Debian's packages `ipxe` and `refind` without installing
 * them, because those would change the boot loader of node 0 itself.
 *
 * @example The distribution's files, and three seconds in rEFInd's menu
 * ```ts
 * new netboot.BootArtifacts("artifacts", { connection, refindConf: { timeoutSeconds: 3 } });
 * ```
 */
export class BootArtifacts extends pulumi.ComponentResource {
  /** Name → hash and size of each file. */
  readonly files: pulumi.Output<Readonly<Record<string, ServedFile>>>;
  /** The directory that a TFTP server must serve. */
  readonly directory: string;
  /** Whether 32-bit UEFI is served. */
  readonly hasIa32: boolean;
  /** @internal */
  readonly parts: readonly BootFile[];

  constructor(name: string, args: BootArtifactsArgs, opts?: pulumi.ComponentResourceOptions) {
    const { writtenAs = (path) => path, ...registered } = (opts ?? {}) as PartOptions;
    super("netboot:index:BootArtifacts", name, {}, registered);
    warnOfIdleOptions(this, opts);
    const { connection, ...settings } = given(args);
    this.directory = settings.directory ?? "/srv/tftp";
    this.hasIa32 = settings.ipxe32 !== undefined;
    const extra: BootFile[] = [];
    const files = sourcesOf(settings).map(([fileName, source, property]) => {
      const own = {
        connection,
        directory: this.directory,
        fileName,
        source: source as BootFileSource,
        isOfChain: true,
      };
      // A script that fetches a new file comes after it.
      const dependsOn = fileName === bootScriptName ? [...extra] : [];
      const part: PartOptions = { parent: this, dependsOn, writtenAs: (path) => writtenAs(asGiven(property, path)) };
      const file = new BootFile(`${name}-${fileName}`, own, part);
      if (Object.hasOwn(given(settings.extra ?? {}), fileName)) extra.push(file);
      return [fileName, file] as const;
    });
    this.parts = files.map(([, file]) => file);
    // As a whole it is known when each is; who asks for one of them hears of it before.
    this.files = pulumi.output(
      Object.fromEntries(files.map(([fileName, { sha256, bytes }]) => [fileName, { sha256, bytes }])),
    );
    rememberFiles(connection, this.files);
    this.registerOutputs({ files: this.files });
  }
}

/**
 * The packages out of which files will be taken, and how many of each.
 *
 * @internal
 */
export function packagesTaken(args: BootArtifactsSettings): Readonly<Record<string, number>> {
  const taken: Record<string, number> = {};
  for (const [fileName, source] of sourcesOf(args)) {
    const name = packageOf(fileName, source);
    if (name !== undefined) taken[name] = (taken[name] ?? 0) + 1;
  }
  return taken;
}

/** A file, its source, and the argument that says it. */
type Sourced<Name> = readonly [Name, pulumi.Input<BootFileSource | RefusedSource>, string];

/** Every file with its source. What is wrong with a text shows at the file that would hold it. */
function sourcesOf(args: BootArtifactsSettings): readonly Sourced<string>[] {
  const ofChain: readonly Sourced<BootChainName>[] = [
    ["ipxe.efi", args.ipxe ?? "package", "ipxe"],
    ["snponly.efi", args.snponly ?? "package", "snponly"],
    ["refind_x64.efi", args.refind ?? "package", "refind"],
    ["refind.conf", sourceOf("refindConf", args.refindConf, parseRefindConf, renderRefindConf), "refindConf"],
    [bootScriptName, sourceOf("bootScript", args.bootScript, parseBootScript, renderBootScript), "bootScript"],
    ...(args.ipxe32 === undefined ? [] : [["ipxe32.efi", args.ipxe32, "ipxe32"] as const]),
  ];
  const extra = Object.entries(given(args.extra ?? {})).map(
    ([fileName, source]): Sourced<string> => [fileName, source, `extra[${JSON.stringify(fileName)}]`],
  );
  return [...extra, ...ofChain];
}

/** An argument of a file, as those of all files have it. */
function asGiven(property: string, path: string): string {
  const rendered = property === "refindConf" || property === "bootScript";
  return path.replace(rendered ? /^source(\.content)?/ : /^(source|fileName)/, property);
}

function sourceOf<T>(
  property: string,
  settings: unknown,
  parse: (settings: unknown) => Checked<T>,
  render: (value: T) => string,
): pulumi.Input<BootFileSource | RefusedSource> {
  return whenKnown(isPlain(settings) ? settings : pulumi.output(settings), (settled) => {
    const { value, problems } = parse(settled);
    return value === undefined ? { refused: within(property, problems) } : { content: render(value) };
  });
}
