import { readFile } from "node:fs/promises";
import { sha256Of } from "../provider/digest";
import { whyNotBootable } from "../provider/formats/bootFormat";
import type { BootFileInputs } from "../provider/kinds/bootFile";
import { bootChainFile, packagedNames } from "../provider/values/bootChain";
import { bad, type Checked, good, guess, type Problem, quoted, within } from "../provider/values/problem";
import { type ConnectionArgs, connectionInput } from "./connection";
import { given, isObject } from "./program/given";
import { HostResource } from "./program/hostResource";
import { previewChain } from "./program/nextBootPreview";
import * as pulumi from "./program/pulumi";

/** Where a boot file's bytes come from. */
export type BootFileSource =
  /** The distribution's package, or the one that is named: the file is taken out of it, and it is not installed. */
  | "package"
  | { readonly package: string; readonly version?: string }
  /** A local file: a path, or a Pulumi asset. With `sha256` it must be exactly that file. */
  | { readonly file: string | pulumi.asset.Asset; readonly sha256?: string }
  /** The text itself. */
  | { readonly content: string };

/**
 * A text that could not be rendered, and why.
 *
 * @internal
 */
export interface RefusedSource {
  /** What is wrong with the text. */
  readonly refused: readonly Problem[];
}

/** The arguments of a {@link BootFile}. */
export interface BootFileArgs {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** @defaultValue "/srv/tftp" */
  readonly directory?: pulumi.Input<string>;
  /** The name under which TFTP serves it. @defaultValue the resource's name */
  readonly fileName?: pulumi.Input<string>;
  /** Where its bytes come from. */
  readonly source: pulumi.Input<BootFileSource>;
  /**
   * Of the boot chain, so that it must be what its name says.
   *
   * @internal
   */
  readonly isOfChain?: boolean;
}

/**
 * The package, as `name` or `name=version`, out of which a file would be taken; undefined if it comes from elsewhere.
 *
 * @internal
 */
export function packageOf(name: string, source: unknown): string | undefined {
  if (source === "package") return bootChainFile(name)?.package;
  if (typeof source !== "object" || source === null || !("package" in source)) return undefined;
  const { package: asked, version } = source as { readonly package: unknown; readonly version?: unknown };
  if (typeof asked !== "string") return undefined;
  return typeof version === "string" ? `${asked}=${version}` : asked;
}

interface Resolved extends BootFileInputs {
  /** Known in the program, except for a file that is still in its package. */
  readonly knownBytes?: number;
}

/**
 * One file that TFTP serves.
 *
 * @remarks
 * On the host: `<directory>/<name>`, owned by root, mode 0644, in place at once or not at all; where a {@link TftpServer}
 * serves that directory, the file is fetched by TFTP and compared before the change stands. A `"package"` file is taken
 * once and changes only when its input does, or when somebody replaced it. Deleting the resource removes the file, or
 * puts back what was there before.
 *
 * @example A diagnosis tool beside the boot chain
 * ```ts
 * new netboot.BootFile("memtest.efi", { connection, source: { file: "./memtest.efi" } });
 * ```
 */
export class BootFile extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:BootFile";

  /** The sha256 of what is served, in 64 hexadecimal digits. */
  declare readonly sha256: pulumi.Output<string>;
  /** Its size. */
  declare readonly bytes: pulumi.Output<number>;

  constructor(name: string, args: BootFileArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, ...values } = given(args);
    const resolved = pulumi.output(values).apply((settled) => resolve(name, settled as Parameters<typeof resolve>[1]));
    super(
      "BootFile",
      name,
      {
        connection: connectionInput(connection),
        args: values,
        inputs: resolved,
        once: resolved.apply(({ value }) => (value === undefined ? "" : `${value.directory}/${value.name}`)),
      },
      pulumi.mergeOptions(previewChain(), opts) as pulumi.CustomResourceOptions,
    );
    // By what the engine says of the resource, not by the arguments: a run that --target or --exclude keeps from it serves
    // what was there before.
    const { content } = this as unknown as { readonly content: pulumi.Output<string | undefined> };
    const { sha256, bytes } = this;
    this.sha256 = resolved.apply(({ value }) => {
      // A mistake that such a run does not meet leaves it at what the engine has, of whatever source.
      if (value !== undefined && value.content === undefined) return sha256;
      return content.apply((text) => (text === undefined ? sha256 : pulumi.output(sha256Of(Buffer.from(text)))));
    });
    this.bytes = resolved.apply(({ value }) => pulumi.output<number>(value?.knownBytes ?? bytes));
  }
}

