// The stack of those who run machines. It knows node 0 by the other stack only.
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();
const other = new pulumi.StackReference(config.get("node0Stack") ?? "organization/netboot-node0/dev");

const web = new netboot.OlaNode("web-1", {
  server: other.requireOutput("reference") as pulumi.Output<netboot.ServerReference>,
  macs: ["04:3f:72:aa:01:01", "04:3f:72:aa:01:02"],
  address: "10.20.0.21",
});

export const nextBoot = web.nextBoot;
export const verified = web.verified;
