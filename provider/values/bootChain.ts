/** A file of the boot chain: what of it is known before anybody has its bytes. */
export interface BootChainFile {
  /** What a machine does with it: firmware starts a loader, which runs the script, which starts rEFInd, which reads its configuration. */
  readonly role: "loader" | "script" | "refind" | "refindConf";
  /** Of programs: the firmware that can run them. */
  readonly firmware?: "x64" | "ia32";
  readonly format: "pe" | "script" | "refind.conf";
  /** The package of Debian's in which it is. */
  readonly package?: string;
  /** Its paths inside that package, newest layout first (bullseye and bookworm, then trixie). */
  readonly members?: readonly string[];
}

/** The boot chain, by the names under which firmware, iPXE and rEFInd ask for its files. */
export const bootChain = {
  "ipxe.efi": {
    role: "loader",
    firmware: "x64",
    format: "pe",
    package: "ipxe",
    members: ["/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/lib/ipxe/ipxe-amd64.efi"],
  },
  "snponly.efi": {
    role: "loader",
    firmware: "x64",
    format: "pe",
    package: "ipxe",
    members: ["/usr/lib/ipxe/snponly.efi"],
  },
  "ipxe32.efi": { role: "loader", firmware: "ia32", format: "pe" },
  "refind.pxe": { role: "script", format: "script" },
  "refind_x64.efi": {
    role: "refind",
    firmware: "x64",
    format: "pe",
    package: "refind",
    members: ["/usr/share/refind/refind/refind_x64.efi"],
  },
  "refind_ia32.efi": { role: "refind", firmware: "ia32", format: "pe" },
  "refind.conf": { role: "refindConf", format: "refind.conf" },
} as const;

/**
 * What UEFI firmware there is: what it says of itself in DHCP's option 93 (RFC 4578; IANA's "Processor Architecture
 * Types"), as which of them the proof asks, the machine type of the programs that it runs (PE/COFF, "Machine Types"), and
 * what it starts unless something else is said.
 */
export const firmwares = {
  x64: { architectures: [7, 9], askedAs: 7, peMachine: 0x8664, loader: "ipxe.efi" },
  ia32: { architectures: [6], askedAs: 6, peMachine: 0x14c, loader: "ipxe32.efi" },
} as const;

/** What iPXE is told to run. */
export const bootScriptName: FileInRole<"script"> = "refind.pxe";

/** What newer iPXE runs from beside itself, before the script that it is told. */
export const autoexecName = "autoexec.ipxe";

type Files = typeof bootChain;

/** The names of the files that have such a role, for such a firmware. */
export type FileInRole<Role extends BootChainFile["role"], For = unknown> = {
  [Name in keyof Files]: Files[Name] extends { readonly role: Role }
    ? For extends string
      ? Files[Name] extends { readonly firmware: For }
        ? Name
        : never
      : Name
    : never;
}[keyof Files];

/** The name of a file of the boot chain. */
export type BootChainName = keyof Files;

/** The firmware of a machine: 64-bit UEFI (option 93 says 7 or 9), or 32-bit UEFI (6). */
export type Firmware = keyof typeof firmwares;

/** The iPXE binaries that such a firmware can start. */
export type LoaderFor<F extends Firmware> = FileInRole<"loader", F>;

/** The iPXE binary that a 64-bit machine starts with: with iPXE's own drivers, or with the firmware's. */
export type Loader = LoaderFor<"x64">;

/** The script that iPXE runs. */
export type BootScriptName = FileInRole<"script">;

/** What is known of a file by its name; undefined for names that are not of the chain. */
export function bootChainFile(name: string): BootChainFile | undefined {
  return Object.hasOwn(bootChain, name) ? bootChain[name as BootChainName] : undefined;
}

/** The loaders for a firmware, the usual one first. */
export function loadersFor<F extends Firmware>(firmware: F): readonly LoaderFor<F>[] {
  const names = Object.keys(bootChain) as BootChainName[];
  return names.filter((name) => {
    const file: BootChainFile = bootChain[name];
    return file.role === "loader" && file.firmware === firmware;
  }) as LoaderFor<F>[];
}

/** The files of the chain that a package of Debian's has. */
export function packagedNames(): readonly string[] {
  return Object.keys(bootChain).filter((name) => bootChainFile(name)?.package !== undefined);
}
