import { parseUnits } from "../../../../provider/facts/units";
import { whyStopped } from "../../../../provider/plan/expectations";
import { renderUndone, whyInvalid, whyWrong } from "../../../../provider/plan/outcome";
import type { DhcpExpectation, Expectation } from "../../../../provider/plan/plan";
import { type FileUse, type InFolder, whyNotServed } from "../../../../provider/plan/tftpFolder";
import { answered, program } from "../formats/program";
import { noPlan } from "../plan/told";
import { dhcpId, node } from "./register";
import type { Situation } from "./situation";

const fromFolder = (
  what: string,
  files: Readonly<Record<string, Partial<InFolder>>>,
  name: string,
  use: FileUse,
): Situation => {
  const wrong = whyNotServed(
    {
      address: "192.168.1.1",
      directory: "/srv/tftp",
      files: new Map(Object.entries(files).map(([path, more]) => [path, { type: "file", mode: "0644", ...more }])),
      declared: new Map([["/srv/tftp/ipxe.efi", "aa"]]),
    },
    name,
    use,
  );
  return { what, said: wrong && { code: "NOT_SERVING", message: `${wrong.text}; db-1 would not boot` } };
};
/** What systemd says of a daemon that gives no answer. */
const stopped = (name: string, said: string): string =>
  [...parseUnits([name], `Id=${name}\nLoadState=loaded\n${said}`).values()].map(whyStopped).join();
const mine = "DropInPaths=/etc/systemd/system/tftpd-hpa.service.d/mine.conf";

const script = { content: "#!ipxe\nchain refind_x64.efi\n" };

export const folder: readonly Situation[] = [
  fromFolder("a loader that is not there", {}, "ipxe.efi", "x64"),
  fromFolder("a loader that somebody replaced", { "ipxe.efi": { sha256: "bb" } }, "ipxe.efi", "x64"),
  fromFolder("a loader that the user tftp may not read", { "ipxe.efi": { mode: "0600" } }, "ipxe.efi", "x64"),
  fromFolder(
    "a loader that is a link out",
    { "ipxe.efi": { type: "link", target: "/usr/lib/ipxe/ipxe.efi" } },
    "ipxe.efi",
    "x64",
  ),
  fromFolder("a loader that is a pipe", { "ipxe.efi": { type: "other" } }, "ipxe.efi", "x64"),
  fromFolder("a loader for another machine", { "i.efi": { content: answered(program(0x014c)) } }, "i.efi", "x64"),
  fromFolder("a loader that is no program", { "i.efi": { content: "hello" } }, "i.efi", "x64"),
  fromFolder("a script that is none", { "refind.pxe": { content: "chain x\n" } }, "refind.pxe", "script of x64"),
  fromFolder("a script that fetches what is not there", { "refind.pxe": script }, "refind.pxe", "script of x64"),
  fromFolder(
    "a stray autoexec.ipxe",
    { "refind.pxe": script, "refind_x64.efi": {}, "autoexec.ipxe": {} },
    "refind.pxe",
    "script of x64",
  ),
  fromFolder(
    "two names that iPXE takes for one",
    { "refind.pxe": script, "refind_x64.efi": {}, "REFIND_X64.EFI": {} },
    "refind.pxe",
    "script of x64",
  ),
];

const asked: DhcpExpectation & Expectation = {
  ...({ ask: "dhcp", id: dhcpId, interface: "eno2", next: "192.168.1.1", script: "refind.pxe" } as const),
  ...{ loaders: { x64: "ipxe.efi", script: "refind.pxe" }, puts: [], every: false, stands: [], stranger: true },
  othersAllowed: false,
};
const offer = {
  ...{ is: "machine", id: node.id, hostname: "db-1", mac: "52:54:00:00:00:01", wanted: "192.168.1.2" },
  wantedFile: "ipxe.efi",
};
const from = { address: "192.168.1.2", file: "ipxe.efi", next: "192.168.1.1", from: "192.168.1.1" };
const file: Expectation = {
  ...{ ask: "tftp", id: "BootFile/p/one/ipxe.efi", address: "192.168.1.1", name: "ipxe.efi" },
  ...{ path: "/srv/tftp/ipxe.efi", sha256: "aa" },
};
const dns: Expectation = {
  ...({ ask: "dns", id: "NameServer/p/one/names", server: "192.168.1.1", name: "db-1", type: 1, how: "udp" } as const),
  wanted: "192.168.1.2",
};
export const unit: Expectation = { ask: "unit", id: dhcpId, unit: "isc-dhcp-server.service", sockets: ["packet eno2"] };

