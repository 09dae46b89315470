// The stack of those who run node 0. Other stacks declare machines on it by what this one exports.
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();

const node0 = new netboot.NetbootServer(
  "node0",
  {
    connection: {
      host: config.require("host"),
      hostKey: config.get("hostKey") || undefined,
      privateKeyPath: config.get("privateKeyPath") || undefined,
    },
    network: { interface: "eno2", cidr: "10.20.0.0/23", address: "10.20.0.1" },
  },
  { protect: config.getBoolean("protect") ?? false },
);

export const reference = node0.reference;
