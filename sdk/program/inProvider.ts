import type * as pulumi from "@pulumi/pulumi";
import type { KindName } from "../../provider/kinds";

/**
 * A provider that holds no code of its own. Pulumi stores its text in the state of every resource, so each method is
 * one call into the package that is installed: a new release then acts on old stacks, and the text never changes.
 */
function inProvider(kind: string): pulumi.dynamic.ResourceProvider {
  return {
    check: async (olds, news) => require("pulumi-netboot/provider").check(kind, olds, news),
    diff: async (id, olds, news) => require("pulumi-netboot/provider").diff(kind, id, olds, news),
    create: async (news) => require("pulumi-netboot/provider").create(kind, news),
    read: async (id, props) => require("pulumi-netboot/provider").read(kind, id, props),
    update: async (id, olds, news) => require("pulumi-netboot/provider").update(kind, id, olds, news),
    delete: async (id, props) => require("pulumi-netboot/provider").remove(kind, id, props),
  };
}

/** One object a kind: Pulumi serialises each object once. */
export const providers: Readonly<Record<KindName, pulumi.dynamic.ResourceProvider>> = {
  BootFile: inProvider("BootFile"),
  DhcpServer: inProvider("DhcpServer"),
  Firewall: inProvider("Firewall"),
  NameServer: inProvider("NameServer"),
  OlaFleet: inProvider("OlaFleet"),
  OlaNode: inProvider("OlaNode"),
  Packages: inProvider("Packages"),
  TftpServer: inProvider("TftpServer"),
  TimeServer: inProvider("TimeServer"),
};
