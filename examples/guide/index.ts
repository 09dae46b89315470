// The guide's node 0: one machine that serves, one that boots from it, and addresses for whoever else asks.
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();

const node0 = new netboot.NetbootServer("node0", {
  connection: {
    host: config.require("host"),
    user: config.get("user") ?? "root",
    hostKey: config.get("hostKey") || undefined,
    privateKeyPath: config.get("privateKeyPath") || undefined,
  },
  network: {
    interface: config.get("interface") ?? "eno2",
    cidr: config.get("cidr") ?? "192.168.1.0/28",
    address: config.get("address") ?? "192.168.1.1",
    router: "192.168.1.1",
    pool: { from: "192.168.1.2", to: "192.168.1.5" },
  },
  unknownMachines: "serve", // the guide's `allow unknown-clients`; the default is "refuse"
});

const node1 = new netboot.OlaNode("node-1", { server: node0, macs: [config.get("mac") ?? "52:54:00:12:34:56"] });

export const nextBoot = node1.nextBoot;
export const verified = node1.verified;
