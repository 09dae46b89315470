import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostsFile, parseDhcpdSettings, renderDhcpdConf } from "../../provider/formats/isc/dhcpdConf.ts";
import { dhcpdString } from "../../provider/formats/isc/dhcpdString.ts";
import { parseExtraHosts } from "../../provider/formats/isc/extraConfig.ts";
import { nodeChecker } from "../../provider/values/fleet.ts";
import { parseNode, renderHostBlocks } from "../../provider/values/node.ts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import { anyRow } from "../unit/provider/values/rows.ts";
import { right, sentences } from "../unit/provider/values/sentences.ts";

const run = promisify(execFile);

/** Libraries that few machines have. */
const dnsmasqLibraries = ["libnetfilter-conntrack3", "libnfnetlink0"];

/** Every file that the unit tests pin is read here by the program that reads it on node 0. */
let packages: UnpackedPackages;
let folder: string;

beforeAll(async () => {
  packages = await unpackPackages(
    "isc-dhcp-server",
    "kea-dhcp4-server",
    "tftpd-hpa",
    "chrony",
    "dnsmasq-base",
    ...dnsmasqLibraries,
  );
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

  /** dhcpd -t says nothing of these, so a program must: for its machines, and for hosts in its extraConfig. */
  describe("lets through what a program refuses", () => {
    const pool = { from: "192.168.1.10", to: "192.168.1.12" };
    const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1", pool };
    const macs = ["52:54:00:12:34:01"];
    const other = { macs: ["52:54:00:12:34:02"], address: "192.168.1.3" };
    const host = (name: string, mac: string, address: string) =>
      `host ${name} { hardware ethernet ${mac}; fixed-address ${address}; }\n`;
    const hostOfOther = host("other", "52:54:00:12:34:02", "192.168.1.3");

    /** What is wrong with a program of these machines, and the file for dhcpd if nothing is. */
    function declared(settings: object, nodes: Readonly<Record<string, object>> = {}): readonly string[] {
      const server = parseDhcpdSettings({ network, ...settings });
      const rows = Object.entries(nodes).map(([name, args]) => ({ name, row: parseNode(name, args) }));
      const wrong = [...sentences(server), ...rows.flatMap(({ row }) => sentences(row))];
      if (server.value === undefined || wrong.length > 0) return wrong;
      const { network: served, unknownMachines, extraConfig = "" } = server.value;
      const check = nodeChecker(served, unknownMachines, false, { extra: parseExtraHosts(extraConfig) });
      return check(rows.flatMap(({ name, row }) => (row.value ? [{ place: name, row: row.value }] : []))).map(
        ({ message }) => message,
      );
    }

    it.each<[string, string, object, RegExp]>([
      [
        "a MAC in two hosts",
        host("a", "52:54:00:12:34:02", "192.168.1.4"),
        { macs: other.macs, address: "192.168.1.4" },
        /already used by/,
      ],
      [
        "an address of two machines",
        host("a", "52:54:00:12:34:01", "192.168.1.3"),
        { macs, address: "192.168.1.3" },
        /already the address of/,
      ],
      [
        "an address in the pool",
        host("a", "52:54:00:12:34:01", "192.168.1.11"),
        { macs, address: "192.168.1.11" },
        /lies in the pool/,
      ],
      [
        "an address outside the subnet",
        host("a", "52:54:00:12:34:01", "10.9.9.9"),
        { macs, address: "10.9.9.9" },
        /outside the subnet/,
      ],
      [
        "a MAC of five octets",
        host("a", "52:54:00:12:34", "192.168.1.4"),
        { macs: ["52:54:00:12:34"], address: "192.168.1.4" },
        /it has 5 octets/,
      ],
    ])("%s", async (_what, wrong, machine, sentence) => {
      const conf = renderDhcpdConf(right(parseDhcpdSettings({ network })));
      expect(await check(conf, hostOfOther + wrong)).toBe("");
      for (const words of [
        declared({}, { other, a: machine }),
        // The same, with the host among the user's own statements.
        declared({ extraConfig: wrong }, { other }),
      ]) {
        expect(words).toHaveLength(1);
        expect(words[0]).toMatch(sentence);
      }
    });

    it("a boot server that is a name", async () => {
      const conf = renderDhcpdConf(right(parseDhcpdSettings({ network })));
      const named = conf.replace("next-server 192.168.1.1;", "next-server node0.invalid;");
      expect(named).not.toBe(conf);
      expect(await check(named, "")).toBe("");
      expect(declared({ bootServer: "node0.invalid" })[0]).toMatch(/^bootServer: "node0.invalid" is no IPv4 address/);
      expect(declared({ extraConfig: "next-server node0.invalid;" })[0]).toMatch(/is no IPv4 address/);
    });

    it("an empty file, which no program can make: without a network there is none", async () => {
      expect(await check("", "")).toBe("");
      for (const args of [undefined, {}, { network: {} }]) expect(parseDhcpdSettings(args).value).toBeUndefined();
    });

    it("a host inside a subnet, which no machine of a program is", async () => {
      const conf = renderDhcpdConf(right(parseDhcpdSettings({ network })));
      const inside = conf.replace(/^\}$/m, `${hostOfOther}}`);
      await writeFile(join(folder, "inside.conf"), inside.replace(/^include .*$/m, ""));
      const words = ["-t", "-4", "-cf", join(folder, "inside.conf")];
      const { stderr } = await run(join(packages.folder, "usr/sbin/dhcpd"), words);
      expect(stderr).toContain("Host declarations are global");
      expect(conf).toMatch(/^include /m);
      expect(conf.slice(0, conf.indexOf("\ninclude ")).replace(/"[^"]*"|#.*/g, "")).toSatisfy(
        (before: string) => before.split("{").length === before.split("}").length,
      );
    });
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
