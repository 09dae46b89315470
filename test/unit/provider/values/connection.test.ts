import { describe, expect, it } from "vitest";
import { connectionSchema, connectionSecrets, whyNoPrivateKey } from "../../../../provider/values/connection.ts";
import { read } from "../../../../provider/values/problem.ts";

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO++5LIjabig21SHzIIm9kIg7y73G9I2cCZfjqbogOAp";

const mistakes = (value: unknown): readonly string[] =>
  read(connectionSchema, value).problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));

describe("whyNoPrivateKey", () => {
  it.each([
    ["~/.ssh/id_ed25519", /^is a path, .*privateKeyPath/],
    ["/home/me/.ssh/id_ed25519", /^is a path/],
    ["./key", /^is a path/],
    ["C:\\Users\\me\\key", /^is a path/],
    [`${ed25519} me@here`, /^is a public key/],
    ["-----BEGIN PUBLIC KEY-----\nMCow", /^is a public key/],
    ["swordfish", /^is no private key/],
  ])("tells what %s is, and does not repeat it", (text, expected) => {
    expect(whyNoPrivateKey(text)).toMatch(expected);
    expect(whyNoPrivateKey(text)).not.toContain(text.slice(0, 9));
  });

  it.each(["OPENSSH ", "RSA ", "", "ENCRYPTED ", "EC "])(
    "leaves the rest to who reads it: BEGIN %sPRIVATE KEY",
    (kind) => {
      expect(whyNoPrivateKey(`-----BEGIN ${kind}PRIVATE KEY-----\nMC4CAQ`)).toBeUndefined();
      expect(whyNoPrivateKey("PuTTY-User-Key-File-3: ssh-ed25519")).toBeUndefined();
    },
  );
});

describe("connectionSchema", () => {
  it.each(["me:node0", "me#node0", "me@corp:root@node0:ssh"])("takes the user %s as it stands there", (user) => {
    expect(connectionSchema.parse({ host: "bastion", user })).toEqual({ host: "bastion", user });
  });

  it("takes a whole connection as @pulumi/command writes it", () => {
    const connection = {
      host: "node0.example",
      port: 2222,
      user: "admin",
      password: "secret",
      privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----",
      privateKeyPassword: "wonderful",
      agentSocketPath: "/run/agent.sock",
      hostKey: `${ed25519} root@node0`,
      dialErrorLimit: -1,
      perDialTimeout: 30,
      proxy: { host: "bastion.example", user: "jump" },
    };
    expect(connectionSchema.parse(connection)).toEqual(connection);
  });

  it("takes an alias, an address of either family, and nothing else", () => {
    for (const host of ["node0", "192.168.1.1", "fe80::1%eno2", "[2001:db8::1]", "Rack_A.node-0"]) {
      expect(connectionSchema.parse({ host })).toEqual({ host });
    }
  });

  it("counts an empty optional text as not given", () => {
    expect(connectionSchema.parse({ host: "node0", hostKey: "", password: "", user: undefined })).toEqual({
      host: "node0",
    });
  });

  it.each([
    [{}, ['host: is required; write an address, a name or an alias of ~/.ssh/config, as in "node0.example"']],
    [
      { host: "-oProxyCommand=x" },
      [
        'host: "-oProxyCommand=x" is no host; write an address, a name or an alias of ~/.ssh/config, as in "node0.example"',
      ],
    ],
    [{ host: "root@node0" }, ['host: "root@node0" holds a user; write host: "node0", user: "root"']],
    [{ host: "node0:2222" }, ['host: "node0:2222" holds a port; write host: "node0", port: 2222']],
    [
      { host: "node0", port: 0, perDialTimeout: 0, dialErrorLimit: -2 },
      [
        "port: 0 is no port; write a whole number from 1 to 65535, as in 22",
        "dialErrorLimit: -2 is no number of attempts; write a whole number from 0, as in 10, or -1 for half an hour of them",
        "perDialTimeout: 0 is no time to wait for a connection; write seconds, more than 0 and at most 3600, as in 15",
      ],
    ],
    [{ host: "node0", port: "22" }, ['port: "22" is no port; write a whole number from 1 to 65535, as in 22']],
    [{ host: "node0", username: "root" }, ['there is no property "username"; did you mean user?']],
    [
      { host: "node0", hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk" },
      [expect.stringMatching(/^hostKey: is a private key, and the server's public one belongs here; write the line /)],
    ],
    [{ host: "node0", hostkey: "x" }, ['there is no property "hostkey"; did you mean hostKey?']],
    [{ host: "node0", proxy: { host: "a b" } }, [expect.stringMatching(/^proxy\.host: "a b" is no host/)]],
    ["node0", ['is no connection; write an object, as in { host: "node0.example", user: "root" }']],
    [
      { host: "node0", privateKey: "x", privateKeyPath: "y" },
      ["privateKeyPath: is given beside privateKey; give one of the two"],
    ],
  ])("refuses %j", (value, expected) => {
    expect(mistakes(value)).toEqual(expected);
  });

  it.each([
    ["SHA256:h/uQgM/RBZSLqeFnV9bEmFC39I50YXeFn/awybAk56E", "is a fingerprint, not the key"],
    [`node0 ${ed25519}`, 'begins with a host name; leave that out and begin with "ssh-ed25519"'],
    ["ssh-dss AAAAB3NzaC1kc3MAAACBAJ", "begins with no type of host key that we know"],
    [ed25519.replace("ssh-ed25519", "ssh-rsa"), "is no whole ssh-rsa key"],
    ["ssh-ed25519 AAAAC3", "is no whole ssh-ed25519 key"],
    [`${ed25519}\n${ed25519}`, "holds more than one line"],
  ])("refuses the host key %j", (hostKey, message) => {
    expect(mistakes({ host: "node0", hostKey })).toEqual([expect.stringContaining(message)]);
  });

  it("never shows the value of a secret", () => {
    const value = { host: "node0", password: ["hunter2"], privateKey: { hunter2: 1 }, privateKeyPassword: 2222222 };
    const text = mistakes(value).join("\n");
    expect(text).toContain("password: is no text");
    expect(text).not.toMatch(/hunter2|2222222/);
  });
});

describe("connectionSecrets", () => {
  it("finds every secret, the jump hosts' included", () => {
    const secrets = connectionSecrets({
      host: "node0",
      user: "root",
      password: "one",
      proxy: { host: "a", privateKey: "two", proxy: { host: "b", privateKeyPassword: "three" } },
    });
    expect(secrets).toEqual(["one", "two", "three"]);
  });
});
