import { parseChronySettings, renderChronyConf } from "../../provider/formats/chrony/chrony.ts";
import { parseDnsmasqSettings, renderDnsmasqConf } from "../../provider/formats/dnsmasq/dnsmasq.ts";
import { renderHostsTable } from "../../provider/formats/hosts/hostsTable.ts";
import { parseBootScript, renderBootScript } from "../../provider/formats/ipxe/bootScript.ts";
import { parseDhcpdSettings, renderDhcpdConf } from "../../provider/formats/isc/dhcpdConf.ts";
import { renderDhcpdUnit } from "../../provider/formats/isc/dhcpdUnit.ts";
import { parseRefindConf, renderRefindConf } from "../../provider/formats/refind/refindConf.ts";
import { parseTftpdSettings, renderTftpdDefaults } from "../../provider/formats/tftpd/tftpd.ts";
import { parseFirewallSettings, renderFirewallRules } from "../../provider/values/firewall.ts";
import { interfaceWord } from "../../provider/values/network.ts";
import { parseNode, renderHostBlocks, renderRow } from "../../provider/values/node.ts";
import type { Checked } from "../../provider/values/problem.ts";

/** What somebody may write where a word is asked for, by mistake or on purpose. */
export const corpus: readonly string[] = [
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
  "\ud800",
  "\u0085",
  "\u2029",
  "é".repeat(200),
  "x".repeat(255),
  "x".repeat(64 * 1024),
  // Words that mean something to one of the programs, and are names all the same.
  "if",
  "option",
  "server",
  "true",
  "0a",
  "a.b",
  "DB-1",
  "localhost",
];

const network = { interface: "eno2", cidr: "10.20.0.0/22", address: "10.20.0.1" };
const macs = ["04:3f:72:aa:00:01"];

function rendered<T>({ value, problems }: Checked<T>, render: (value: T) => string): string | undefined {
  if (value !== undefined) return render(value);
  if (problems.length === 0) throw new Error("a value is refused without a word");
  return undefined;
}

/** A field that takes a text. */
export interface Field {
  /** Two values that are right. */
  readonly usual: readonly [string, string];
  /** The file that comes of one; undefined where it is refused. */
  readonly file: (text: string) => string | undefined;
}

/** Each field that takes a text, by what it is. */
export const fields = {
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
    file: (nic) =>
      rendered(parseDhcpdSettings({ network: { ...network, interface: nic } }), ({ network: { interface: given } }) =>
        renderDhcpdUnit({ interface: interfaceWord(given) }),
      ),
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
  "the name server's domain": {
    usual: ["a.example", "b.example"],
    file: (domain) => rendered(parseDnsmasqSettings({ network: { ...network, domain } }), renderDnsmasqConf),
  },
  "a record's name": {
    usual: ["filer", "printer"],
    file: (name) =>
      rendered(parseDnsmasqSettings({ network, records: { [name]: "10.20.0.9" } }), ({ records }) =>
        renderHostsTable(records.map((record) => ({ address: "10.20.0.9", hostname: record.name }))),
      ),
  },
  "the map file of in.tftpd": {
    usual: ["/etc/a.map", "/etc/b.map"],
    file: (file) =>
      rendered(
        parseTftpdSettings({ address: "10.20.0.1", options: ["--secure", "--map-file", file] }),
        renderTftpdDefaults,
      ),
  },
  "the 32-bit rEFInd of the boot script": {
    usual: ["refind_ia32.efi", "refind.efi"],
    file: (ia32) => rendered(parseBootScript({ ia32 }), renderBootScript),
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
} satisfies Readonly<Record<string, Field>>;

/** What gets through a field: of the corpus, alone and after a usual value. */
export function letThrough({ usual: [usual], file }: Field): readonly string[] {
  const texts = corpus.flatMap((text) => [text, usual + text]);
  return [...new Set([usual, ...texts])].filter((text) => file(text) !== undefined);
}
