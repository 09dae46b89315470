import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBootScript, renderBootScript } from "../../../../provider/config/bootScript";
import { parseChronySettings, renderChronyConf } from "../../../../provider/config/chrony";
import { parseDhcpdSettings, renderDhcpdConf } from "../../../../provider/config/dhcpdConf";
import { parseDnsmasqSettings, renderDnsmasqConf } from "../../../../provider/config/dnsmasq";
import { parseFirewallSettings, renderFirewallRules } from "../../../../provider/config/firewall";
import { parseNode, renderHostBlocks, renderRow } from "../../../../provider/config/node";
import type { Checked } from "../../../../provider/config/problem";
import { parseRefindConf, renderRefindConf } from "../../../../provider/config/refindConf";
import { parseTftpdSettings, renderTftpdDefaults } from "../../../../provider/config/tftpd";

/** What somebody may write where a word is asked for, by mistake or on purpose. */
const corpus: readonly string[] = [
  '"',
  "'",
  "`id`",
  "$(id)",
  `$${"{next-server}"}`,
  `$${"{IFS}"}`,
  "a\nb",
  "a\r\nb",
  "a\u2028b",
  "\n",
  ";",
  "}",
  "a; }\nhost evil { hardware ethernet 00:00:00:00:00:01; }",
  'a"; option routers 10.9.9.9; #',
  "\\",
  '\\"',
  "a\\",
  "\0",
  "a\0b",
  "\t",
  " ",
  "",
  "#",
  "/*",
  "*/",
  "//",
  "%0a",
  "%n",
  "\u202eevil",
  "\u200b",
  "é",
  "日本",
  "💥",
  "../../etc/passwd",
  "/etc/shadow",
  "~root",
  "*",
  "?",
  "[a]",
  "-rf",
  "--user=root",
  "|| reboot",
  "&& reboot",
  "a b",
  "{{name}}",
  "{{{name}}}",
  "__proto__",
  "constructor",
  "@interface@",
  "x".repeat(64 * 1024),
];

const network = { interface: "eno2", cidr: "10.20.0.0/22", address: "10.20.0.1" };
const macs = ["04:3f:72:aa:00:01"];

function rendered<T>({ value, problems }: Checked<T>, render: (value: T) => string): string | undefined {
  if (value !== undefined) return render(value);
  expect(problems.length).toBeGreaterThan(0);
  return undefined;
}

/** Each field that takes a text: two usual values, and the file that comes of one; undefined where it is refused. */
const fields: Readonly<
  Record<string, { usual: readonly [string, string]; file: (text: string) => string | undefined }>
