import { sha256Of } from "../../provider/digest";
import { parseHistory } from "../../provider/facts/bootLog";
import { renderBootScript } from "../../provider/formats/ipxe/bootScript";
import { renderRow } from "../../provider/values/nodeRow";
import { type FleetView, fleetViewOf, type SeenServer, type Stored } from "../../provider/view/fleet";

/** Three machines in node 0's log: one that booted whole, one that missed a file, and a stranger. */
const at = (second: number): number => 1_764_146_400 + second;

const boot = (from: number, mac: string, address: string, pid: number): readonly string[] => {
  const full = mac.replaceAll(/(?<=^|:)(?=.(?::|$))/g, "0");
  return [
    `${at(from)}.100000 dhcpd[7]: netboot stage=loader mac=${mac} arch=7`,
    `${at(from)}.200000 dhcpd[7]: DHCPACK on ${address} to ${full} via eno2`,
    `${at(from + 1)}.000000 in.tftpd[${pid}1]: RRQ from ${address} filename ipxe.efi`,
    `${at(from + 3)}.000000 dhcpd[7]: netboot stage=script mac=${mac} file=refind.pxe`,
    `${at(from + 3)}.100000 dhcpd[7]: DHCPACK on ${address} to ${full} via eno2`,
    `${at(from + 3)}.300000 in.tftpd[${pid}2]: RRQ from ${address} filename refind.pxe`,
    `${at(from + 3)}.400000 in.tftpd[${pid}3]: RRQ from ${address} filename refind.conf`,
    `${at(from + 3)}.500000 in.tftpd[${pid}4]: RRQ from ${address} filename refind_x64.efi`,
  ];
};

const stranger = (second: number): string =>
  `${at(second)}.000000 dhcpd[7]: DHCPDISCOVER from 52:54:00:00:0a:09 via eno2: network 192.168.1.0/28: no free leases`;

export const bootLog: string = [
  ...boot(0, "52:54:0:0:a:1", "192.168.1.3", 1),
  `${at(22)}.000000 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2`,
  ...boot(100, "52:54:0:0:a:2", "192.168.1.4", 2),
  `${at(103)}.600000 in.tftpd[24]: sending NAK (1, File not found) to 192.168.1.4`,
  stranger(200),
  stranger(204),
].join("\n");

const sum = (digit: string): string => digit.repeat(64);

export const bootFiles: string = [
  `ipxe.efi 1000 ${sum("1")}`,
  `refind.pxe 1000 ${sum("2")}`,
  `refind.conf 1000 ${sum("3")}`,
  `refind_x64.efi 1000 ${sum("4")}`,
].join("\n");

const chainFiles = ["refind.pxe", "refind.conf", "refind_x64.efi"];

function bootFile(name: string, digit: string, content?: string): Stored {
  const id = `BootFile/shop/prod/node0-artifacts-${name}`;
  const made =
    content === undefined
      ? { inputs: { name }, outputs: { sha256: sum(digit) } }
      : { inputs: { name, content }, outputs: {} };
  return { kind: "BootFile", id, ...made };
}

