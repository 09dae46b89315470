import * as netboot from "pulumi-netboot";

/** Node 0 and the machines of its rack: a function, so that a test can declare it with any inventory. */
export function declareRack(
  connection: netboot.ConnectionArgs,
  nodes: Readonly<Record<string, netboot.FleetNodeArgs>>,
): netboot.OlaFleet {
  const server = new netboot.NetbootServer("node0", {
    connection,
    network: { interface: "eno2", cidr: "10.20.0.0/24", address: "10.20.0.1" },
  });
  return new netboot.OlaFleet("rack-a", { server, nodes });
}