> = {
  "a machine's host name": {
    usual: ["db-1", "db-2"],
    file: (hostname) => rendered(parseNode("n", { macs, hostname }), renderHostBlocks),
  },
  "a machine's address": {
    usual: ["10.20.0.11", "10.20.0.12"],
    file: (address) => rendered(parseNode("n", { macs, address }), renderHostBlocks),
  },
  "a machine's MAC": {
    usual: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
    file: (mac) => rendered(parseNode("n", { macs: [mac] }), renderHostBlocks),
  },
  "a machine's comment": {
    usual: ["rack 4", "rack 5"],
    file: (comment) => rendered(parseNode("n", { macs, comment }), renderHostBlocks),
  },
  "a machine's comment, as a fleet's row": {
    usual: ["rack 4", "rack 5"],
    file: (comment) => rendered(parseNode("n", { macs, comment }), renderRow),
  },
  "a DHCP option's value": {
    usual: ["/srv", "/srv/a"],
    file: (value) => rendered(parseNode("n", { macs, options: { "root-path": value } }), renderHostBlocks),
  },
  "a DHCP option's name": {
    usual: ["root-path", "tftp-server-name"],
    file: (name) => rendered(parseNode("n", { macs, options: { [name]: "x" } }), renderHostBlocks),
  },
  "the interface": {
    usual: ["eno2", "eno3"],
    file: (nic) => rendered(parseDhcpdSettings({ network: { ...network, interface: nic } }), renderDhcpdConf),
  },
  "the domain": {
    usual: ["a.example", "b.example"],
    file: (domain) => rendered(parseDhcpdSettings({ network: { ...network, domain } }), renderDhcpdConf),
  },
  "a DNS server": {
    usual: ["9.9.9.9", "8.8.8.8"],
    file: (server) => rendered(parseDhcpdSettings({ network: { ...network, dnsServers: [server] } }), renderDhcpdConf),
  },
  "a time server's upstream": {
    usual: ["a.example", "b.example"],
    file: (upstream) => rendered(parseChronySettings({ network, upstreams: [upstream] }), renderChronyConf),
  },
  "a name server's upstream": {
    usual: ["9.9.9.9", "8.8.8.8"],
    file: (upstream) => rendered(parseDnsmasqSettings({ network, upstreams: [upstream] }), renderDnsmasqConf),
  },
  "an option of in.tftpd": {
    usual: ["3", "4"],
    file: (option) =>
      rendered(
        parseTftpdSettings({ address: "10.20.0.1", options: ["--secure", "--verbosity", option] }),
        renderTftpdDefaults,
      ),
  },
  "the folder of in.tftpd": {
    usual: ["/srv/tftp", "/srv/boot"],
    file: (directory) => rendered(parseTftpdSettings({ address: "10.20.0.1", directory }), renderTftpdDefaults),
  },
  "the selection of rEFInd": {
    usual: ["debian", "ubuntu"],
    file: (defaultSelection) => rendered(parseRefindConf({ defaultSelection }), renderRefindConf),
  },
  "the firewall's interface": {
    usual: ["eno2", "eno3"],
    file: (nic) =>
      rendered(parseFirewallSettings({ interface: nic, services: ["dhcp"] }), (settings) =>
        renderFirewallRules(settings).join("\n"),
      ),
  },
  "a whole boot script": {
    usual: ["#!ipxe\nshell", "#!ipxe\nexit"],
    file: (text) => rendered(parseBootScript(text), renderBootScript),
  },
};

/** Which lines of a file belong to the field: those in which two usual values differ. */
function linesOf(file: (text: string) => string | undefined, [one, other]: readonly [string, string]) {
  const [first, second] = [file(one)?.split("\n"), file(other)?.split("\n")];
  if (first === undefined || second === undefined) throw new Error(`a usual value is refused: ${one} or ${other}`);
  return { first, own: new Set(first.flatMap((line, index) => (line === second[index] ? [] : [index]))) };
}

describe.each(Object.entries(fields).filter(([name]) => name !== "a whole boot script"))(
  "%s",
  (_name, { usual, file }) => {
    const { first, own } = linesOf(file, usual);

    /** Refused, or a file in which only the field's own lines are others, and none more. */
    function staysInItsLine(text: string): void {
      const lines = file(text)?.split(/\r\n|[\n\r]/);
      if (lines === undefined) return;
      expect(lines.length).toBe(first.length);
      expect(lines.filter((line, index) => line !== first[index] && !own.has(index))).toEqual([]);
      expect(lines.join("")).not.toContain("\0");
    }

    it("has no hostile value start a line of its own, or change another", () => {
      for (const text of corpus) staysInItsLine(text);
      for (const text of corpus) staysInItsLine(usual[0] + text);
    });

    it("has no text at all do so", () => {
      fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => staysInItsLine(text)));
    });
  },
);

describe("a whole boot script", () => {
  it("is refused where it is none, and else is what somebody wrote, to the byte", () => {
    const { file } = fields["a whole boot script"] ?? { file: () => undefined };
    for (const text of corpus) {
      expect(file(text)).toBeUndefined();
      const script = `#!ipxe\n${text}\n`;
      expect([undefined, script]).toContain(file(script));
    }
  });
});
