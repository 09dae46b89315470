// A rack of servers in OLA mode. All NICs of a machine are declared, for which one it boots from is not ours to choose.
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();
const hostKey = config.get("hostKey");
const privateKeyPath = config.get("privateKeyPath");

const node0 = new netboot.NetbootServer("node0", {
  connection: {
    host: config.require("host"),
    ...(hostKey ? { hostKey } : {}),
    ...(privateKeyPath ? { privateKeyPath } : {}),
  },
  network: { interface: "eno2", cidr: "10.20.0.0/24", address: "10.20.0.1", domain: "rack-a.example.net" },
  artifacts: { refindConf: { timeoutSeconds: 3 } },
});

const rack = new netboot.OlaFleet("rack-a", {
  server: node0,
  nodes: {
    "db-1": { macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"], address: "10.20.0.11", comment: "height 12" },
    "db-2": { macs: ["04:3f:72:aa:00:03", "04:3f:72:aa:00:04"], address: "10.20.0.12", loader: "snponly.efi" },
  },
});

// One machine that comes and goes by itself is a row of its own in the preview.
const spare = new netboot.OlaNode("spare", {
  server: node0,
  macs: ["04:3f:72:aa:00:05", "04:3f:72:aa:00:06"],
  address: "10.20.0.13",
  options: { "time-offset": 3600 },
});

export const boots = rack.nextBoots;
export const spareBoot = spare.nextBoot;
// For the machines' own /etc/hosts, and for other stacks that declare machines on this node 0.
export const hosts = netboot.hostsTable([rack, spare]);
export const reference = node0.reference;
