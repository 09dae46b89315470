import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostsFile } from "../../provider/config/dhcpdConf.ts";
import { dhcpdString } from "../../provider/config/dhcpdString.ts";
import { renderHostBlocks } from "../../provider/config/node.ts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import { anyRow } from "../unit/provider/config/rows.ts";

const run = promisify(execFile);

/** Libraries that few machines have. */
const dnsmasqLibraries = ["libnetfilter-conntrack3", "libnfnetlink0"];

/** Every file that the unit tests pin is read here by the program that reads it on node 0. */
let packages: UnpackedPackages;
let folder: string;

beforeAll(async () => {
  packages = await unpackPackages("isc-dhcp-server", "tftpd-hpa", "chrony", "dnsmasq-base", ...dnsmasqLibraries);
  folder = await mkdtemp(join(tmpdir(), "netboot-golden-"));
});
afterAll(async () => {
  await packages?.remove();
  await rm(folder, { recursive: true, force: true });
});

describe("dhcpd -t", () => {
  /** dhcpd's complaints of a configuration with these host blocks; throws when it refuses. */
  async function check(conf: string, hosts: string): Promise<string> {
    await writeFile(join(folder, "hosts.conf"), hosts);
    await writeFile(join(folder, "dhcpd.conf"), conf.replace(hostsFile, join(folder, "hosts.conf")));
    // Not with -q, which keeps dhcpd's reasons back too.
    const words = ["-t", "-4", "-cf", join(folder, "dhcpd.conf")];
    const { stderr } = await run(join(packages.folder, "usr/sbin/dhcpd"), words);
    return stderr
      .split("\n")
      .filter((line) => /line \d+/.test(line))
      .join("\n");
  }
  const minimal = () => readFile("test/golden/dhcpd/minimal.conf", "utf8");

  it.each(globSync("test/golden/dhcpd/*.conf").sort())("accepts %s", async (file) => {
    expect(await check(await readFile(file, "utf8"), "")).toBe("");
  });

  it.each(globSync("test/golden/dhcpdHosts/*.conf").sort())("accepts %s", async (file) => {
    expect(await check(await minimal(), await readFile(file, "utf8"))).toBe("");
  });

  it("accepts whatever machines parseNode lets through: names that begin with digits, words of its own language", async () => {
    const rows = new Map(fc.sample(anyRow, 1000).map((row) => [row.hostname, row]));
    expect(await check(await minimal(), [...rows.values()].map(renderHostBlocks).join(""))).toBe("");
  });

  it("accepts whatever text dhcpdString lets through", async () => {
    const texts = fc
      .sample(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), 500)
      .filter((text) => !/\p{Cc}/u.test(text));
    const hosts = ['a "b" \\', "\\", '"', "\\n", "#", "}", ...texts].map(
      (text, index) => `host text-${index} { option root-path ${dhcpdString(text)}; }\n`,
    );
    expect(await check(await minimal(), hosts.join(""))).toBe("");
  });

  it("refuses what is wrong, so that the tests above can fail", async () => {
    await expect(check(await minimal(), "host a { nonsense 3; }\n")).rejects.toThrow("line 1");
  });
});

describe("chronyd -p", () => {
  const check = (file: string) => run(join(packages.folder, "usr/sbin/chronyd"), ["-p", "-f", file]);

  it.each(globSync("test/golden/chrony/*.conf").sort())("accepts %s", async (file) => {
    expect((await check(file)).stdout).toContain("bindaddress 192.168.1.1\n");
  });

  it("refuses what is wrong, so that the tests above can fail", async () => {
    await writeFile(join(folder, "wrong.conf"), "allow 192.168.1.0/28\nnonsense 3\n");
    await expect(check(join(folder, "wrong.conf"))).rejects.toThrow();
  });
});

describe("dnsmasq --test", () => {
  const check = (file: string) => {
    const libraries = globSync(join(packages.folder, "usr/lib/*-linux-gnu")).join(":");
    const env = { ...process.env, LD_LIBRARY_PATH: libraries };
    return run(join(packages.folder, "usr/sbin/dnsmasq"), ["--test", `--conf-file=${file}`], { env });
  };

  it.each(globSync("test/golden/dnsmasq/*.conf").sort())("accepts %s", async (file) => {
    expect((await check(file)).stderr).toBe("dnsmasq: syntax check OK.\n");
  });

  it("refuses what is wrong, so that the tests above can fail", async () => {
    await writeFile(join(folder, "wrong.conf"), "listen-address=192.168.1.1\nnonsense=3\n");
    await expect(check(join(folder, "wrong.conf"))).rejects.toThrow("line 2");
  });
});

describe("systemd-analyze verify", () => {
  it.each(globSync("test/golden/units/*.service").sort())("accepts %s", async (file) => {
    // The daemons are in the unpacked packages, not on this machine.
    const unit = (await readFile(file, "utf8")).replaceAll("/usr/sbin/", `${packages.folder}/usr/sbin/`);
    const copy = join(folder, file.replace(/.*\//, ""));
    await writeFile(copy, unit);
    const { stderr } = await run("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", copy]);
    expect(stderr).toBe("");
  });

  it("complains of a word that systemd does not know, so that the tests above can fail", async () => {
    const copy = join(folder, "wrong.service");
    await writeFile(copy, "[Service]\nExecStart=/bin/true\nRestartSecond=1\n");
    await expect(run("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", copy])).rejects.toThrow(
      "RestartSecond",
    );
  });
});

describe("sh", () => {
  it("reads the words of test/golden/tftpd/default as they are meant", async () => {
    const show = '. "$1"; printf "%s\\n" "$TFTP_USERNAME" "$TFTP_DIRECTORY" "$TFTP_ADDRESS" $TFTP_OPTIONS';
    const { stdout } = await run("sh", ["-eu", "-c", show, "sh", "test/golden/tftpd/default"]);
    expect(stdout.split("\n")).toEqual([
      "tftp",
      "/srv/tftp",
      "192.168.1.1:69",
      "--secure",
      "--verbosity",
      "2",
      "--blocksize",
      "1468",
      "",
    ]);
  });
});
