import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runHelper } from "./cgroup.mts";
import { withLock } from "./lock.mts";
import { run } from "./program.mts";
import { cacheFolder, type Node0Kind } from "./state.mts";

export const releases = ["bookworm", "bullseye", "trixie"] as const;
export type Release = (typeof releases)[number];

/** What a Debian installed with the SSH server and nothing else has, beside its packages of priority "important". */
const packages = [
  "ca-certificates",
  "dbus",
  "ifupdown",
  "iproute2",
  "less",
  "libpam-systemd",
  "nano",
  "nftables",
  "openssh-server",
  "sudo",
  "systemd-sysv",
  "systemd-timesyncd",
];

/** What turns an installed Debian into node 0, in the words of a shell in it. */
const recipe = `
set -e
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/resolv.conf
useradd --create-home --shell /bin/bash --gid operator --groups sudo operator
printf 'operator ALL=(ALL:ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator
for home in /root /home/operator; do
  mkdir -p -m 0700 $home/.ssh
  : >$home/.ssh/authorized_keys
  chmod 0600 $home/.ssh/authorized_keys
done
chown -R operator:operator /home/operator/.ssh
`;

/**
 * What it takes besides.
 *
 * The drop-in for chrony is about the container: it may not set the clock, so chrony's unit would be skipped; with -x chronyd serves
 * the machine's time as it is. It lies where packages put such things, so that what is in /etc stays the user's alone.
 */
const recipes: Readonly<Record<Node0Kind, string>> = {
  container: `mkdir -p /usr/lib/systemd/system/chrony.service.d
cat >/usr/lib/systemd/system/chrony.service.d/lab.conf <<'END'
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -x $DAEMON_OPTS
END
`,
  machine: `echo '/dev/vda / ext4 errors=remount-ro 0 1' >/etc/fstab
printf '%s\\n' virtio_pci virtio_blk ext4 >>/etc/initramfs-tools/modules
echo MODULES=list >/etc/initramfs-tools/conf.d/lab
update-initramfs -u
`,
};

/** Of Debian's own, what only a machine needs. */
const packagesOf: Readonly<Record<Node0Kind, readonly string[]>> = {
  container: packages,
  machine: [...packages, "initramfs-tools", "linux-image-cloud-amd64", "udev"],
};

/** Older than this, the lists of packages name versions that the mirrors have dropped, and apt-get install fails. */
const freshForMs = 3 * 24 * 3600 * 1000;

/** Images of other recipes and drafts of makers that died stay so long: another clone of the repository may use them. */
const keptForMs = 7 * 24 * 3600 * 1000;

/** What df says on node 0. The file has holes: it takes what is written. */
const diskBytes = 8 * 2 ** 30;

/**
 * Hands out the image of a disk with a Debian of this release, for as long as `use` takes. The first time it is made by mmdebstrap and
 * kept in the cache; whoever else wants it meanwhile waits.
 *
 * @remarks
 * A file system of its own, not a tree of the machine's: to copy and remove that takes a tenth of a second. (Thousands of files that
 * are made soon after thousands were removed take ext4 ten seconds: it passes over inodes that have just become free.) And what
 * node 0 does to its disk it does to a real one: fsync, rename, hard links, all as ever.
 */
export async function withDisk<T>(
  release: Release,
  kind: Node0Kind,
  id: string,
  onProgress: (line: string) => void,
  use: (image: string) => Promise<T>,
): Promise<T> {
  const folder = join(cacheFolder(), "roots");
  mkdirSync(folder, { recursive: true });
  const parts = JSON.stringify([release, packagesOf[kind], recipe + recipes[kind], diskBytes]);
  const version = createHash("sha256").update(parts).digest("hex").slice(0, 12);
  const image = join(folder, `${release}-${version}.ext4`);
  return await withLock(join(folder, `${release}.lock`), async () => {
    if (!isFresh(image)) await makeImage(release, kind, id, image, onProgress);
    return await use(image);
  });
}

function isFresh(image: string): boolean {
  return existsSync(image) && Date.now() - statSync(image).mtimeMs < freshForMs;
}

async function makeImage(
  release: Release,
  kind: Node0Kind,
  id: string,
  image: string,
  onProgress: (line: string) => void,
): Promise<void> {
  onProgress(`making a Debian ${release} for node 0 (once; about half a minute)`);
  const folder = join(image, "..");
  const draft = mkdtempSync(join(folder, `.${release}-`));
  try {
    const tree = join(draft, "root");
    await mmdebstrap(release, kind, id, tree, onProgress);
    writeFileSync(join(draft, "image"), "");
    truncateSync(join(draft, "image"), diskBytes);
    await runHelper(id, ["mke2fs", "-q", "-t", "ext4", "-L", "node0", "-d", tree, join(draft, "image")]);
    for (const name of readdirSync(folder).filter((other) => other.includes(`${release}-`))) {
      const other = join(folder, name);
      if (other !== draft && Date.now() - statSync(other).mtimeMs > keptForMs) rmSync(other, { recursive: true });
    }
    renameSync(join(draft, "image"), image);
  } catch (cause) {
    if (!existsSync(image)) throw cause;
    onProgress(
      `the Debian ${release} in the cache is old but cannot be renewed, so it is used: ${(cause as Error).message}`,
    );
  } finally {
    rmSync(draft, { recursive: true });
  }
}

async function mmdebstrap(
  release: Release,
  kind: Node0Kind,
  id: string,
  target: string,
  onProgress: (line: string) => void,
): Promise<void> {
  // In namespaces of its own, which die with it: a killed maker leaves no mount and no process.
  const contained = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--propagation",
    "slave",
    "--mount-proc",
  ];
  const hook = `chroot "$1" /bin/sh -c ${shellQuote(recipe + recipes[kind])}`;
  const said: string[] = [];
  await runHelper(
    id,
    [
      ...contained,
      "mmdebstrap",
      "--mode=root",
      "--variant=important",
      "--skip=cleanup/apt",
      `--include=${packagesOf[kind].join(",")}`,
      `--customize-hook=${hook}`,
      release,
      target,
    ],
    {
      timeoutMs: 1_200_000,
      env: { ...process.env, ...(await proxyEnvironment()) },
      onLine: (line) => {
        said.push(line);
        if (/^I: (?!success)/.test(line)) onProgress(`  ${line.slice(3)}`);
      },
    },
  );
  rmSync(join(target, "var/cache/apt/archives"), { recursive: true, force: true });
  mkdirSync(join(target, "var/cache/apt/archives/partial"), { recursive: true });
  chmodSync(target, 0o755);
}

/** The machine's own way to its package mirrors, as lines for apt in node 0; a proxy on its loopback can't be reached from there. */
export async function aptProxyLines(): Promise<string> {
  return Object.entries(await proxyEnvironment())
    .filter(([, proxy]) => !/\/\/(localhost|127\.|\[::1\])/.test(proxy))
    .map(([name, proxy]) => `Acquire::${name.replace("_proxy", "")}::Proxy "${proxy}";\n`)
    .join("");
}

async function proxyEnvironment(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const scheme of ["http", "https"]) {
    const { stdout } = await run(["apt-config", "shell", "proxy", `Acquire::${scheme}::Proxy`], { check: false });
    const proxy = /^proxy='(.*)'/.exec(stdout)?.[1] ?? process.env[`${scheme}_proxy`] ?? "";
    if (proxy !== "" && proxy !== "DIRECT") found[`${scheme}_proxy`] = proxy;
  }
  return found;
}

export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
