import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { engineIsGone } from "../../../provider/engine";

describe("engineIsGone", () => {
  it("tells an engine that listens from one that has died", async () => {
    const engine = createServer().listen(0, "127.0.0.1");
    await once(engine, "listening");
    const address = `127.0.0.1:${(engine.address() as AddressInfo).port}`;
    expect(await engineIsGone(address)).toBe(false);
    engine.close();
    await once(engine, "close");
    expect(await engineIsGone(address)).toBe(true);
  });

  it("says nothing of a process that no engine has started", async () => {
    expect(await engineIsGone("run")).toBe(false);
  });
});
