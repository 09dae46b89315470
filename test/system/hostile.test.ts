import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseChronySettings, renderChronyConf } from "../../provider/formats/chrony/chrony.ts";
import { parseDnsmasqSettings, renderDnsmasqConf } from "../../provider/formats/dnsmasq/dnsmasq.ts";
import { renderHostsTable } from "../../provider/formats/hosts/hostsTable.ts";
import { hostsFile, parseDhcpdSettings, renderDhcpdConf } from "../../provider/formats/isc/dhcpdConf.ts";
import { parseTftpdSettings, renderTftpdDefaults } from "../../provider/formats/tftpd/tftpd.ts";
import { addressText } from "../../provider/values/ipv4.ts";
import { parseNode, renderHostBlocks } from "../../provider/values/node.ts";
import { asRoot, type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import type { DhcpAnswer } from "../support/dhcpClient.mts";
import { fields, letThrough } from "../support/hostile.ts";
import { makeSegment, type Segment } from "../support/segment.ts";
import { anyHostname } from "../unit/provider/values/rows.ts";
import { right } from "../unit/provider/values/sentences.ts";

const run = promisify(execFile);
const network = { interface: "server0", cidr: "10.20.0.0/22", address: "10.20.0.1" };
const macOf = (index: number) =>
  `52:54:00:00:${[index >> 8, index & 255].map((octet) => octet.toString(16).padStart(2, "0")).join(":")}`;
const addressOf = (index: number) => addressText(0x0a140100 + index);

/** What a program lets through, in every field, is what the program on node 0 reads: the same value, and nothing beside it. */
describe("a value that is let through", () => {
  let packages: UnpackedPackages;
  let segment: Segment;
  let folder: string;
  let environment: string;

  beforeAll(async () => {
    packages = await unpackPackages(
      ...["isc-dhcp-server", "chrony", "dnsmasq-base", "libnetfilter-conntrack3", "libnfnetlink0"],
    );
    environment = `LD_LIBRARY_PATH=${globSync(join(packages.folder, "usr/lib/*-linux-gnu")).join(":")}`;
    folder = await mkdtemp(join(tmpdir(), "netboot-hostile-"));
    segment = await makeSegment("10.20.0.1/22");
    await segment.client(["ip", "address", "add", "10.20.3.9/22", "dev", "client0"]);
  });

  afterAll(async () => {
    await segment?.remove();
    await packages?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const keep = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  /** What dhcpd gives to machines with these MACs. */
  async function given(conf: string, hosts: string, macs: readonly string[]): Promise<readonly DhcpAnswer[]> {
    const included = await keep("hosts.conf", hosts);
    const file = await keep("dhcpd.conf", conf.replace(hostsFile, included));
    const words = ["-f", "-d", "-4", "-cf", file, "-lf", await keep("leases", ""), "--no-pid", "server0"];
    const daemon = await segment.serve([join(packages.folder, "usr/sbin/dhcpd"), ...words], "Server starting service");
    try {
      const client = join(process.cwd(), "test/support/dhcpClient.mts");
      const clients = JSON.stringify(macs.map((mac) => ({ mac, arch: [7] })));
      return JSON.parse(await segment.client([process.execPath, client, clients])) as DhcpAnswer[];
    } finally {
      await daemon.stop();
    }
  }

  it("reaches machines by DHCP as it is: names, addresses, texts of options, and comments reach nobody", async () => {
    const anyText = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 });
    const options = fields["a DHCP option's value"];
    const args: readonly object[] = [
      ...letThrough(fields["a machine's host name"]).map((hostname) => ({ hostname })),
      ...fc.sample(anyHostname, 50).map((hostname) => ({ hostname })),
      ...letThrough(options).map((text) => ({ options: { "root-path": text } })),
      ...fc
        .sample(anyText, 200)
        .filter((text) => options.file(text) !== undefined)
        .map((text) => ({ options: { "root-path": text } })),
      ...letThrough(fields["a machine's comment"]).map((comment) => ({ comment, options: { "root-path": "/srv" } })),
    ];
    // A name stands once in dhcpd's file.
    const names = new Set<string>();
    const rows = args
      .map((more, index) => right(parseNode(`n${index}`, { macs: [macOf(index)], address: addressOf(index), ...more })))
      .filter(({ hostname }) => !names.has(hostname) && names.add(hostname));
    const conf = renderDhcpdConf(right(parseDhcpdSettings({ network })));
    const answers = await given(
      conf,
      rows.map(renderHostBlocks).join(""),
      rows.map(({ macs: [mac = ""] }) => mac),
    );
    const inBytes = (value: unknown) =>
      value === undefined ? undefined : Buffer.from(String(value)).toString("latin1");
    expect(rows.length).toBeGreaterThan(200);
    expect(answers.map(({ address, hostName, rootPath }) => ({ address, hostName, rootPath }))).toEqual(
      rows.map(({ address, hostname, options: own }) => ({
        address,
        hostName: hostname,
        rootPath: inBytes(own?.["root-path"]),
      })),
    );
  });

  it("reaches machines by DHCP as their domain", async () => {
    for (const domain of letThrough(fields["the domain"])) {
      const settings = right(parseDhcpdSettings({ network: { ...network, domain } }));
      const hosts = renderHostBlocks(right(parseNode("a", { macs: [macOf(1)], address: addressOf(1) })));
      const [answer] = await given(renderDhcpdConf(settings), hosts, [macOf(1)]);
      expect(answer?.domain).toBe(settings.network.domain);
    }
  });

  it("is a time server to chronyd", async () => {
    const all = letThrough(fields["a time server's upstream"]);
    for (let from = 0; from < all.length; from += 16) {
      const settings = right(parseChronySettings({ network, upstreams: all.slice(from, from + 16) }));
      const file = await keep("chrony.conf", renderChronyConf(settings));
      const { stdout } = await run(join(packages.folder, "usr/sbin/chronyd"), ["-p", "-f", file]);
      const lines = stdout.split("\n").filter((line) => line !== "");
      expect(lines).toEqual([
        `allow ${network.cidr}`,
        `bindaddress ${network.address}`,
        "local stratum 10",
        ...settings.upstreams.map((server) => `server ${server} iburst`),
      ]);
    }
  });

  /** What dnsmasq with this configuration and these names answers: an address, or the code of why there is none. */
  async function answered(conf: string, hosts: string, names: readonly string[]): Promise<readonly string[]> {
    const file = await keep("dnsmasq.conf", conf.replace("/etc/netboot-names/hosts", await keep("names", hosts)));
    const dnsmasq = ["env", environment, join(packages.folder, "usr/sbin/dnsmasq")];
    const words = ["--keep-in-foreground", `--conf-file=${file}`, "--user=root", "--pid-file", "--log-facility=-"];
    const daemon = await segment.serve([...dnsmasq, ...words], "read /");
    try {
      const ask = `const { Resolver } = require("node:dns").promises;
        const resolver = new Resolver({ timeout: 1000 });
        resolver.setServers([${JSON.stringify(network.address)}]);
        const ask = (name) => resolver.resolve4(name).then((found) => found.join(), ({ code }) => code);
        Promise.all(JSON.parse(process.argv[1]).map(ask)).then((found) => console.log(JSON.stringify(found)));`;
      return JSON.parse(await segment.client([process.execPath, "-e", ask, JSON.stringify(names)])) as string[];
    } finally {
      await daemon.stop();
    }
  }

  it("is a name to dnsmasq", async () => {
    const names = letThrough(fields["a record's name"]);
    const { records } = right(
      parseDnsmasqSettings({
        network,
        records: Object.fromEntries(names.map((name, index) => [name, addressOf(index)])),
      }),
    );
    const entries = records.map(({ name, addresses: [address = ""] }) => ({ hostname: name, address }));
    const conf = renderDnsmasqConf(right(parseDnsmasqSettings({ network })));
    const answers = await answered(conf, renderHostsTable(entries), [
      ...entries.map(({ hostname }) => hostname),
      "nobody",
    ]);
    expect(entries.length).toBeGreaterThan(10);
    expect(answers).toEqual([...entries.map(({ address }) => address), "ENOTFOUND"]);
  });

  it("is the domain that dnsmasq answers for", async () => {
    for (const given of letThrough(fields["the name server's domain"])) {
      const settings = right(parseDnsmasqSettings({ network: { ...network, domain: given } }));
      const { domain } = settings.network;
      const hosts = renderHostsTable([{ address: "10.20.0.5", hostname: "db-1", domain }]);
      const asked = [`db-1.${domain}`, `nobody.${domain}`, "nobody.elsewhere.example"];
      expect(await answered(renderDnsmasqConf(settings), hosts, asked)).toEqual(["10.20.0.5", "ENOTFOUND", "EREFUSED"]);
    }
  });

  it("is an upstream to dnsmasq", async () => {
    const servers = letThrough(fields["a name server's upstream"]);
    const settings = right(parseDnsmasqSettings({ network, upstreams: servers }));
    const file = await keep("dnsmasq.conf", renderDnsmasqConf(settings));
    const { stderr } = await run("env", [
      environment,
      join(packages.folder, "usr/sbin/dnsmasq"),
      "--test",
      `--conf-file=${file}`,
    ]);
    expect(stderr).toBe("dnsmasq: syntax check OK.\n");
    expect(servers).toEqual(["9.9.9.9"]);
  });

  it("is a word of in.tftpd's command line to a shell", async () => {
    const settings = [
      ...letThrough(fields["the folder of in.tftpd"]).map((directory) => ({ directory })),
      ...letThrough(fields["an option of in.tftpd"]).map((level) => ({ options: ["--secure", "--verbosity", level] })),
      ...letThrough(fields["the map file of in.tftpd"]).map((file) => ({ options: ["-s", "--map-file", file] })),
    ].map((args) => right(parseTftpdSettings({ address: network.address, ...args })));
    const files = await Promise.all(settings.map((each, index) => keep(`tftpd-${index}`, renderTftpdDefaults(each))));
    const show =
      'for file; do . "$file"; printf "%s\\n" "$TFTP_USERNAME" "$TFTP_DIRECTORY" "$TFTP_ADDRESS" $TFTP_OPTIONS -; done';
    const { stdout } = await run("sh", ["-eu", "-c", show, "sh", ...files]);
    expect(
      stdout
        .split("\n-\n")
        .slice(0, -1)
        .map((words) => words.split("\n")),
    ).toEqual(settings.map(({ directory, options }) => ["tftp", directory, "10.20.0.1:69", ...options]));
  });

  it("is a name in /etc/hosts to the C library", async () => {
    const hostnames = [...new Set(letThrough(fields["a machine's host name"]).map((name) => name.toLowerCase()))];
    const entries = hostnames.map((hostname, index) => ({
      hostname,
      address: addressOf(index),
      domain: "rack.example",
    }));
    const table = await keep("hosts", renderHostsTable(entries));
    const script = 'mount --bind "$1" /etc/hosts; shift; getent -s files hosts "$@"';
    const [command = "", ...words] = [
      ...asRoot(),
      "unshare",
      "--mount",
      "sh",
      "-eu",
      "-c",
      script,
      "sh",
      table,
      ...hostnames,
    ];
    const { stdout } = await run(command, words);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/)),
    ).toEqual(
      entries.map(({ hostname, address }) =>
        hostname.includes(".") ? [address, hostname] : [address, `${hostname}.rack.example`, hostname],
      ),
    );
  });
});
