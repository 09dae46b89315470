import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import { policies } from "../../../examples/policy";
import * as netboot from "../../../sdk";
import { register } from "../../support/mocks";

// A pack starts to serve an engine as soon as it is made; here only its policies are of interest.
vi.mock("@pulumi/policy", () => ({ PolicyPack: class {} }));

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const connection = { host: "203.0.113.7" };
const pinned: netboot.BootArtifactsSettings = {
  ipxe: { package: "ipxe", version: "1.0" },
  snponly: { package: "ipxe", version: "1.0" },
  refind: { package: "refind", version: "0.13.2-1" },
};

/** The names of the policies that a program violates, with what they say. */
async function violations(program: () => void): Promise<readonly string[]> {
  const registered = await register(program);
  return Object.values(registered).flatMap(({ type, name, inputs }) =>
    policies.flatMap((policy) => {
      const said: string[] = [];
      const { validateResource } = policy;
      const check = Array.isArray(validateResource) ? validateResource[0] : validateResource;
      void check?.({ type, name, props: inputs } as never, (message: string) =>
        said.push(`${policy.name}: ${message}`),
      );
      return said;
    }),
  );
}

describe("examples/policy", () => {
  it("has nothing against a server whose files are pinned", async () => {
    const found = await violations(() => {
      const server = new netboot.NetbootServer("node0", { connection, network, artifacts: pinned });
      new netboot.OlaNode("n1", {
        server,
        macs: ["04:3f:72:aa:00:01"],
        address: "192.168.1.2",
        verify: { again: "1" },
      });
    });
    expect(found).toEqual([]);
  });

  it("names each boot file of whatever version", async () => {
    const found = await violations(() => new netboot.NetbootServer("node0", { connection, network }));
    expect(found).toContain(
      'pinned-artifacts: ipxe.efi comes out of whatever version of ipxe there is; write { package: "ipxe", version: "…" }',
    );
    expect(found).toHaveLength(3);
  });

  it("refuses unknown machines, and machines that are not proved", async () => {
    const found = await violations(() => {
      const pool = { from: "192.168.1.8", to: "192.168.1.9" };
      const served = { ...network, pool };
      const server = new netboot.NetbootServer("node0", {
        connection,
        network: served,
        artifacts: pinned,
        unknownMachines: pulumi.output("serve" as const),
      });
      new netboot.OlaNode("n1", { server, macs: ["04:3f:72:aa:00:01"], address: "192.168.1.2", verify: false });
      const nodes = { n2: { macs: ["04:3f:72:aa:00:02"], address: "192.168.1.3" } };
      new netboot.OlaFleet("rack", { server, nodes, verify: false });
    });
    expect(found.map((text) => text.split(":")[0])).toEqual([
      "no-unknown-machines",
      "verified-machines",
      "verified-machines",
    ]);
  });
});
