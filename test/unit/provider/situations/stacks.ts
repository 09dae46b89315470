import type { Want } from "../../../../provider/kinds/want";
import { whyTaken } from "../../../../provider/lifecycle/machinesSeen";
import { isBootServerHere, whyNobodyGivesFiles } from "../../../../provider/plan/bootServer";
import { whyChainsBreak } from "../../../../provider/plan/chains";
import { whyBootPartsStay, whyNoServer, whyServerStays } from "../../../../provider/plan/dependants";
import { whyNobodyServes } from "../../../../provider/plan/expectations";
import { whyRecordsContradict } from "../../../../provider/plan/nameRecords";
import { whyNetworkStays } from "../../../../provider/plan/network";
import {
  refuseClash,
  warnOfKept,
  warnOfLeft,
  warnOfOtherRuns,
  warnOfTaken,
  whyNotOurs,
} from "../../../../provider/plan/ownership";
import { whyAddressesArePooled, whyPoolIsTooSmall } from "../../../../provider/plan/pool";
import { entry, machine, placed, register, serve } from "../plan/registered";
import { host } from "./inTheWay";
import { dhcp, dhcpId, node, others, tftp, theirs } from "./register";
import type { Situation } from "./situation";

const stack = (token: string) => ({ tokens: new Set([token]), takesOver: undefined });
const stateOfBefore = { ...stack("aaaaaaaa"), declared: new Map([[node.id, "0a"]]) };
const alike = { id: node.id, generation: "aaaaaaaa00000002", wants: [], stack: stack("aaaaaaaa") };
const taking = { ...alike, stack: { ...alike.stack, takesOver: "p/one" } };
const ofOther = { ...node, generation: "bbbbbbbb00000001", held: [{ want: "settled" } as const] };

const wantedNode: Want = { want: "node", hostname: "a", macs: [], firmware: "x64", proof: true, blocks: "" };
const settledNode = { ...node, generation: "aaaaaaaa00000001", held: [{ want: "settled" } as const] };

