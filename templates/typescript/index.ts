import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();

const node0 = new netboot.NetbootServer("node0", {
  connection: { host: config.require("host"), user: "root", hostKey: config.require("hostKey") },
  network: {
    interface: config.require("interface"),
    cidr: config.require("cidr"),
    address: config.require("address"),
  },
});

const fleet = new netboot.OlaFleet("fleet", {
  server: node0,
  nodes: {
    // Every NIC of a machine: which one it boots from is not ours to choose.
    "node-1": { macs: ["52:54:00:12:34:56"], address: "192.168.1.2" },
  },
});

export const nextBoots = fleet.nextBoots;
