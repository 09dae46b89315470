import { existsSync, readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync(new URL("packages.json", import.meta.url), "utf8")) as {
  packages: Record<string, string>;
};

/** What the machine lacks to hold a lab, as one sentence that says what to do about it; `undefined` if nothing. */
export async function labRequirements(): Promise<string | undefined> {
  if (process.platform !== "linux") {
    return `the lab needs Linux: it starts a Debian machine in namespaces of the kernel, and this is ${process.platform}`;
  }
  if (process.getuid?.() !== 0) {
    return "the lab needs root, for namespaces and a Debian of its own: run it as root, or as a user with passwordless sudo";
  }
  const missing = Object.entries(packages)
    .filter(([, shownBy]) => !shownBy.split("|").some((path) => existsSync(path)))
    .map(([name]) => name);
  if (missing.length > 0) {
    return `the lab needs Debian packages that are not installed: apt-get install --no-install-recommends ${missing.join(" ")}`;
  }
  if (!existsSync("/dev/net/tun")) return "the lab needs /dev/net/tun: modprobe tun";
  if (!existsSync("/dev/loop-control")) return "the lab needs loop devices, for the disk of node 0: modprobe loop";
  if (!/ cgroup2 /.test(readFileSync("/proc/self/mountinfo", "utf8"))) {
    return "the lab needs a mounted cgroup2 hierarchy, by which it finds its processes again";
  }
  return undefined;
}
