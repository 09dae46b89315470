import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { type Lab, labDown, labList, labUp } from "../../lab/index.mts";

/**
 * Everything on the machine that names a lab, asked of the kernel and of the disk, not of the lab's code. Other labs may come and go
 * meanwhile: only what is called as this one is its.
 */
function traces(name: string, id: string): string[] {
  const ask = (...argv: [string, ...string[]]) =>
    execFileSync(argv[0], argv.slice(1), { encoding: "utf8" }).split("\n");
  const folder = `/var/lib/pulumi-netboot-lab/labs/${name}`;
  const isOfLab = (line: string) => new RegExp(`\\b${id}\\b|${folder}(/|$|\\s)`).test(line);
  const groups = ["unified", "systemd", "."].map((hierarchy) => `/sys/fs/cgroup/${hierarchy}/${id}`);
  const files = [folder, `/run/systemd/nspawn/propagate/${id}`, ...groups].filter(existsSync);
  const slots = existsSync("/var/lib/pulumi-netboot-lab/slots")
    ? ask("ls", "-l", "/var/lib/pulumi-netboot-lab/slots")
    : [];
  return [
    ...ask("ip", "netns", "list").filter(isOfLab),
    ...ask("ip", "-o", "link").filter((line) => isOfLab(line.split("@")[0] ?? "")),
    ...ask("ip", "-o", "-4", "addr").filter(isOfLab),
    ...readFileSync("/proc/mounts", "utf8").split("\n").filter(isOfLab),
    ...ask("losetup", "--list", "--noheadings").filter(isOfLab),
    ...slots.filter(isOfLab),
    ...processesOf(isOfLab),
    ...files,
  ];
}

function processesOf(isOfLab: (line: string) => boolean): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        // One that has ended stays as a zombie until the machine's first process has read its code, which is not the lab's.
        if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return [];
        const about = ["cmdline", "cgroup"].map((file) =>
          readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " "),
        );
        return about.some(isOfLab) ? [`process ${pid}: ${about[0]}`] : [];
      } catch {
        return [];
      }
    });
}

/** What the lab must not touch: the machine's own forwarding, packet filter and control groups. */
function settings(): string {
  const ruleset = execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" });
  const forwarding = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8");
  return `${ruleset}\nip_forward=${forwarding}`;
}

function idOf(lab: Lab): string {
  return lab.segment.namespace.replace("-segment", "");
}

const unique = (word: string) => `${word}-${process.pid}`;

/** A process that brings up a lab of this name, tells its progress and then waits. */
function maker(name: string): ChildProcess {
  const program = `
    import { labUp } from "./lab/index.mts";
    const lab = await labUp({ name: ${JSON.stringify(name)} });
    console.log("up", lab.segment.namespace);
    setInterval(() => undefined, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
}

async function says(child: ChildProcess, words: RegExp): Promise<string> {
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    if (words.test(said)) return said;
  }
  throw new Error(`the process ended and said only: ${said}`);
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

describe("labUp", () => {
  const labs: Lab[] = [];
  const up = async (name: string) => {
    const lab = await labUp({ name });
    labs.push(lab);
    return lab;
  };
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.down();
  });

  it("leaves nothing behind after down, and touches no setting of the machine meanwhile", async () => {
    const before = settings();
    const lab = await up(unique("one"));
    const id = idOf(lab);
    await lab.segment.run(["/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 &"]);
    expect(traces(lab.name, id).length).toBeGreaterThan(10);
    expect(settings()).toBe(before);

    await lab.down();
    expect(traces(lab.name, id)).toEqual([]);
    expect(settings()).toBe(before);
  });

  it("keeps two labs apart that have the same private network", async () => {
    const [first, second] = await Promise.all([up(unique("first")), up(unique("second"))]);
    expect(first.node0.host).not.toBe(second.node0.host);
    expect(first.node0.hostKey).not.toBe(second.node0.hostKey);
    await first.node0.run("echo first >/etc/which");
    await second.node0.run("echo second >/etc/which");
    const hasNeighbour = "ip neigh flush dev eno2; ping -c 1 -W 1 192.168.1.9";
    await first.segment.run(["ip", "addr", "add", "192.168.1.9/28", "dev", first.segment.clientInterface]);
    expect((await first.node0.run(hasNeighbour, { check: false })).code).toBe(0);
    expect((await second.node0.run(hasNeighbour, { check: false })).code).not.toBe(0);

    await first.down();
    expect((await second.node0.run("cat /etc/which")).stdout).toBe("second\n");
  });

  it("reaches node 0 by ssh as root and as the sudo user, and the package mirrors from there", async () => {
    const { node0 } = await up(unique("ssh"));
    const ssh = (user: string, command: string) => {
      const options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR", "BatchMode=yes"];
      const argv = ["-F", "none", "-i", node0.privateKeyPath, ...options.flatMap((option) => ["-o", option])];
      return execFileSync("ssh", [...argv, `${user}@${node0.host}`, command], { encoding: "utf8" });
    };
    expect(ssh(node0.user, "id -un")).toBe("root\n");
    expect(ssh(node0.sudoUser, "sudo -n id -un")).toBe("root\n");
    await node0.run("apt-get install -y --no-install-recommends tftp-hpa");
  });

  it("survives a reboot and a power cut, which loses what was not synced if that is wanted", async () => {
    const { node0 } = await up(unique("power"));
    await node0.run("echo kept >/root/kept");
    await node0.reboot();
    await node0.run("sync /root/kept && echo lost >/root/lost");
    await node0.powerCut({ loseUnsynced: true });
    await node0.powerOn();
    expect((await node0.run("cat /root/kept; ls /root")).stdout).toBe("kept\nkept\n");
  });
});

describe("labDown", () => {
  it.each(["up", "while it is being made"])("clears a lab away whose maker was killed: %s", async (when) => {
    const name = unique("killed");
    const child = maker(name);
    let id = /nbl\d+/.exec(when === "up" ? await says(child, /up nbl\d+/) : "")?.[0];
    while (id === undefined) {
      const slots = execFileSync("/bin/sh", ["-c", "ls -l /var/lib/pulumi-netboot-lab/slots 2>/dev/null || true"], {
        encoding: "utf8",
      });
      const slot = new RegExp(`(\\d+) -> \\S*/${name}$`, "m").exec(slots)?.[1];
      if (slot !== undefined && existsSync(`/run/netns/nbl${slot}-node0`)) id = `nbl${slot}`;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await killed(child);
    expect(traces(name, id)).not.toEqual([]);

    await labDown(name);
    expect(traces(name, id)).toEqual([]);
  });

  it("is done by the next labUp for a lab whose process has died", async () => {
    const name = unique("orphan");
    const child = maker(name);
    await says(child, /up nbl\d+/);
    await killed(child);
    const next = await labUp({ name: unique("next") });
    try {
      expect(await labList()).not.toContain(name);
      // Its number may have gone to the next one.
      expect(traces(name, "nbl-of-nobody")).toEqual([]);
    } finally {
      await next.down();
    }
  });

  it("does not mind a lab that is not there", async () => {
    await expect(labDown(unique("never"))).resolves.toBeUndefined();
  });
});