const putBack = renderUndone({ ran: "isc-dhcp-server.service\0tftpd-hpa.service" });
const seen = (what: string, expectation: Expectation, values: Readonly<Record<string, string>>): Situation => ({
  what,
  said: whyWrong(expectation, { n: 0, undoes: true, seen: values }),
  undone: putBack,
});

export const proof: readonly Situation[] = [
  seen("a daemon that does not stay up", unit, { active: "failed", sub: "failed", said: "no subnet for eno2\n" }),
  seen("a daemon that does not listen", unit, { active: "active", sub: "running", said: "bind: no such address\n" }),
  seen(
    "no time",
    { ask: "ntp", id: "TimeServer/p/one/time", address: "192.168.1.1", unit: "chrony.service" },
    { said: "no sources\n" },
  ),
  seen("no name", dns, { rcode: "3", answers: "" }),
  seen("another address for a name", dns, { rcode: "0", answers: "192.168.1.9" }),
  seen("a name that should be gone", { ...dns, wanted: "that there is no such name" }, { answers: "192.168.1.9" }),
  seen("no name server", dns, { silent: "1" }),
  seen("no file", file, { said: "File not found" }),
  ...(
    [
      ["that somebody stopped", "ActiveState=inactive"],
      ["that a drop-in keeps from starting", `ActiveState=inactive\n${mine}`],
      ["that ends when it is started", "ActiveState=failed"],
      ["that a drop-in ends", `ActiveState=activating\n${mine}`],
      ["that listens somewhere else", "ActiveState=active"],
      ["that a drop-in has listen somewhere else", `ActiveState=active\n${mine}`],
    ] as const
  ).map(([what, said]) =>
    seen(`a TFTP server ${what}`, { ...file, silent: stopped("tftpd-hpa.service", said) }, { said: "no answer" }),
  ),
  seen("a folder that the user tftp may not enter", file, { said: "Permission denied" }),
  seen("a file that comes too slowly", file, { said: "it did not come whole in 30 s" }),
  seen("another file", file, { sha256: "bb" }),
  seen("another file of a chain", { ...file, chain: "x64 ipxe.efi", stands: true }, { sha256: "bb" }),
  seen("no answer by DHCP", asked, offer),
  seen(
    "a DHCP server that somebody stopped",
    { ...asked, silent: stopped("isc-dhcp-server.service", "ActiveState=inactive") },
    offer,
  ),
  seen("a proof that takes too long", asked, { ...offer, late: "1" }),
  seen("another address", asked, { ...offer, ...from, address: "192.168.1.9" }),
  seen("another file by DHCP", asked, { ...offer, ...from, file: "other.efi", from: "192.168.1.14" }),
  seen("another boot server", asked, { ...offer, ...from, next: "192.168.1.9", ipxe: "1" }),
  seen("another DHCP server", asked, { is: "server", server: "192.168.1.14", hardware: "52:54:00:00:00:99" }),
  seen("an answer for a stranger", asked, { is: "stranger", mac: "02:6e:62:01:02:03", address: "192.168.1.9" }),
  seen(
    "rules that are not there",
    { ask: "heads", id: "Firewall/p/one/f", heads: "" },
    { missing: "inet filter input: udp dport 69" },
  ),
  {
    what: "a daemon's own checker",
    said: whyInvalid(
      { ...noPlan, checks: [{ program: "dhcpd", id: dhcpId, argv: ["dhcpd"], if: ["/etc/dhcp/dhcpd.conf"] }] },
      0,
      "/etc/dhcp/dhcpd.conf line 3: unknown statement no-such-statement\nConfiguration file errors encountered -- exiting\n",
    ),
  },
  {
    what: "what was there before does not run either",
    said: whyWrong(asked, { n: 0, undoes: true, seen: offer }),
    undone: renderUndone({ ran: "a.service", down: "isc-dhcp-server.service" }),
  },
  {
    what: "what was there before can't be put back",
    said: whyWrong(asked, { n: 0, undoes: true, seen: offer }),
    undone: renderUndone({ failed: "cannot put /etc/dhcp/dhcpd.conf back: Operation not permitted" }),
  },
];
