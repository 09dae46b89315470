import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import { dhcpdConf, dhcpdUnit, hostsConf, tftpdUnit, unitFile } from "../../../../provider/os/paths";
import {
  daemonQuestions,
  staleUnits,
  whyNotAsDeclared,
  whyStartedOtherwise,
  whyUserIsGone,
} from "../../../../provider/plan/daemons";
import { changeOf, hostAnswers, put, seenFile, type Told } from "./told";

const id = "DhcpServer/p/one/dhcp";
const command = `/usr/sbin/dhcpd -f -cf ${dhcpdConf}`;
const wants: readonly Want[] = [
  { want: "file", path: unitFile(dhcpdUnit), mode: "0644", content: `[Service]\nExecStart=${command} @interface@\n` },
  { want: "listen", unit: dhcpdUnit, on: { kind: "packet", interface: "@interface@" } },
  { want: "unit", name: dhcpdUnit, restartedBy: [unitFile(dhcpdUnit), dhcpdConf, hostsConf] },
];
const server = put(id, ...wants);

/** As node 0 answers, of a daemon that was started at 10:00:00. */
function runs(
  more: {
    words?: string;
    root?: string;
    rootDirectory?: string;
    reload?: string;
    changed?: string;
    dropIn?: string;
  } = {},
): Told {
  const {
    words = `${command} eno2`,
    root = "/",
    rootDirectory = "",
    reload = "no",
    changed = "2026-11-22T10:00:00Z",
    dropIn = "",
  } = more;
  const said = `MainPID=7\nId=${dhcpdUnit}\nNeedDaemonReload=${reload}\nExecMainStartTimestamp=Sun 2026-11-22 10:00:00 UTC
RootDirectory=${rootDirectory}\nRoot=${root}\nIsOurRoot=${rootDirectory === "" ? "yes" : "no"}\nWords=${words.replaceAll(" ", "\t")}\t\n\n`;
  return {
    "daemons.running": { status: 0, said },
    "daemons.overrides": { status: 0, said: dropIn },
    [`daemons read ${hostsConf}`]: seenFile(hostsConf, { ctime: Date.parse(changed) / 1000 }),
  };
}

const named = (text: string) => text.replaceAll("@interface@", "eno2");
const why = (told: Told) => whyNotAsDeclared(server, hostAnswers(told), named).get(dhcpdUnit)?.text;
const dropIn = `/etc/systemd/system/${dhcpdUnit}.d/x.conf`;

describe("whyNotAsDeclared", () => {
  it("has nothing against a daemon that runs as is declared, or that does not run", () => {
    expect(why(runs())).toBeUndefined();
    expect(why({})).toBeUndefined();
    expect(
      why({ "daemons.running": { status: 0, said: `MainPID=0\nId=${dhcpdUnit}\nRoot=\nWords=\n\n` } }),
    ).toBeUndefined();
  });

  it.each<[string, Told, string]>([
    [
      "another interface, too",
      runs({ words: `${command} eno2 eno1` }),
      `it runs as \`${command} eno2 eno1\`, not as \`${command} eno2\``,
    ],
    [
      "another file, by a drop-in",
      runs({
        words: "/usr/sbin/dhcpd -cf /etc/x eno2",
        dropIn: `${dropIn}:ExecStart=/usr/sbin/dhcpd -cf /etc/x eno2\n`,
      }),
      `it runs as \`/usr/sbin/dhcpd -cf /etc/x eno2\`, not as \`${command} eno2\`, by ${dropIn}: take its lines away`,
    ],
    ["another root", runs({ root: "/srv/jail" }), "it runs in /srv/jail as its root, and reads no file outside"],
    [
      "another root that systemd made, by a drop-in for all services",
      runs({ rootDirectory: "/opt/jail", dropIn: "/etc/systemd/system/service.d/all.conf:RootDirectory=/opt/jail\n" }),
      "it runs in /opt/jail as its root, and reads no file outside, by /etc/systemd/system/service.d/all.conf: take its lines away",
    ],
    [
      "a file of which it has read another text",
      runs({ changed: "2026-11-22T10:00:01Z" }),
      `it reads ${hostsConf} when it is started, and that was changed since`,
    ],
    [
      "a unit that systemd has read another text of",
      runs({ reload: "yes" }),
      "a file of it, or a drop-in, was changed since systemd read it; the next start may be another",
    ],
  ])("tells of %s, and has it started anew", (_name, told, text) => {
    expect(why(told)).toBe(text);
    const change = changeOf([put(id, ...JSON.parse(named(JSON.stringify(wants))))]);
    expect(staleUnits(change, hostAnswers(told))).toEqual([dhcpdUnit]);
    expect(staleUnits(change, hostAnswers(runs()))).toEqual([]);
  });

  it("leaves a unit that is not ours as its host has it", () => {
    const time = put("T", { want: "unit", name: "chrony.service", restartedBy: [] });
    expect(Object.keys(daemonQuestions([time]))).toEqual(["daemonUsers.gone"]);
  });
});

