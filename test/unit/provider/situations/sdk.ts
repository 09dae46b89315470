import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import * as netboot from "../../../../sdk";
import { whyIdle } from "../../../../sdk/program/componentOptions";
import { whyNotOne } from "../../../../sdk/program/fleetOptions";
import { throughOthers } from "../../../../sdk/program/providerText";
import { register } from "../../../support/mocks";
import { makeFolder } from "../../../support/sshServer";
import { previewed } from "./previewed";
import type { Situation } from "./situation";

const connection = { host: "node0.example" };
const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const macs = ["52:54:00:00:00:01"];

const file = (name: string, source: unknown, more: object = {}): netboot.BootFile =>
  new netboot.BootFile(name, { connection, source, ...more } as never);

const files: readonly Situation[] = [
  previewed("boot files that are none", () => {
    file("a.efi", undefined);
    file("b.efi", { path: "./b.efi" });
    file("c.efi", { content: 5 });
    file("d.efi", { file: 5 });
    file("e.efi", { file: "./e.efi", sha256: "beef" });
    file("f.efi", { file: "./nowhere.efi" });
    file("g.efi", { content: "" }, { directory: "srv/tftp" });
    file("h/i.efi", { content: "" });
    file("j.efi", { content: "" }, { folder: "/srv/tftp" });
  }),
  previewed("boot files out of packages that are none", () => {
    file("a.efi", "package");
    file("b.efi", { package: "iPXE", version: "1 2" });
  }),
  previewed("a remote asset, and a file that is another one", () => {
    file("a.efi", { file: new pulumi.asset.RemoteAsset("https://boot.example/a.efi") });
    file("b.efi", { file: "LICENSE", sha256: "ab".repeat(32) });
  }),
];

const servers: readonly Situation[] = [
  previewed("parts of a NetbootServer that are no objects", () => {
    new netboot.NetbootServer("node0", {
      connection,
      network,
      time: "yes",
      dhcp: 5,
      tftp: pulumi.output({}),
      firewal: {},
    } as never);
  }),
  previewed("what is one for all parts", () => {
    new netboot.NetbootServer("node0", { connection, network, tftp: { directory: "/srv/boot" } } as never);
  }),
  previewed("a secret in dhcpd.conf", () => {
    const extraConfig = pulumi.secret("option domain-search;");
    new netboot.DhcpServer("node0", { connection, network, extraConfig } as never);
  }),
  previewed("a flag that is none", () => {
    new netboot.DhcpServer("node0", { connection, network, allowDefaultRoute: "yes" } as never);
  }),
  previewed("two of what a host has once", () => {
    for (const name of ["one", "two"]) {
      new netboot.DhcpServer(name, { connection, network });
      new netboot.TftpServer(name, { connection, address: "192.168.1.1" });
      new netboot.TimeServer(name, { connection, network });
      new netboot.NameServer(name, { connection, network });
    }
  }),
  previewed("two of one name", () => {
    for (const name of ["one", "two"]) {
      const parent = new pulumi.ComponentResource("shop:index:Rack", name);
      new netboot.TimeServer("time", { connection, network }, { parent });
    }
  }),
  {
    what: "a key file that is not on this machine",
    said: async () => {
      const warned: string[] = [];
      const warn = vi.spyOn(pulumi.log, "warn").mockImplementation(async (words) => void warned.push(words));
      const reached = { ...connection, privateKeyPath: "/home/me/.ssh/node0" };
      await register(() => void new netboot.DhcpServer("node0", { connection: reached, network }), {}, true);
      warn.mockRestore();
      return warned.join("\n");
    },
  },
];

