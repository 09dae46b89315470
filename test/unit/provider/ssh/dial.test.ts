import type { LookupAddress } from "node:dns";
import type * as net from "node:net";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { connectionTo, failure, makeUser, open, startServer, userKey } from "../../../support/sshServer.ts";

/** What each address of a name does: connects after so many milliseconds, refuses, or says nothing. */
const network = vi.hoisted(() => new Map<string, { readonly afterMs: number } | "refuses" | "silent">());
const asked = vi.hoisted((): { family?: number; localAddress?: string | undefined }[] => []);

vi.mock("node:dns/promises", () => ({
  lookup: async (_name: string, { family }: { family: number }): Promise<LookupAddress[]> => {
    asked.push({ family });
    return [...network.keys()].map((address) => ({ address, family: 4 }));
  },
}));

vi.mock("node:net", async (original) => {
  const real = await original<typeof net>();
  const connect = (options: net.TcpNetConnectOpts): net.Socket => {
    const how = network.get(options.host ?? "");
    if (how === undefined) return real.connect(options);
    asked.push({ localAddress: options.localAddress });
    const socket = new real.Socket();
    if (how === "refuses") {
      setImmediate(() => socket.destroy(Object.assign(new Error("no"), { code: "ECONNREFUSED" })));
    } else if (how !== "silent") setTimeout(() => socket.connect(options.port, "127.0.0.1"), how.afterMs);
    return socket;
  };
  return { ...real, connect };
});

afterEach(() => {
  network.clear();
  asked.length = 0;
});

const dial = async (
  addresses: Readonly<Record<string, { readonly afterMs: number } | "refuses" | "silent">>,
  config = "",
) => {
  for (const [address, how] of Object.entries(addresses)) network.set(address, how);
  const server = await startServer();
  const connection = {
    ...connectionTo(server, { privateKey: userKey.private, perDialTimeout: 1.5 }),
    host: "node0.example",
  };
  onTestFinished(() => server.close());
  return open(connection, makeUser({ ".ssh/config": config }));
};

describe("a name with several addresses", () => {
  it("is reached by a slow one beside one that is dead", async () => {
    await expect(dial({ "192.0.2.1": { afterMs: 700 }, "2001:db8::1": "silent" })).resolves.toMatchObject({
      isRoot: true,
    });
  });

  it("is reached by the second where the first is dead, or refuses", async () => {
    await expect(dial({ "2001:db8::1": "silent", "192.0.2.1": { afterMs: 0 } })).resolves.toBeDefined();
    await expect(dial({ "2001:db8::2": "refuses", "192.0.2.2": { afterMs: 0 } })).resolves.toBeDefined();
  });

  it("has each one's failure told", async () => {
    const { message } = await failure(dial({ "2001:db8::1": "refuses", "192.0.2.1": "silent" }));
    expect(message).toContain("2001:db8::1: connection refused (ECONNREFUSED); 192.0.2.1: no answer within 1.5 s");
  });

  it("is asked for by AddressFamily, and reached from BindAddress", async () => {
    await dial({ "192.0.2.1": { afterMs: 0 } }, "AddressFamily inet\nBindAddress 127.0.0.2");
    expect(asked).toEqual([{ family: 4 }, { localAddress: "127.0.0.2" }]);
  });
});
