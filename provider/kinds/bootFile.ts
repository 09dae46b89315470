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

/** Where the distribution's packages have the files, newest layout first (bullseye and bookworm, then trixie). */
const members: Readonly<Record<string, readonly string[]>> = {
  "ipxe.efi": ["/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/lib/ipxe/ipxe-amd64.efi"],
  "snponly.efi": ["/usr/lib/ipxe/snponly.efi"],
  "refind_x64.efi": ["/usr/share/refind/refind/refind_x64.efi"],
};

/** A file that TFTP serves. The bytes of a local file are read by whoever calls, and found to be as declared. */
export function planBootFile(inputs: BootFileInputs, local: Uint8Array | undefined): readonly Want[] {
  const path = `${inputs.directory}/${inputs.name}`;
  const folder: Want = { want: "dir", path: inputs.directory, mode: "0755" };
  if (inputs.package !== undefined) {
    const { package: name, version } = inputs;
    return [
      folder,
      {
        want: "take",
        path,
        mode: "0644",
        package: name,
        version,
        members: members[inputs.name] ?? [`/${inputs.name}`],
      },
    ];
  }
  if (local !== undefined) return [folder, { want: "file", path, mode: "0644", content: local }];
  return [folder, { want: "file", path, mode: "0644", content: inputs.content ?? "", input: "content" }];
}