const machines: readonly Situation[] = [
  previewed("no server", () => {
    new netboot.OlaNode("db-1", { server: undefined as never, macs });
    new netboot.OlaNode("db-2", { server: { host: "node0.example" } as never, macs });
    new netboot.OlaNode("db-3", { server: "node0.example" as never, macs });
    const server = new netboot.DhcpServer("node0", { connection, network });
    new netboot.OlaNode("db-4", { server: pulumi.output(Promise.resolve(server)) as never, macs });
    const tftp = new netboot.TftpServer("tftp", { connection, address: network.address });
    new netboot.OlaNode("db-5", { server: tftp as never, macs });
  }),
  previewed("a fleet without machines", () => {
    const server = new netboot.DhcpServer("node0", { connection, network });
    new netboot.OlaFleet("one", { server } as never);
    new netboot.OlaFleet("two", { server, nodes: ["db-1"] as never });
  }),
  previewed("the option import", () => {
    const server = new netboot.DhcpServer("node0", { connection, network });
    new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.2" }, { import: "OlaNode/shop/prod/db-1" });
  }),
  {
    what: "a reboot before its machine is declared",
    said: async () => {
      let proof: pulumi.ResourceHook | undefined;
      await register(
        () => {
          const host = pulumi.output((pulumi as unknown as { readonly unknown: string }).unknown);
          const server = new netboot.DhcpServer("node0", { connection: { host }, network });
          proof = new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.2" }).freshProof;
        },
        {},
        true,
      );
      return await wordsOf(() => proof?.callback({} as never));
    },
  },
  {
    what: "a server that OVHcloud has not made ready",
    said: async () => {
      const vnis = [
        { enabled: true, mode: "public", nics: ["52:54:00:00:00:02"], uuid: "public-1" },
        { enabled: false, mode: "vrack", nics: ["52:54:00:00:00:03"], uuid: "vrack-1" },
      ];
      const found = [
        netboot.ovh.problems({ name: "ns1", vnis }, macs),
        netboot.ovh.problems({ name: "ns2", vnis: [] }),
      ];
      const told = await Promise.all(found.map((each) => new Promise<string[]>((done) => void each.apply(done))));
      return told.flat().join("\n");
    },
  },
];

async function wordsOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (thrown) {
    return (thrown as Error).message;
  }
  throw new Error("it did not fail");
}

const programs: readonly Situation[] = [
  previewed("a test whose program is imported for the second time", () => {}),
  {
    what: "a package that nothing in reach names",
    said: async () => {
      const folder = makeFolder();
      writeFileSync(join(folder, "package.json"), "{}");
      const cwd = vi.spyOn(process, "cwd").mockReturnValue(folder);
      const memory = globalThis as { pulumiNetbootProvider?: unknown };
      const { pulumiNetbootProvider: before } = memory;
      delete memory.pulumiNetbootProvider;
      try {
        // It stands alone in a state.
        const run = new Function("require", `return (${throughOthers})()`);
        return (await wordsOf(() => run(createRequire(join(folder, "index.js"))))).replaceAll(folder, "/home/me/rack");
      } finally {
        cwd.mockRestore();
        memory.pulumiNetbootProvider = before;
      }
    },
  },
  {
    what: "Bun",
    said: async () => {
      const own = globalThis.process;
      const versions = { ...own.versions, bun: "1.2.0" };
      vi.stubGlobal(
        "process",
        new Proxy(own, { get: (of, key) => (key === "versions" ? versions : Reflect.get(of, key)) }),
      );
      vi.resetModules();
      try {
        return await wordsOf(() => import("../../../../sdk/program/providerText.ts"));
      } finally {
        vi.unstubAllGlobals();
        vi.resetModules();
      }
    },
  },
  {
    what: "an option that Pulumi hands to no part of a server",
    said: whyIdle({ ignoreChanges: ["artifacts"] }).join("\n"),
  },
  {
    what: "an option that names one machine of a fleet",
    said: whyNotOne({ ignoreChanges: ["nodes", 'nodes["db-1"].macs'] }).join("\n"),
  },
];

/** All that the classes say of a program, by the golden file. */
export const sdkSituations: Readonly<Record<string, readonly Situation[]>> = {
  "programFiles.txt": files,
  "programServers.txt": servers,
  "programMachines.txt": machines,
  "programRuns.txt": programs,
};
