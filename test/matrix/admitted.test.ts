import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { saidOfRules } from "../support/askNode0";

/** A node 0 with a kernel of its own, which has what the machine's may not: bonds, VLANs and bridges. */
describe("what is admitted on an interface that lies on others", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await labUp({ node0: "machine" });
    await lab.node0.run(`
      for nic in d0 d1 d2; do ip link add $nic type dummy; done
      ip link add bond0 type bond; ip link set d0 master bond0; ip link set d1 master bond0; ip link set bond0 up
      ip link add link bond0 name bond0.100 type vlan id 100; ip address add 10.9.9.1/24 dev bond0.100
      ip link add br0 type bridge; ip link set d2 master br0; ip address add 10.8.8.1/24 dev br0`);
  });
  afterAll(() => lab?.down());

  const said = (nic: string, network: string): Promise<string> =>
    saidOfRules(lab, nic, `${network}.1`, `${network}.0/24`);
  const onBond = (): Promise<string> => said("bond0.100", "10.9.9");
  const onBridge = (): Promise<string> => said("br0", "10.8.8");

  it("is everything where no rule says otherwise", async () => {
    expect([await onBond(), await onBridge()]).toEqual(["admitted", "admitted"]);
  });

  it("is nothing that a NIC below the bond of a VLAN drops", async () => {
    await lab.node0.run(
      `nft 'add table netdev e { chain in { type filter hook ingress device "d1" priority 0; policy accept; udp dport 69 drop; }; }'`,
    );
    expect(await onBond()).toMatch(/drops requests for files .* by `udp dport 69 drop` in chain netdev e in/);
    expect(await onBridge()).toBe("admitted");
    await lab.node0.run("nft flush ruleset");
  });

  it("is nothing that the bridge drops", async () => {
    await lab.node0.run(
      "nft 'add table bridge b { chain in { type filter hook prerouting priority 0; policy accept; udp dport 69 drop; }; }'",
    );
    expect(await onBridge()).toMatch(/drops requests for files .* by `udp dport 69 drop` in chain bridge b in/);
    expect(await onBond()).toBe("admitted");
  });
});
