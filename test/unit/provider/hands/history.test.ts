import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line } from "../../../../provider/conversation/protocol";
import { parseHistory } from "../../../../provider/facts/bootLog";
import { inHands } from "./perl";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netboot-history-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What is told of a log, whose lines stand a second apart, without the line that says where it begins. */
function told(lines: readonly string[], macs?: readonly string[]): string {
  return toldWhole(lines, macs).replace(/^\S+ pulumi-netboot: begins\n?/, "");
}

function toldWhole(lines: readonly string[], macs?: readonly string[]): string {
  const log = lines.map((text, second) => `${1_790_000_000 + second}.000001 node0 ${text}\n`).join("");
  writeFileSync(join(folder, "journalctl"), `#!/bin/sh\ncat <<'END'\n${log}END\n`, { mode: 0o755 });
  const perl = `
    local $ENV{PATH} = "$in[0]{folder}:$ENV{PATH}";
    tell_client('log', text => log_of_boots('192.168.1.1', '-1d', $in[0]{macs} ? [split / /, $in[0]{macs}] : undef));`;
  const said = inHands(perl, [line("given", { folder, ...(macs !== undefined && { macs: macs.join(" ") }) })]);
  return said[0]?.values["text"] ?? "";
}

const mac = "52:54:00:00:00:01";
const kea = "kea-dhcp4[7]: INFO ";
const classed = (name: string): string => `${kea} EVAL_RESULT Expression ${name} evaluated to 1`;
const from = (who: string): string => `[hwtype=1 ${who}], cid=[no info], tid=0x1`;
const offered = `${kea} DHCP4_LEASE_ADVERT ${from(mac)}: lease 192.168.1.3 will be advertised`;
const lent = `${kea} DHCP4_LEASE_ALLOC ${from(mac)}: lease 192.168.1.3 has been allocated for 1 seconds`;
const refused = (who: string): string =>
  `kea-dhcp4[7]: WARN  ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES ${from(who)}: Failed to allocate an IPv4 address for client`;
const fetched = (name: string): string => `in.tftpd[9]: RRQ from 192.168.1.3 filename ${name}`;

const boot = [
  ...[classed("netboot-x64"), offered, classed("netboot-x64"), lent, fetched("ipxe.efi")],
  ...[classed("netboot-script"), offered, classed("netboot-script"), lent, fetched("refind.pxe")],
  ...[fetched("refind.conf"), fetched("refind_x64.efi"), offered, lent],
];

describe("log_of_boots", () => {
  it("says where the log begins, whoever said its first line, and nothing of one that is empty", () => {
    expect(toldWhole(["cron[1]: something", "cron[1]: more"])).toBe("1790000000.000001 pulumi-netboot: begins");
    expect(toldWhole([])).toBe("");
  });

  it("tells a boot by Kea's lines as by dhcpd's", () => {
    const [found, ...more] = parseHistory({ log: told(boot), files: "" });
    expect(more).toEqual([]);
    expect(found).toMatchObject({ mac, reached: "system", address: "192.168.1.3", architecture: 7 });
    expect(found?.files.map(({ name }) => name)).toEqual(["ipxe.efi", "refind.pxe", "refind.conf", "refind_x64.efi"]);
    expect(Object.keys(found?.dhcp ?? {})).toEqual([
      ...["firmware asked", "firmware answered", "iPXE asked", "iPXE answered", "system answered"],
    ]);
  });

  it("leaves out what the proof asked, and its stranger", () => {
    const probe = [classed("netboot-x64"), classed("netboot-probe"), offered, refused("02:6e:62:00:00:01")];
    expect(told(probe)).toBe("");
  });

  it("tells who was refused, and of some machines only theirs", () => {
    const stranger = "52:54:00:99:99:99";
    expect(parseHistory({ log: told([classed("netboot-x64"), refused(stranger)]), files: "" })).toMatchObject([
      { mac: stranger, reached: "refused" },
    ]);
    expect(told([classed("netboot-x64"), refused(stranger)], [mac])).toBe("");
    expect(told(boot, [stranger])).toBe("");
    expect(told(boot, [mac])).toBe(told(boot));
  });

  it("takes no class of one machine's question for another's", () => {
    const other = "52:54:00:00:00:02";
    const log = [classed("netboot-x64"), refused(other), lent];
    expect(told(log, [mac])).toBe("");
  });
});