describe("whyNotAsDeclared, of sockets", () => {
  const raw = (pid: number, nic: string) => ({
    "servers.holders: packets": [{ interface: nic, pid, program: "dhcpd", unit: dhcpdUnit }],
  });

  it("tells of a daemon that runs on without the interface that it was started on", () => {
    expect(why({ ...runs(), ...raw(7, "eno2") })).toBeUndefined();
    expect(why({ ...runs(), ...raw(7, "eno2.gone") })).toBe("it runs and does not listen on eno2 any more");
    expect(why({ ...runs(), ...raw(8, "eno2") })).toBe("it runs and does not listen on eno2 any more");
  });

  it("tells of a port that is another process's", () => {
    const command = "/usr/sbin/in.tftpd --foreground";
    const on = { kind: "udp", address: "192.168.1.1", port: 69 } as const;
    const tftp = put(
      "T",
      { want: "file", path: unitFile(tftpdUnit), mode: "0644", content: `[Service]\nExecStart=${command}\n` },
      { want: "unit", name: tftpdUnit, restartedBy: [] },
      { want: "listen", unit: tftpdUnit, on },
    );
    const said = runs({ words: command })["daemons.running"] as { readonly said: string };
    const running = { status: 0, said: said.said.replace(dhcpdUnit, tftpdUnit) };
    const seen = (pid: number) => ({
      "daemons.running": running,
      "servers.holders": [{ protocol: "udp", address: "192.168.1.1", port: 69, pid, program: "in.tftpd" }],
    });
    expect(whyNotAsDeclared(tftp, hostAnswers(seen(7))).size).toBe(0);
    expect(whyNotAsDeclared(tftp, hostAnswers(seen(8))).get(tftpdUnit)?.text).toBe(
      "it runs and does not listen on 192.168.1.1:69 (udp) any more",
    );
  });
});

describe("whyStartedOtherwise", () => {
  const refusal = (said: string) =>
    whyStartedOtherwise(changeOf([server]), hostAnswers({ "daemons.overrides": { status: 0, said } }));

  it("refuses a drop-in with another command, by its path", () => {
    const said = `${dropIn}:ExecStart=\n${dropIn}:ExecStart=/usr/sbin/dhcpd -f eno1 eno2\n`;
    expect(refusal(said)).toMatchObject({
      code: "NOT_SERVING",
      id,
      message: expect.stringMatching(/^\/etc\/systemd\/system\/isc-dhcp-server\.service\.d\/x\.conf has .*eno1 eno2/),
    });
    expect(refusal(said.replaceAll(`${dhcpdUnit}.d`, "isc-.service.d"))).toMatchObject({ code: "NOT_SERVING" });
  });

  it("refuses another root, and another environment where the command has variables of it", () => {
    expect(refusal(`${dropIn}:RootDirectory=/srv/jail\n`)?.message).toContain("(RootDirectory=/srv/jail)");
    expect(refusal(`${dropIn}:EnvironmentFile=/etc/mine\n`)).toBeUndefined();
    const unit = { want: "unit", name: tftpdUnit, restartedBy: [] } as const;
    const content = "[Service]\nEnvironmentFile=/etc/default/tftpd-hpa\nExecStart=/usr/sbin/in.tftpd $TFTP_OPTIONS\n";
    const tftp = put("T", { want: "file", path: unitFile(tftpdUnit), mode: "0644", content }, unit);
    const said = `/etc/systemd/system/${tftpdUnit}.d/x.conf:EnvironmentFile=-/etc/mine\n`;
    const answers = hostAnswers({ "daemons.overrides": { status: 0, said } });
    expect(whyStartedOtherwise(changeOf([tftp]), answers)?.message).toContain("(EnvironmentFile=-/etc/mine)");
  });

  it("has nothing against one that takes the same, or nothing, or is another unit's", () => {
    expect(refusal("")).toBeUndefined();
    expect(refusal(`${dropIn}:ExecStart=${command} @interface@\n`)).toBeUndefined();
    expect(refusal(`${dropIn}:ExecStart=\n`)).toBeUndefined();
    expect(refusal("/etc/systemd/system/tftpd-hpa.service.d/x.conf:ExecStart=/bin/a\n")).toBeUndefined();
  });

  it("looks where systemd looks for drop-ins", () => {
    const { argv } = daemonQuestions([server])["daemons.overrides"] as { readonly argv: readonly string[] };
    expect(argv).toEqual(
      expect.arrayContaining([
        `/etc/systemd/system/${dhcpdUnit}.d`,
        "/run/systemd/system/isc-dhcp-.service.d",
        "/usr/lib/systemd/system/isc-.service.d",
      ]),
    );
  });
});

describe("whyUserIsGone", () => {
  const time = put("TimeServer/p/one/time", { want: "unit", name: "chrony.service", restartedBy: [] });
  const why = (said: string) =>
    whyUserIsGone(changeOf([server, time]), hostAnswers({ "daemonUsers.gone": { status: 0, said } }));

  it("asks for the users of those that have one, where their packages are there", () => {
    expect(daemonQuestions([server])).not.toHaveProperty(["daemonUsers.gone"]);
    expect(daemonQuestions([time])["daemonUsers.gone"]).toMatchObject({
      argv: ["sh", "-c", expect.any(String), "sh", "chrony.service", "chrony", "_chrony"],
    });
  });

  it("refuses what would start a daemon whose user was deleted", () => {
    expect(why("")).toBeUndefined();
    expect(why("gone tftpd-hpa.service\n")).toBeUndefined();
    expect(why("gone chrony.service\n")).toMatchObject({ code: "NOT_SERVING", id: time.id });
  });
});
