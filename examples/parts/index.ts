// A node 0 out of its parts: DHCP, TFTP and boot files, without the time and the names that a NetbootServer serves, too.
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const config = new pulumi.Config();
const connection: netboot.ConnectionArgs = {
  host: config.require("host"),
  hostKey: config.get("hostKey") || undefined,
  privateKeyPath: config.get("privateKeyPath") || undefined,
};
const address = "10.20.0.1";

const files = new netboot.BootArtifacts("files", {
  connection,
  refindConf: { timeoutSeconds: 3 },
  extra: { "about.txt": { content: "These files are served by pulumi-netboot.\n" } },
});
const tftp = new netboot.TftpServer("tftp", { connection, address, directory: files.directory }, { dependsOn: files });
const dhcp = new netboot.DhcpServer(
  "dhcp",
  { connection, network: { interface: "eno2", cidr: "10.20.0.0/23", address } },
  { dependsOn: tftp },
);
const firewall = new netboot.Firewall("firewall", { connection, interface: "eno2", services: ["dhcp", "tftp"] });

const node = new netboot.OlaNode(
  "db-1",
  { server: dhcp, macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"], address: "10.20.0.11" },
  { dependsOn: [tftp, firewall] },
);

export const manager = firewall.manager;
export const listening = [dhcp.listening, tftp.listening];
export const nextBoot = node.nextBoot;
