import { bootChainFile } from "../values/bootChain";
import { type Kind, textsNow } from "./kind";
import type { Want } from "./want";

/** What the program hands over for one file of the TFTP root: a text, a local file with its hash, or a package. */
export interface BootFileInputs {
  readonly directory: string;
  readonly name: string;
  readonly content?: string;
  readonly file?: string;
  readonly sha256?: string;
  readonly package?: string;
  readonly version?: string;
}

/** A file that TFTP serves. The bytes of a local file are read by whoever calls, and found to be as declared. */
export const bootFile: Kind<BootFileInputs> = {
  inputKeys: ["directory", "name", "content", "file", "sha256", "package", "version"],
  outputKeys: ["sha256", "bytes"],
  notEchoed: [],
  tells: ({ file }) => (file === undefined ? ["sha256"] : []),
  wants: (inputs, localBytes) => [
    { want: "dir", path: inputs.directory, mode: "0755" },
    fileWant(inputs, `${inputs.directory}/${inputs.name}`, localBytes),
  ],
  localFile: ({ name, file, sha256 }) => (file === undefined ? undefined : { name, path: file, sha256 }),
  isPart: true,
  // The hash of a local file is an input; of others it is what node 0 tells.
  live: (inputs, drift) => ({
    ...textsNow(bootFile.wants(inputs), drift),
    ...(inputs.file !== undefined && { sha256: inputs.sha256 }),
  }),
};

function fileWant(inputs: BootFileInputs, path: string, localBytes: Uint8Array | undefined): Want {
  if (localBytes !== undefined) return { want: "file", path, mode: "0644", content: localBytes };
  const { name, content = "", version } = inputs;
  // Of a local file without its bytes a look knows the hash in the register, as of a file out of a package.
  const source = inputs.package ?? inputs.file;
  if (source === undefined) return { want: "file", path, mode: "0644", content, input: "content" };
  return {
    want: "take",
    path,
    mode: "0644",
    package: source,
    version,
    members: bootChainFile(name)?.members ?? [`/${name}`],
  };
}
