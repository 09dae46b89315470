import { describe, expect, it } from "vitest";
import { whyServerRefuses } from "../../../../provider/admitted/whyServerRefuses";
import { tftpPeers } from "../../../../provider/facts/tftpPeers";
import { hostAnswers, seenFile } from "../plan/told";

const path = { interface: "eno2", address: "192.168.1.1", cidr: "192.168.1.0/28" };

/** Why machines of 192.168.1.0/28 are not answered, with such files, or such properties of units. */
function why(allow = "", deny = "", units = "", machine?: string) {
  const told = {
    "peers.allow": seenFile("/etc/hosts.allow", { content: allow }),
    "peers.deny": seenFile("/etc/hosts.deny", { content: deny }),
    "peers.units": { status: 0, said: units },
  };
  return whyServerRefuses(tftpPeers.read(hostAnswers(told)), { ...path, machine });
}

const said = (...args: Parameters<typeof why>): string => {
  const found = why(...args);
  return found === undefined ? "answers" : found.sure ? "refuses" : "in doubt";
};

describe("whyServerRefuses, of one machine", () => {
  it("is sure where it is not of all of them", () => {
    const deny = "ALL: 192.168.1.3\n";
    expect(said("", deny)).toBe("in doubt");
    expect(said("", deny, "", "192.168.1.2")).toBe("answers");
    expect(why("", deny, "", "192.168.1.3")).toEqual({
      sure: true,
      text:
        "in.tftpd answers no machine at 192.168.1.3, by /etc/hosts.deny, line 1 (ALL: 192.168.1.3); " +
        "put `in.tftpd: 192.168.1.0/255.255.255.240` first in /etc/hosts.allow",
    });
    expect(why("", "ALL: PARANOID\n", "", "192.168.1.3")?.text).toMatch(
      /answers the machine at 192\.168\.1\.3, because/,
    );
  });
});

describe("whyServerRefuses, by hosts.allow and hosts.deny", () => {
  it("names file, line and the way out", () => {
    expect(why("sshd: ALL\n", "# none\n\nALL: ALL\n")).toEqual({
      sure: true,
      text:
        "in.tftpd answers no machine of 192.168.1.0/28, by /etc/hosts.deny, line 3 (ALL: ALL); " +
        "put `in.tftpd: 192.168.1.0/255.255.255.240` first in /etc/hosts.allow",
    });
    expect(why("sshd: ALL\nin.tftpd: LOCAL\n", "ALL: ALL\n")).toEqual({
      sure: false,
      text:
        "it can't be told whether in.tftpd answers the machines of 192.168.1.0/28, because of /etc/hosts.allow, line 2 " +
        "(in.tftpd: LOCAL); put `in.tftpd: 192.168.1.0/255.255.255.240` first in /etc/hosts.allow",
    });
    expect(said("in.tftpd: 192.168.1.0/255.255.255.240\nsshd: ALL\n", "ALL: ALL\n")).toBe("answers");
  });

  // Each was asked of tcpdmatch(8), too, for 192.168.1.2 and 192.168.1.14.
  it.each([
    ["in.tftpd: 192.168.1.\n", "answers"],
    ["in.tftpd: 192.168.1.*\n", "answers"],
    ["IN.TFTPD, sshd : 10.0.0.1 192.168.0.0/16\n", "answers"],
    ["in.tftpd@192.168.1.1: ALL\n", "answers"],
    ["ALL: 192.168.1.0/28\n", "answers"],
    ["in.tftpd: \\\n 192.168.1.0/28\n", "answers"],
    ["in.tftpd: ALL : severity info\n", "answers"],
    ["ALL EXCEPT sshd: ALL\n", "answers"],
    ["in.tftpd: 192.168.1.0/28 EXCEPT 10.0.0.1\n", "answers"],
    // A network with bits behind its mask means nobody, nor does a last line that does not end.
    ["in.tftpd: 192.168.1.1/28\n", "refuses"],
    ["in.tftpd: 192.168.1.0/28", "refuses"],
    ["in.tftpd: 192.168.1.0/28 : deny\n", "refuses"],
    ["tftpd: ALL\n", "refuses"],
    ["in.tftpd 192.168.1.0/28\n", "refuses"],
    ["in.tftpd@10.0.0.1: ALL\n", "refuses"],
    ["in.tftpd: [::ffff:192.168.1.0]/124\n", "refuses"],
    ["ALL EXCEPT in.tftpd: ALL\n", "refuses"],
    ["in.tftpd: ALL EXCEPT 192.168.0.0/16\n", "refuses"],
    // What goes by names, or by some of the machines.
    ["in.tftpd: LOCAL\n", "in doubt"],
    ["in.tftpd: .example.net\n", "in doubt"],
    ["in.tftpd: KNOWN\n", "in doubt"],
    ["in.tftpd: @machines\n", "in doubt"],
    ["in.tftpd: /etc/machines\n", "in doubt"],
    ["in.tftpd: 192.168.1.2\n", "in doubt"],
    ["in.tftpd: ALL EXCEPT 192.168.1.2\n", "in doubt"],
    ["in.tftpd: ALL : aclexec /bin/true\n", "in doubt"],
  ])("reads hosts.allow as libwrap does: %j", (allow, verdict) => {
    expect(said(allow, "ALL: ALL\n")).toBe(verdict);
  });

  it.each([
    ["in.tftpd: UNKNOWN\n", "in doubt"],
    ["ALL: PARANOID\n", "in doubt"],
    ["in.tftpd: 10.\n", "answers"],
    ["in.tftpd: ALL : allow\nALL: ALL\n", "answers"],
    ["ALL: ALL\n", "refuses"],
  ])("reads hosts.deny as libwrap does: %j", (deny, verdict) => {
    expect(said("", deny)).toBe(verdict);
  });

  it("does not doubt a line whose answer would be the same without it", () => {
    expect(said("in.tftpd: LOCAL\nin.tftpd: ALL\n", "ALL: ALL\n")).toBe("answers");
    expect(said("in.tftpd: LOCAL : deny\n", "ALL: ALL\n")).toBe("refuses");
  });
});

