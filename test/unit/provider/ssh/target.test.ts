import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveTarget, type Target } from "../../../../provider/ssh/target.ts";
import type { Connection } from "../../../../provider/values/connection.ts";
import { failure, makeUser } from "../../../support/sshServer.ts";

const resolve = (
  connection: Connection,
  config = "",
  more: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Target & { readonly home: string } => {
  const user = makeUser({ ".ssh/config": config, ...more }, env);
  return { ...resolveTarget(connection, user), home: user.home };
};

const chain = ({ user, host, port, via }: Target): readonly string[] => [
  `${user}@${host}:${port}`,
  ...(via === undefined ? [] : chain(via)),
];

describe("resolveTarget", () => {
  it("goes to port 22 as root when nobody says otherwise", () => {
    const target = resolve({ host: "node0.example" });
    expect(target).toMatchObject({ name: "node0.example", host: "node0.example", port: 22, user: "root" });
    expect(target.knownHostsFiles.slice(0, 2)).toEqual([
      join(target.home, ".ssh/known_hosts"),
      join(target.home, ".ssh/known_hosts2"),
    ]);
    expect(target.identityFiles).toBeUndefined();
  });

  it("names the host with an unusual port that the program gives, and by the alias alone otherwise", () => {
    expect(resolve({ host: "node0", port: 2222 }).name).toBe("node0:2222");
    expect(resolve({ host: "fe80::1", port: 2222 }).name).toBe("[fe80::1]:2222");
    expect(resolve({ host: "[fe80::1]" })).toMatchObject({ name: "fe80::1", host: "fe80::1" });
    expect(resolve({ host: "node0" }, "Port 2222").name).toBe("node0");
  });

  it("reads an alias of the OpenSSH configuration", () => {
    const target = resolve(
      { host: "node0" },
      `
# the private rack
Host other node0
  HostName=%h.rack-a.example
  User "operator"
  Port 2222
  IdentityFile ~/.ssh/%r_%h
  IdentityFile %d/keys/\${RACK}
  IdentitiesOnly yes
  UserKnownHostsFile ~/.ssh/rack /etc/rack_hosts
  GlobalKnownHostsFile none
  HostKeyAlias rack-a
  IdentityAgent ~/.ssh/agent.sock

Host *
  User nobody
  IdentityFile ~/.ssh/common
`,
      {},
      { RACK: "a", SSH_AUTH_SOCK: "/run/other.sock" },
    );
    expect(target).toMatchObject({
      name: "node0",
      host: "node0.rack-a.example",
      port: 2222,
      user: "operator",
      identitiesOnly: true,
      hostKeyAlias: "rack-a",
      agentSocket: join(target.home, ".ssh/agent.sock"),
      knownHostsFiles: [join(target.home, ".ssh/rack"), "/etc/rack_hosts"],
      identityFiles: [
        join(target.home, ".ssh/operator_node0.rack-a.example"),
        join(target.home, "keys/a"),
        join(target.home, ".ssh/common"),
      ],
    });
  });

  it("lets the program's fields win over the configuration", () => {
    const target = resolve(
      { host: "node0", port: 22, user: "root", proxy: { host: "bastion" } },
      "Host *\n  Port 2222\n  User operator\n  ProxyJump elsewhere",
    );
    expect(chain(target)).toEqual(["root@node0:22", "operator@bastion:2222", "operator@elsewhere:2222"]);
  });

  it("obeys negated patterns and takes the first value", () => {
    const config = "Host !node0 *\n  User first\nHost node?\n  User second\nHost *\n  User third\n";
    expect(resolve({ host: "node0" }, config).user).toBe("second");
    expect(resolve({ host: "node1" }, config).user).toBe("first");
  });

  it("follows Include, also with patterns, and only inside a block that is meant", () => {
    const target = resolve(
      { host: "node0" },
      "Include conf.d/*.conf\nHost other\n  Include never\nHost *\n  Include last\n",
      {
        ".ssh/conf.d/10-a.conf": "Host node0\n  Port 2210\n",
        ".ssh/conf.d/20-b.conf": "Host node0\n  Port 2220\n  User included\n",
        ".ssh/conf.d/.hidden.conf": "Port 1\n",
        ".ssh/never": "HostName wrong.example\n",
        ".ssh/last": "Host node1\n  HostName wrong.example\nHost node0\n  HostName right.example\n",
      },
    );
    expect(target).toMatchObject({ port: 2210, user: "included", host: "right.example" });
  });

  it("says which file includes itself", async () => {
    const error = await failure(Promise.resolve().then(() => resolve({ host: "node0" }, "Include config\n")));
    expect(error).toMatchObject({
      code: "ARGUMENTS_INVALID",
      message: expect.stringMatching(/config can't be used: Include goes deeper/),
    });
  });

  it("reads the configuration for all users after the user's own", () => {
    const target = resolve({ host: "node0" }, "Host node0\n  User own\n", {
      "etc-ssh/ssh_config": "Host node0\n  User common\n  Port 2222\n",
    });
    expect(target).toMatchObject({ user: "own", port: 2222 });
  });

  it("reads Match blocks by host, user and all, and says which ones it passes over", () => {
    const target = resolve(
      { host: "node0" },
      [
        "Host node0",
        "  HostName node0.example",
        "Match host *.example",
        "  Port 2201",
        "Match originalhost node1",
        "  Port 2202",
        'Match host node0.example exec "true"',
        "  User wrong",
        "Match !user admin localuser somebody",
        "  HostKeyAlias right",
        "Match all",
        "  User operator",
      ].join("\n"),
    );
    expect(target).toMatchObject({ port: 2201, user: "operator", hostKeyAlias: "right" });
    expect(target.notes).toEqual([expect.stringMatching(/Match host node0.example exec true" is passed over/)]);
  });

  it.each([
    ["Match !canonical user root\n  Port 1\nMatch all\n  Port 2", 1],
    ["Match !final host node0\n  Port 1\nMatch all\n  Port 2", 1],
    ["Match canonical\n  Port 1\nMatch all\n  Port 2", 2],
    ["Match\n  Port 1\nMatch all\n  Port 2", 2],
    ["Tag rack\nMatch tagged rack\n  Port 1", 1],
    ["Host node0\n  HostName b.example\nMatch final host b.example\n  Port 1", 1],
    ["Host node0\n  HostName b.example\nMatch final\n  User x\nHost b.example\n  Port 1", 1],
    ["Host=node0\r\n\tPort = 1 # not 2\r\n", 1],
  ])("reads %j as ssh does", (config, port) => {
    const target = resolve({ host: "node0" }, config);
    expect(target).toMatchObject({ port, notes: [] });
  });

  it("passes over a Match with a negated criterion that nobody asks for here, and says so only where the rest fits", () => {
    const config =
      "Match !exec false\n  Port 1\nMatch host other exec true\n  Port 2\nMatch localnetwork 10.0.0.0/8\n  Port 3";
    const { port, notes } = resolve({ host: "node0" }, config);
    expect(port).toBe(22);
    expect(notes).toEqual([
      expect.stringMatching(/Match !exec false" is passed over: exec is not/),
      expect.stringMatching(/Match localnetwork 10\.0\.0\.0\/8" is passed over/),
    ]);
  });

  it("takes users with signs as they stand there, and tokens of ProxyJump for the host behind it", () => {
    expect(resolve({ host: "node0" }, "User me#node0 # a comment").user).toBe("me#node0");
    expect(resolve({ host: "node0" }, 'User "me:node0:ssh"').user).toBe("me:node0:ssh");
    const config =
      "Host node0\n  HostName 10.0.0.1\n  User op\n  Port 2222\n  ProxyJump %r:%h:%n@bastion:%%p # by way of";
    const error = () => resolve({ host: "node0" }, config);
    expect(error).toThrow(/its ProxyJump "%r:%h:%n@bastion:%%p" is no jump host/);
    expect(chain(resolve({ host: "node0" }, config.replace(":%%p", ":%p".replace("%p", "22"))))).toEqual([
      "op@10.0.0.1:2222",
      "op:10.0.0.1:node0@bastion:22",
    ]);
    expect(chain(resolve({ host: "node0" }, "Host node0\n  ProxyJump ssh://me%3Anode0@bastion:2201")).at(-1)).toBe(
      "me:node0@bastion:2201",
    );
    expect(chain(resolve({ host: "node0" }, "Host node0\n  ProxyJump a@b@bastion")).at(-1)).toBe("a@b@bastion:22");
    expect(() => resolve({ host: "node0" }, "ProxyJump %x@bastion")).toThrow(/no tokens but %h, %n, %p and %r/);
  });

  it("says what ssh would do and is not done here", () => {
    const config = "CanonicalizeHostname yes\nKnownHostsCommand /bin/x\nPKCS11Provider none\nPubkeyAuthentication no";
    expect(resolve({ host: "node0" }, config).notes).toEqual([
      expect.stringMatching(/config:1: ssh would obey canonicalizehostname yes, which is not done here/),
      expect.stringMatching(/config:2: ssh would obey knownhostscommand/),
      expect.stringMatching(/config:4: ssh would obey pubkeyauthentication no/),
    ]);
  });

  it("goes through the jump hosts of ProxyJump, the last of them next to the host", () => {
    const config = [
      "Host node0",
      "  ProxyJump jump@outer:2201,inner",
      "Host inner",
      "  HostName 10.0.0.1",
      "  ProxyJump ignored",
      "Host outer",
      "  ProxyJump first",
    ].join("\n");
    expect(chain(resolve({ host: "node0" }, config))).toEqual([
      "root@node0:22",
      "somebody@10.0.0.1:22",
      "jump@outer:2201",
      "somebody@first:22",
    ]);
  });

  it("uses no jump host where ProxyJump is none, or is the host itself", () => {
    expect(resolve({ host: "node0" }, "Host node0\n  ProxyJump none\nHost *\n  ProxyJump bastion").via).toBeUndefined();
    const everywhere = "Host *\n  ProxyJump bastion";
    expect(chain(resolve({ host: "node0" }, everywhere))).toEqual(["root@node0:22", "somebody@bastion:22"]);
    expect(resolve({ host: "bastion" }, everywhere).via).toBeUndefined();
  });

  it.each([
    ["Host a\n  ProxyJump b\nHost b\n  ProxyJump c\nHost c\n  ProxyJump a", /more than 8 jump hosts follow each other/],
    ["ProxyCommand nc %h %p", /reaches it by ProxyCommand, and no command of it is run here/],
    ["ProxyJump a:b:c", /its ProxyJump "a:b:c" is no jump host; write \[user@\]host\[:port\]/],
    ['User "broken', /config is no OpenSSH configuration/],
  ])("refuses %j", async (config, message) => {
    const error = await failure(Promise.resolve().then(() => resolve({ host: "a" }, config)));
    expect(error).toMatchObject({ code: "ARGUMENTS_INVALID", message: expect.stringMatching(message) });
  });

  it("takes the agent of the environment unless the configuration names another or none", () => {
    const env = { SSH_AUTH_SOCK: "/run/a.sock", OTHER: "/run/b.sock" };
    expect(resolve({ host: "node0" }, "", {}, env).agentSocket).toBe("/run/a.sock");
    expect(resolve({ host: "node0" }, "IdentityAgent SSH_AUTH_SOCK", {}, env).agentSocket).toBe("/run/a.sock");
    expect(resolve({ host: "node0" }, "IdentityAgent $OTHER", {}, env).agentSocket).toBe("/run/b.sock");
    expect(resolve({ host: "node0" }, "IdentityAgent none", {}, env).agentSocket).toBeUndefined();
  });

  it("notes a path with a token that it does not know", () => {
    const target = resolve(
      { host: "node0" },
      `IdentityFile ~/.ssh/%Z\nIdentityFile ~bob/id\nIdentityFile ~/.ssh/$\{NOT_SET}\n`,
    );
    expect(target.identityFiles).toEqual([]);
    expect(target.notes).toHaveLength(3);
  });
});
