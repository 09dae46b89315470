// Three hundred servers in OLA mode, from fleet.yaml. All NICs of a machine are there, for which one it boots from is not ours
// to choose.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";
import { parse } from "yaml";

const config = new pulumi.Config();

const node0 = new netboot.NetbootServer("node0", {
  connection: {
    host: config.require("host"),
    hostKey: config.get("hostKey") || undefined,
    privateKeyPath: config.get("privateKeyPath") || undefined,
  },
  network: { interface: "eno2", cidr: "10.20.0.0/23", address: "10.20.0.1", domain: "rack-a.example.net" },
  artifacts: { refindConf: { timeoutSeconds: 3 } },
});

const nodes: Record<string, netboot.FleetNodeArgs> = parse(
  readFileSync(join(import.meta.dirname, "fleet.yaml"), "utf8"),
);
const rack = new netboot.OlaFleet("rack-a", { server: node0, nodes });

// One machine that comes and goes by itself is a row of its own in the preview.
const spare = new netboot.OlaNode("spare", {
  server: node0,
  macs: ["04:3f:72:aa:ff:01", "04:3f:72:aa:ff:02"],
  address: "10.20.1.250",
  options: { "time-offset": 3600 },
});

export const boots = rack.nextBoots;
export const spareBoot = spare.nextBoot;
// For the machines' own /etc/hosts, and for other stacks that declare machines on this node 0.
export const hosts = netboot.hostsTable([rack, spare]);
export const reference = node0.reference;
