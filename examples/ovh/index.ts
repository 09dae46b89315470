// Two OVHcloud servers in OLA mode. Each is rebooted when its owner asks for it, after node 0 has shown that it serves it.
import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();

const node0 = new netboot.NetbootServer("node0", {
  connection: {
    host: config.require("host"),
    hostKey: config.get("hostKey") || undefined,
    privateKeyPath: config.get("privateKeyPath") || undefined,
  },
  network: { interface: "eno2", cidr: "10.20.0.0/24", address: "10.20.0.1" },
});

/** A server that boots from node 0. A new value of `ask` proves that it would, and then reboots it. */
function machine(name: string, serviceName: string, address: string, ask: string | undefined): netboot.OlaNode {
  const server = ovh.getServerOutput({ serviceName });
  const node = new netboot.OlaNode(name, {
    server: node0,
    macs: netboot.ovh.privateMacs(server),
    problems: netboot.ovh.problems(server), // a NIC that could not boot from node 0 is an error in preview
    address,
    verify: { again: ask },
  });
  if (ask) {
    // The hook proves it in the moment before the reboot, also where an earlier one with this value was refused.
    const afterProof = { dependsOn: node, hooks: { beforeCreate: [node.freshProof] } };
    new ovh.dedicated.ServerRebootTask(`reboot-${name}`, { serviceName, keepers: [ask] }, afterProof);
  }
  return node;
}

// pulumi config set rebootDb1 2026-11-22
const db1 = machine("db-1", config.require("db1"), "10.20.0.11", config.get("rebootDb1"));
const db2 = machine("db-2", config.require("db2"), "10.20.0.12", config.get("rebootDb2"));

export const verified = { "db-1": db1.verified, "db-2": db2.verified };