async function resolve(
  resourceName: string,
  args: {
    readonly directory?: string;
    readonly fileName?: string;
    readonly isOfChain?: boolean;
    readonly source: BootFileSource | RefusedSource;
  },
): Promise<Checked<Resolved>> {
  const { directory = "/srv/tftp", fileName: name = resourceName, source, isOfChain: isAsked, ...others } = args;
  if (isObject(source) && "refused" in source) return bad(...(source as RefusedSource).refused);
  const unknown = Object.entries(others).filter(([, value]) => value !== undefined);
  const problems: Problem[] = unknown.map(([key]) => ({
    path: key,
    message: `there is no such property; ${guess(key, ["connection", "directory", "fileName", "source"])}`,
  }));
  problems.push(...whyNoSource(source));
  if (
    typeof directory !== "string" ||
    !/^\/[A-Za-z0-9._/-]{0,253}[A-Za-z0-9._-]$/.test(directory) ||
    directory.split("/").includes("..")
  ) {
    problems.push({
      path: "directory",
      message: `${quoted(directory)} is no absolute folder; write it as in "/srv/tftp"`,
    });
  }
  if (typeof name !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    problems.push({
      path: "fileName",
      message: `${quoted(name)} is no name that TFTP clients ask for; use letters, digits, ".", "_", "-", as in "ipxe.efi"`,
    });
  }
  if (problems.length > 0) return bad(...problems);
  // Elsewhere a name may mean something else, as for machines that a DHCP server of the user's sends there.
  const isOfChain = isAsked === true || directory === "/srv/tftp";
  const place = { directory, name };
  if (source === "package" || (typeof source === "object" && "package" in source)) {
    const asked = source === "package" ? { package: bootChainFile(name)?.package } : source;
    if (asked.package !== undefined) {
      const wrong = whyNoPackage(asked);
      return wrong.length > 0 ? bad(...wrong) : good({ ...place, ...asked } as Resolved);
    }
    const known = packagedNames().join(", ");
    return bad({
      path: "source",
      message: `"package" is known for ${known}; name the package of ${name}: { package: "…" }, or give { file: "…" }`,
    });
  }
  if (typeof source === "object" && "content" in source) {
    const bytes = Buffer.from(source.content, "utf8");
    const wrong = isOfChain ? whyNotBootable(name, bytes) : [];
    if (wrong.length > 0) return bad(...within("source.content", wrong));
    return good({ ...place, content: source.content, knownBytes: bytes.length });
  }
  return resolveFile(place, source as Extract<BootFileSource, { readonly file: unknown }>, isOfChain);
}

const sourceExample = '"package", { file: "./memtest.efi" } or { content: "…" }';

/** What is wrong with the shape of a source. */
function whyNoSource(source: unknown): readonly Problem[] {
  if (source === "package") return [];
  if (source === undefined) return [{ path: "source", message: `is required; write ${sourceExample}` }];
  const words = ["package", "file", "content"];
  const kind = isObject(source) ? words.find((word) => source[word] !== undefined) : undefined;
  if (!isObject(source) || kind === undefined) {
    return [{ path: "source", message: `${quoted(source)} does not say where the bytes are; write ${sourceExample}` }];
  }
  const { content, file, sha256 } = source;
  if (kind === "content" && typeof content !== "string") {
    return [{ path: "source.content", message: `${quoted(content)} is no text` }];
  }
  if (kind === "file" && typeof file !== "string" && !pulumi.asset.Asset.isInstance(file)) {
    return [{ path: "source.file", message: `${quoted(file)} is neither a path nor an asset of Pulumi's` }];
  }
  if (sha256 !== undefined && (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256))) {
    return [{ path: "source.sha256", message: `${quoted(sha256)} is no sha256; write its 64 hexadecimal digits` }];
  }
  return [];
}

/** What is wrong with a package's name and version, by Debian's policy (5.6.1, 5.6.12): they become a word of apt-get's command line. */
function whyNoPackage(asked: { readonly package?: unknown; readonly version?: unknown }): readonly Problem[] {
  const { package: name, version = "1" } = asked;
  const problems: Problem[] = [];
  if (!/^[a-z0-9][a-z0-9+.-]+$/.test(String(name))) {
    problems.push({ path: "source.package", message: `${quoted(name)} is no package's name; write it as in "ipxe"` });
  }
  if (!/^[0-9A-Za-z][0-9A-Za-z.+:~-]*$/.test(String(version))) {
    problems.push({ path: "source.version", message: `${quoted(version)} is no version; write it as in "0.13.2-1"` });
  }
  return problems;
}

async function resolveFile(
  place: { readonly directory: string; readonly name: string },
  source: { readonly file: string | pulumi.asset.Asset; readonly sha256?: string },
  isOfChain: boolean,
): Promise<Checked<Resolved>> {
  const { file, sha256: pin } = source;
  // Of an asset in its arguments, Pulumi makes an object with the same fields.
  const asset = Object(file) as { readonly text?: string; readonly uri?: string; readonly path?: string };
  if (asset.text !== undefined) {
    const { directory, name } = place;
    return resolve(name, { directory, fileName: name, isOfChain, source: { content: asset.text } });
  }
  if (asset.uri !== undefined) {
    const message = 'a remote asset is not fetched for you; download it, and give { file: "path", sha256: "…" }';
    return bad({ path: "source.file", message });
  }
  const path = asset.path === undefined ? String(file) : asset.path;
  try {
    const bytes = await readFile(path);
    const sha256 = sha256Of(bytes);
    if (pin !== undefined && pin.toLowerCase() !== sha256) {
      const message = `${quoted(path)} has the sha256 ${sha256}, not ${pin}; get the right file, or correct the pin`;
      return bad({ path: "source.sha256", message });
    }
    const wrong = isOfChain ? whyNotBootable(place.name, bytes) : [];
    if (wrong.length > 0)
      return bad(...wrong.map(({ message }) => ({ path: "source.file", message: `${quoted(path)}: ${message}` })));
    return good({ ...place, file: path, sha256, knownBytes: bytes.length });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return bad({ path: "source.file", message: `${quoted(path)} can't be read: ${reason}` });
  }
}