describe("whyServerRefuses, by what the unit may hear", () => {
  const nothing = "IPAddressAllow=\nIPAddressDeny=\nRestrictNetworkInterfaces=~\n";

  it.each([
    [nothing, "answers"],
    ["IPAddressDeny=0.0.0.0/0 ::/0\n", "refuses"],
    ["IPAddressDeny=0.0.0.0/0 ::/0\nIPAddressAllow=127.0.0.0/8 192.168.1.1/32\n", "in doubt"],
    ["IPAddressDeny=0.0.0.0/0\nIPAddressAllow=127.0.0.0/8 ::1/128\n", "refuses"],
    [`${nothing}\nIPAddressDeny=0.0.0.0/0\nIPAddressAllow=192.168.0.0/16\n`, "answers"],
    ["IPAddressDeny=192.168.1.2/32\n", "in doubt"],
    ["IPIngressFilterPath=/sys/fs/bpf/mine\n", "in doubt"],
    ["RestrictNetworkInterfaces=lo\n", "refuses"],
    ["RestrictNetworkInterfaces=lo eno2\n", "answers"],
    ["RestrictNetworkInterfaces=~eno2\n", "refuses"],
    ["RestrictNetworkInterfaces=~eno3\n", "answers"],
  ])("%j: %s", (units, verdict) => {
    expect(said("", "", units)).toBe(verdict);
  });

  it("knows that nobody is denied where systemd has said that it filters nothing", () => {
    const told = {
      "peers.units": { status: 0, said: "IPAddressDeny=0.0.0.0/0\n" },
      "peers.unfiltered": {
        status: 0,
        said: "tftpd-hpa.service: unit configures an IP firewall, but the local system does not support BPF/cgroup firewalling.\n",
      },
    };
    expect(whyServerRefuses(tftpPeers.read(hostAnswers(told)), path)).toBeUndefined();
  });

  it.each(["IPAddressDeny=0.0.0.0/0\n", "RestrictNetworkInterfaces=lo\n"])(
    "doubts %j in a container, where systemd carries it out only with BPF",
    (units) => {
      const told = { "peers.units": { status: 0, said: units }, "peers.container": { status: 0, said: "" } };
      expect(whyServerRefuses(tftpPeers.read(hostAnswers(told)), path)).toMatchObject({ sure: false });
      const bare = { ...told, "peers.container": { status: 1, said: "" } };
      expect(whyServerRefuses(tftpPeers.read(hostAnswers(bare)), path)).toMatchObject({ sure: true });
    },
  );

  it("says by what", () => {
    expect(why("", "", "IPAddressDeny=0.0.0.0/0\n")?.text).toBe(
      "tftpd-hpa.service hears no machine of 192.168.1.0/28, by IPAddressDeny=0.0.0.0/0; " +
        "`systemctl cat tftpd-hpa.service system.slice` shows where that is set",
    );
  });
});
