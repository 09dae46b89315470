import { createHash } from "node:crypto";
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "./lock.mts";
import { run } from "./program.mts";
import { cacheFolder } from "./state.mts";

export type Firmware = "x64" | "ia32";

/** What the operating system on a machine's disk says when it is started. */
export function diskSpeech(machine: string): string {
  return `local disk system of ${machine} is up`;
}

/** Stands for the operating system: a boot loader where Debian's is, which says that it runs and then stays. */
const system = `
search --no-floppy --file /lab/machine.cfg --set=esp
source ($esp)/lab/machine.cfg
echo
echo "${diskSpeech("$machine")}"
while true; do sleep 3600; done
`;

/** Of GRUB, for the above. */
const modules = "part_gpt fat search search_fs_file normal configfile echo sleep true";

const loaders = {
  x64: { target: "x86_64-efi", fallback: "BOOTX64.EFI", debian: "grubx64.efi" },
  ia32: { target: "i386-efi", fallback: "BOOTIA32.EFI", debian: "grubia32.efi" },
} as const;

/** The offset of the EFI system partition: where partitioning programs put the first one. */
const offset = 1 << 20;
/** FAT16: UEFI refuses a FAT32 that is this small. */
const partitionBytes = 62 << 20;

/** Makes the local disk of a machine: one EFI system partition, on it the system, and the machine's name. */
export async function makeDisk(machine: string, firmware: Firmware, path: string): Promise<void> {
  copyFileSync(await systemDisk(firmware), path, constants.COPYFILE_FICLONE);
  await run(["mcopy", "-i", `${path}@@${offset}`, "-", "::/lab/machine.cfg"], { input: `set machine="${machine}"\n` });
}

/** The disk without a name on it, from the cache. */
async function systemDisk(firmware: Firmware): Promise<string> {
  const folder = join(cacheFolder(), "disks");
  mkdirSync(folder, { recursive: true });
  const loader = loaders[firmware];
  const version = createHash("sha256")
    .update(JSON.stringify([system, modules, loader, offset, partitionBytes]))
    .digest("hex");
  const path = join(folder, `${firmware}-${version.slice(0, 12)}.img`);
  await withLock(join(folder, `${firmware}.lock`), async () => {
    if (!existsSync(path)) await makeSystemDisk(firmware, path);
  });
  return path;
}

async function makeSystemDisk(firmware: Firmware, path: string): Promise<void> {
  const { target, fallback, debian } = loaders[firmware];
  const work = mkdtempSync(join(tmpdir(), "lab-disk-"));
  try {
    writeFileSync(join(work, "grub.cfg"), system);
    await run([
      "grub-mkstandalone",
      `--format=${target}`,
      `--output=${work}/loader.efi`,
      `--install-modules=${modules}`,
      `--modules=${modules}`,
      "--locales=",
      "--fonts=",
      "--themes=",
      `boot/grub/grub.cfg=${work}/grub.cfg`,
    ]);
    const image = join(work, "disk.img");
    writeFileSync(image, "");
    truncateSync(image, offset + partitionBytes + offset);
    await run(["sfdisk", "--quiet", image], {
      input: `label: gpt\nstart=${offset / 512}, size=${partitionBytes / 512}, type=uefi\n`,
    });
    const file = join(work, "esp.img");
    writeFileSync(file, "");
    truncateSync(file, partitionBytes);
    await run(["mkfs.fat", "-F", "16", "-n", "ESP", file]);
    await run(["mmd", "-i", file, "::/EFI", "::/EFI/BOOT", "::/EFI/debian", "::/lab"]);
    for (const copy of [`BOOT/${fallback}`, `debian/${debian}`]) {
      await run(["mcopy", "-i", file, join(work, "loader.efi"), `::/EFI/${copy}`]);
    }
    await run([
      "dd",
      `if=${file}`,
      `of=${image}`,
      "bs=1M",
      `seek=${offset >> 20}`,
      "conv=notrunc,sparse",
      "status=none",
    ]);
    copyFileSync(image, `${path}.draft`);
    renameSync(`${path}.draft`, path);
  } finally {
    rmSync(work, { recursive: true });
  }
}
