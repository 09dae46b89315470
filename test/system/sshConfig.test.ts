import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandHostName, followed, noted, readSshSettings, type SshSettings } from "../../provider/ssh/sshConfig.ts";

/** What ssh itself says of a configuration, by `ssh -G`. */

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netboot-ssh-config-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly config: string;
  readonly host?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A home folder with this configuration; its Includes name their files by their whole paths (`HOME`). */
function homeOf({ config, files = {} }: Case): string {
  const home = mkdtempSync(join(folder, "home-"));
  for (const [name, text] of Object.entries({ ".ssh/config": config, ...files })) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text.replaceAll("HOME", home), { mode: 0o600 });
  }
  return home;
}

function bySsh(home: string, host: string): Record<string, readonly string[]> {
  const output = execFileSync("ssh", ["-G", "-F", join(home, ".ssh/config"), host], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const found: Record<string, string[]> = {};
  for (const line of output.trim().split("\n")) {
    const [, keyword = "", value = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    found[keyword.toLowerCase()] = [...(found[keyword.toLowerCase()] ?? []), value];
  }
  return found;
}

function byUs(home: string, host: string): SshSettings {
  const around = { home, userName: "root", env: {}, systemFolder: join(home, "etc-ssh") };
  return readSshSettings({ host, user: undefined, defaultUser: "root" }, around);
}

describe("readSshSettings", () => {
  it.each<[string, Case]>([
    ["nothing", { config: "" }],
    [
      "quotes, equals signs, blanks and comments",
      { config: 'HostName="a.example" # b\n\tPort = 2222\t\n  USER\toperator#1 #2\n#User c' },
    ],
    ["a user with signs", { config: "User me#node0" }],
    ["a user with a colon", { config: "User me:node0:ssh" }],
    ["a user with blanks", { config: 'User "a b"' }],
    [
      "escapes",
      {
        config: String.raw`IdentityFile "/a \"b\" c"
IdentityFile /d\ e\'f
IdentityFile '/g h'`,
      },
    ],
    ["carriage returns", { config: "Host node0\r\n  Port 2222\r\n" }],
    ["patterns", { config: "Host !node0 *\n  User first\nHost node?\n  User second\nHost *\n  User third" }],
    ["letters of another size", { config: "Host NODE0\n  User big\nHost node0\n  User small", host: "NODE0" }],
    ["Match by host, after HostName", { config: "HostName node0.example\nMatch host *.example\n  Port 1" }],
    [
      "Match by originalhost and user",
      { config: "User me\nMatch originalhost node0 user me,you\n  Port 1\nMatch user root\n  Port 2" },
    ],
    ["Match !canonical", { config: "Match !canonical user root\n  Port 1" }],
    ["Match canonical", { config: "Match canonical\n  Port 1\nMatch all\n  Port 2" }],
    ["Match !final", { config: "Match !final host node0\n  Port 1" }],
    [
      "Match final, of a name that stands for another",
      {
        config:
          "Host node0\n  HostName b.example\nMatch final host b.example\n  Port 1\n  IdentityFile /a\nHost b.example\n  User b\n  IdentityFile /b",
      },
    ],
    [
      "Match final in an included file",
      { config: "Include HOME/more\nUser a", files: { more: "Match final\n  User b\n  Port 1" } },
    ],
    ["negated criteria", { config: "Match !user nobody !host other,another\n  Port 1" }],
    ["Match all", { config: "Match all\n  Port 1" }],
    [
      "an included block that does not leak",
      {
        config: "Host node0\n  Include HOME/a\n  Port 1\nHost *\n  User z",
        files: { a: "Host other\n  Port 2\n  User x" },
      },
    ],
    [
      "an Include in a block that is not meant",
      { config: "Host other\n  Include HOME/a\nHost *\n  Port 1", files: { a: "Match all\n  Port 2" } },
    ],
    [
      "Include with patterns",
      { config: "Include HOME/d/*.conf", files: { "d/2.conf": "Port 2", "d/1.conf": "Port 1" } },
    ],
    [
      "files twice",
      { config: "IdentityFile /a\nIdentityFile /a\nIdentityFile none\nCertificateFile /c\nCertificateFile /c" },
    ],
    ["jump hosts", { config: "ProxyJump a@b:22,c # d" }],
    ["jump hosts and a command", { config: "ProxyCommand nc %h %p # all of it\nProxyJump b" }],
    ["no jump host", { config: "ProxyJump none\nProxyJump b" }],
    ["lists of files", { config: 'UserKnownHostsFile /a "/b c"\nGlobalKnownHostsFile none\nUserKnownHostsFile /d' }],
    ["names of keys", { config: "HostKeyAlias x\nRevokedHostKeys /r\nIdentityAgent /s\nIdentitiesOnly yes" }],
    ["addresses", { config: "AddressFamily inet6\nBindAddress ::1" }],
    ["a token of HostName", { config: "HostName %h.rack%%a" }],
  ])("reads as ssh does: %s", (_what, given) => {
    const { host = "node0" } = given;
    const home = homeOf(given);
    const ssh = bySsh(home, host);
    const ours = byUs(home, host);
    const [theirFiles] = [ssh["identityfile"] ?? []];
    expect({
      hostname: expandHostName(ours.hostName ?? "%h", host.toLowerCase()),
      user: ours.user ?? "root",
      port: String(ours.port ?? 22),
      identityfile: ours.identityFiles.length === 0 ? theirFiles : ours.identityFiles,
      certificatefile: ours.certificateFiles,
      identitiesonly: ours.identitiesOnly ? "yes" : "no",
      identityagent: ours.identityAgent,
      proxyjump: ours.proxyJump === "none" ? undefined : ours.proxyJump,
      proxycommand: ours.proxyCommand,
      userknownhostsfile: ours.userKnownHostsFiles?.join(" ") ?? ssh["userknownhostsfile"]?.[0],
      globalknownhostsfile: ours.globalKnownHostsFiles?.join(" ") ?? ssh["globalknownhostsfile"]?.[0],
      revokedhostkeys: ours.revokedHostKeys[0],
      hostkeyalias: ours.hostKeyAlias,
      addressfamily: { 4: "inet", 6: "inet6", 0: "any" }[ours.family ?? 0],
      bindaddress: ours.bindAddress,
    }).toEqual({
      hostname: ssh["hostname"]?.[0],
      user: ssh["user"]?.[0],
      port: ssh["port"]?.[0],
      identityfile: theirFiles,
      certificatefile: ssh["certificatefile"] ?? [],
      identitiesonly: ssh["identitiesonly"]?.[0],
      identityagent: ssh["identityagent"]?.[0],
      proxyjump: ssh["proxyjump"]?.[0],
      proxycommand: ssh["proxycommand"]?.[0],
      userknownhostsfile: ssh["userknownhostsfile"]?.[0],
      globalknownhostsfile: ssh["globalknownhostsfile"]?.[0],
      revokedhostkeys: ssh["revokedhostkeys"]?.[0],
      hostkeyalias: ssh["hostkeyalias"]?.[0],
      addressfamily: ssh["addressfamily"]?.[0],
      bindaddress: ssh["bindaddress"]?.[0],
    });
  });
});

describe("docs/ssh.md", () => {
  /** The settings of each of its tables, in small letters. */
  const tables = new Map(
    readFileSync("docs/ssh.md", "utf8")
      .split(/^### /m)
      .slice(1)
      .map((part) => {
        const [title = ""] = part.split("\n");
        const rows = [...part.matchAll(/^\| (?!settings?\b)([A-Z][^|]*) \|/gm)];
        return [title, rows.flatMap(([, names = ""]) => names.toLowerCase().split(", "))] as const;
      }),
  );
  const all = [...tables.values()].flat();

  it("has each setting once, and those that the code follows or notes in their tables", () => {
    expect(all.filter((name, at) => all.indexOf(name) !== at)).toEqual([]);
    expect(tables.get("Followed")?.toSorted()).toEqual(
      ["host", "include", "match", ...Object.keys(followed)].toSorted(),
    );
    expect(tables.get("Said in a failure")?.toSorted()).toEqual(Object.keys(noted).toSorted());
  });

  it("has each setting that ssh itself knows", () => {
    const home = homeOf({ config: "" });
    expect(Object.keys(bySsh(home, "node0")).filter((name) => !all.includes(name))).toEqual([]);
    // ssh refuses a configuration with a keyword that it does not know; the few newer ones it may not know yet.
    const newer = [
      "bindinterface",
      "tag",
      "channeltimeout",
      "obscurekeystroketiming",
      "refuseconnection",
      "usekeychain",
    ];
    const known = all.filter((name) => {
      const { status, stderr } = spawnSync("ssh", ["-G", "-o", `${name}`, "node0"], { encoding: "utf8" });
      return status === 0 || !/Bad configuration option/i.test(stderr);
    });
    expect(all.filter((name) => !known.includes(name) && !newer.includes(name))).toEqual([]);
  });
});