export const shared: readonly Situation[] = [
  {
    what: "a MAC that another stack has",
    said: refuseClash({ claim: "the MAC 52:54:00:00:00:01", id: node.id, other: theirs }, new Map(), new Map()),
  },
  {
    what: "a stack that is named alike, or whose state was lost",
    said: whyNotOurs(new Map([[node.id, alike]]), { ...register([ofOther]), clashes: [] } as never),
  },
  {
    what: "a machine that was another one's of the same stack",
    said: warnOfTaken(
      { puts: new Map([[node.id, alike]]), drops: new Map() },
      {
        clashes: [{ claim: "the MAC 52:54:00:00:00:01", id: node.id, other: "OlaNode/shop/prod/old" }],
        before: new Map(),
      },
    )[0]?.text,
  },
  {
    what: "an address that ignoreChanges leaves with a machine, and another one takes",
    said: ["a", "b"]
      .flatMap((name, at) => {
        const inputs = { connection: { host: "node0.example" }, hostname: name, address: "192.168.1.2", macs: [] };
        return whyTaken("OlaNode", `urn:pulumi:one::p::OlaNode::${name}`, inputs, at === 0);
      })
      .map(({ path, message }) => `${path}: ${message}`)
      .join("\n"),
  },
  {
    what: "a machine that was one of a stack that is taken over",
    said: warnOfTaken(
      { puts: new Map([[node.id, taking]]), drops: new Map() },
      {
        clashes: [{ claim: "the MAC 52:54:00:00:00:01", id: node.id, other: "OlaNode/p/one/old" }],
        before: new Map([["OlaNode/p/one/old", ofOther]]),
      },
    )[0]?.text,
  },
  {
    what: "a fleet of a stack that is taken over, with fewer machines",
    said: warnOfLeft(new Map([[node.id, { ...taking, wants: [wantedNode] }]]), new Map([[node.id, ofOther]]), () => [
      { hostname: "b" },
      { hostname: "c" },
    ])[0]?.text,
  },
  {
    what: "destroy of a stack that another one took over",
    said: warnOfKept({ drops: new Map([[node.id, alike.generation]]) }, new Map([[ofOther.id, ofOther]]))[0]?.text,
  },
  {
    what: "a change with a state of before, of which node 0 has something otherwise",
    said: warnOfOtherRuns(
      {
        puts: new Map([["OlaNode/p/one/new", { ...alike, id: "OlaNode/p/one/new", stack: stateOfBefore }]]),
        drops: new Map(),
      },
      new Map([[node.id, { ...node, held: [{ want: "declared", by: "0b" }] }]]),
    )[0]?.text,
  },
  {
    what: "a machine where the TFTP server is down",
    said: whyNobodyServes([
      {
        ...{ ask: "tftp", id: node.id, address: "192.168.1.1", name: "ipxe.efi" },
        silent: "tftpd-hpa.service does not run; `pulumi up --refresh` starts it",
      },
    ]),
  },
  {
    what: "a renamed resource has the id, with other machines",
    said: whyNotOurs(new Map([[node.id, { ...alike, wants: [wantedNode] }]]), register([settledNode])),
  },
  { what: "destroy of a server that others' machines need", said: whyServerStays(register([dhcp, ...others], others)) },
  {
    what: "destroy of the TFTP server that others' machines need",
    said: whyBootPartsStay(register([dhcp, tftp, ...others], [dhcp, ...others])),
  },
  { what: "a machine where no server is", said: whyNoServer(register([], [node]), new Set([node.id])) },
  {
    what: "a machine where nobody serves files",
    said: whyNobodyGivesFiles(
      register([], [dhcp, node]),
      new Set([node.id]),
      placed(node),
      isBootServerHere(register([], [dhcp, node]), host),
      [],
    ),
  },
  {
    what: "a TFTP server that moves without the DHCP server",
    said: whyNobodyGivesFiles(
      register(
        [dhcp, tftp, node],
        [dhcp, entry(tftp.id, [{ want: "tftpd", address: "192.168.1.14", directory: "/srv/tftp" }]), node],
      ),
      new Set([tftp.id]),
      [],
      true,
      [{ protocol: "udp", address: "192.168.1.1", port: 69, pid: 1, program: "in.tftpd", unit: "tftpd-hpa.service" }],
    ),
  },
  {
    what: "a TFTP server that moves to a folder without its files",
    said: whyChainsBreak({
      register: register(
        [dhcp, tftp, node],
        [dhcp, entry(tftp.id, [{ want: "tftpd", address: "192.168.1.1", directory: "/srv/boot" }]), node],
      ),
      puts: new Map([[tftp.id, []]]),
      unchanged: new Set(),
      changed: new Set(),
      proved: new Set(["x64 ipxe.efi"]),
      files: new Map(),
    }),
  },
  {
    what: "a file goes that the script fetches",
    said: whyChainsBreak({
      register: register(
        [
          dhcp,
          tftp,
          node,
          entry("BootFile/p/one/menu", [{ want: "file", path: "/srv/tftp/menu.efi", mode: "0644", sha256: "aa" }]),
        ],
        [dhcp, tftp, node],
      ),
      puts: new Map(),
      unchanged: new Set(),
      changed: new Set(["/srv/tftp/menu.efi"]),
      proved: new Set(["x64 ipxe.efi"]),
      files: new Map([
        ["ipxe.efi", { type: "file", mode: "0644" }],
        ["refind.pxe", { type: "file", mode: "0644", content: "#!ipxe\nchain menu.efi\n" }],
      ]),
    }),
  },
  {
    what: "a network that others' machines are not in",
    said: whyNetworkStays(
      register([entry(dhcpId, [serve({ cidr: "192.168.9.0/28" })]), ...others]),
      new Set([dhcpId]),
      placed(...others),
    ),
  },
  {
    what: "a pool that is too small",
    said: whyPoolIsTooSmall(
      register([
        entry(dhcpId, [serve({ pool: "192.168.1.9-192.168.1.9" })]),
        ...["a", "b"].map((name) => entry(`OlaNode/p/one/${name}`, [], [machine(name, { address: undefined })])),
      ]),
      new Set([dhcpId, "OlaNode/p/one/a", "OlaNode/p/one/b"]),
      ["a", "b"].map((name) => ({ id: `OlaNode/p/one/${name}`, machine: machine(name, { address: undefined }) })),
    ),
  },
  ...[node.id, dhcpId].map((id) => ({
    what: id === dhcpId ? "a pool around others' machines" : "an address in the pool",
    said: whyAddressesArePooled(
      register([
        entry(id === dhcpId ? dhcpId : "DhcpServer/p/two/dhcp", [serve({ pool: "192.168.1.2-192.168.1.5" })]),
        node,
        ...others,
      ]),
      new Set([id]),
      placed(node, ...others),
    ),
  })),
  {
    what: "a record with a machine's name",
    said: whyRecordsContradict(
      register([
        entry("NameServer/p/one/names", [
          { want: "names", mode: "dnsmasq", address: "192.168.1.1", records: "192.168.1.9 db-1\n" },
        ]),
        node,
      ]),
      new Set([node.id]),
      placed(node),
    ),
  },
];
