import { describe, expect, it } from "vitest";
import { parseKnownHosts, speaksOf } from "../../../../provider/ssh/knownHosts.ts";

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO++5LIjabig21SHzIIm9kIg7y73G9I2cCZfjqbogOAp";

const names = (hosts: string, ...asked: readonly string[]): readonly string[] => {
  const [entry] = parseKnownHosts(`${hosts} ${ed25519}\n`, "known_hosts");
  return asked.filter((name) => entry !== undefined && speaksOf(entry, name));
};

describe("parseKnownHosts", () => {
  it("reads markers and places, and passes over what ssh passes over", () => {
    const text = `# a comment\n\nnode0 ${ed25519} root@node0\n@revoked * ${ed25519}\n\n@cert-authority *.example ${ed25519}\n@strange x ${ed25519}\nnode1 ssh-ed25519 AAAA\nbroken\n`;
    expect(
      parseKnownHosts(text, "kh").map(({ marker, hosts, key, place }) => ({ marker, hosts, type: key.type, place })),
    ).toEqual([
      { marker: undefined, hosts: "node0", type: "ssh-ed25519", place: "kh:3" },
      { marker: "revoked", hosts: "*", type: "ssh-ed25519", place: "kh:4" },
      { marker: "cert-authority", hosts: "*.example", type: "ssh-ed25519", place: "kh:6" },
    ]);
  });
});

describe("speaksOf", () => {
  it("knows plain names in upper and lower case, and lists of them", () => {
    expect(names("Node0,192.168.1.1", "node0", "NODE0", "192.168.1.1", "node01", "192x168.1.1")).toEqual([
      "node0",
      "NODE0",
      "192.168.1.1",
    ]);
  });

  it("tells a host's ports apart", () => {
    expect(names("[node0]:2222", "node0", "[node0]:2222", "[node0]:22222")).toEqual(["[node0]:2222"]);
  });

  it("knows patterns, and the names that they exclude", () => {
    expect(names("*.example,!bad.example", "a.example", "bad.example", "example")).toEqual(["a.example"]);
    expect(names("!bad.example,*.example", "bad.example")).toEqual([]);
    expect(names("node?", "node0", "node", "node10")).toEqual(["node0"]);
  });

  // Written by ssh-keygen -H of OpenSSH 9.2.
  it("knows a name that ssh-keygen has hashed", () => {
    expect(
      names("|1|PQH0BJtATuuTV6Cq0iNoGJcE/Cg=|2cffn0D3PasmRP02uqVi9j3AraQ=", "[node0.example]:2222", "node0.example"),
    ).toEqual(["[node0.example]:2222"]);
    expect(
      names(
        "|1|kP14rSo5oGsMDCo2UhN4sl4sZIo=|PSYk/XnUoJMXCxGltTYEm/vNmTQ=",
        "node0.example",
        "Node0.Example",
        "node1.example",
      ),
    ).toEqual(["node0.example", "Node0.Example"]);
  });
});