/** A node 0's own resources, as a state has them, with a secret in each connection. */
export function serverResources(host: string): readonly Stored[] {
  const connection = { host, privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----", password: "hunter2" };
  const loaders = { x64: "ipxe.efi", script: "refind.pxe" };
  const dhcp = { connection, interface: "name:eno2", address: "192.168.1.1/24", bootServer: "192.168.1.1", loaders };
  return [
    { kind: "DhcpServer", id: "DhcpServer/shop/prod/node0-dhcp", inputs: dhcp, outputs: { connection } },
    bootFile("ipxe.efi", "1"),
    bootFile("snponly.efi", "5"),
    bootFile("refind.pxe", "2", renderBootScript({})),
    bootFile("refind.conf", "3", "timeout 1\n"),
    bootFile("refind_x64.efi", "4"),
  ];
}

const node = (name: string, machine: object, more: Stored["outputs"] = {}): Stored => ({
  kind: "OlaNode",
  id: `OlaNode/shop/prod/${name}`,
  inputs: { machine: { hostname: name, ...machine } },
  outputs: more,
});

/** Three machines of a stack: one that is served, one whose loader is gone, one that has not booted yet and comes from the pool. */
export const smallServer: SeenServer = {
  host: "203.0.113.10",
  resources: [
    ...serverResources("203.0.113.10"),
    node("db-1", { macs: ["52:54:00:00:0a:01"], address: "192.168.1.3" }, { verified: "DHCP offered 192.168.1.3" }),
    node("db-2", { macs: ["52:54:00:00:0a:02", "52:54:00:00:0b:02"], address: "192.168.1.4", loader: "snponly.efi" }),
    {
      kind: "OlaFleet",
      id: "OlaFleet/shop/prod/rack",
      inputs: {
        rows: {
          web: renderRow({
            name: "web",
            hostname: "web-1",
            macs: ["52:54:00:00:0a:03"],
            firmware: "x64",
            comment: "rack 3",
          }),
        },
      },
      outputs: {},
    },
  ],
  proof: {
    said: new Map([
      ["OlaNode/shop/prod/db-1 db-1", "served: 192.168.1.3, ipxe.efi, then refind.pxe (1 MAC)"],
      ["OlaNode/shop/prod/db-2 db-2", "snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found"],
      ["OlaFleet/shop/prod/rack web-1", "served: an address of the pool, ipxe.efi, then refind.pxe (1 MAC)"],
    ]),
    besides: {
      loaders: { x64: "ipxe.efi", script: "refind.pxe" },
      chains: new Map([
        ["x64 ipxe.efi", ["ipxe.efi", ...chainFiles].map((name, at) => ({ name, sha256: sum("1234"[at] ?? "") }))],
        [
          "x64 snponly.efi",
          [
            {
              name: "snponly.efi",
              sha256: sum("5"),
              wrong: "snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found",
            },
            ...chainFiles.map((name, at) => ({ name, sha256: sum("234"[at] ?? "") })),
          ],
        ],
      ]),
      broken: new Map(),
      wrongOffers: new Set(),
      others: [],
      tellsServers: true,
    },
  },
  boots: parseHistory({ log: bootLog, files: bootFiles }).map((boot) => {
    const machine = { "52:54:00:00:0a:01": "db-1", "52:54:00:00:0a:02": "db-2" }[boot.mac];
    return { ...boot, ...(machine === undefined ? {} : { machine }) };
  }),
  gaps: [],
  failures: [],
};

const when = { at: at(3600), since: at(-30 * 86_400), wasAsked: true };

/** The page of a stack with these. */
export const shownFleet = (
  servers: readonly SeenServer[],
  more: Partial<typeof when> = {},
  stack = "shop/prod",
): FleetView => fleetViewOf(stack, servers, { ...when, ...more }, sha256Of);

export const smallFleet = (): FleetView => shownFleet([smallServer]);

/** A fleet of any number, each machine with a boot of its own; one in a thousand fails, one in three hundred missed a file. */
export function largeServer(count: number): SeenServer {
  const rows: Record<string, string> = {};
  const said = new Map<string, string>();
  const boots: NonNullable<SeenServer["boots"]>[number][] = [];
  const [whole, missed] = parseHistory({ log: bootLog, files: bootFiles });
  for (let n = 0; n < count; n++) {
    const hostname = `rack-${Math.floor(n / 40) + 1}-node-${(n % 40) + 1}`;
    const octets = [n >> 8, n & 255].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
    const address = `10.20.${n >> 8}.${n & 255}`;
    const macs = [`04:3f:72:aa:${octets}`, `04:3f:72:ab:${octets}`];
    rows[hostname] = renderRow({ name: hostname, hostname, macs, address, firmware: "x64" });
    const wrong =
      n % 1000 === 421 ? `the firmware of ${hostname} (${macs[1]}) asked by DHCP and got no answer` : undefined;
    said.set(`OlaFleet/shop/prod/racks ${hostname}`, wrong ?? `served: ${address}, ipxe.efi, then refind.pxe (2 MACs)`);
    const boot = n % 300 === 77 ? missed : whole;
    if (boot === undefined || n % 50 === 49) continue;
    const shift = (second: number): number => second - n * 61 + (n % 7) / 10;
    const dhcp = Object.fromEntries(Object.entries(boot.dhcp).map(([who, second]) => [who, shift(second)]));
    const files = boot.files.map((file) => ({ ...file, at: shift(file.at) }));
    const times = { from: shift(boot.from), to: shift(boot.to) };
    boots.push({ ...boot, ...times, dhcp, files, mac: macs[n % 2] ?? "", address, machine: hostname });
  }
  return {
    ...smallServer,
    resources: [
      ...serverResources("203.0.113.10"),
      { kind: "OlaFleet", id: "OlaFleet/shop/prod/racks", inputs: { rows }, outputs: {} },
    ],
    ...(smallServer.proof?.besides === undefined
      ? {}
      : {
          proof: {
            said,
            besides: {
              ...smallServer.proof.besides,
              wrongOffers: new Set([...said].flatMap(([key, words]) => (words.startsWith("served") ? [] : [key]))),
            },
          },
        }),
    boots: boots.toReversed(),
  };
}
