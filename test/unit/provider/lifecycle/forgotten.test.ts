import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type ErrorCode, NetbootError } from "../../../../provider/errors";
import { orForget } from "../../../../provider/lifecycle/forgotten";
import { failure } from "../../../support/sshServer";

const failing = (code: ErrorCode) => vi.fn(() => Promise.reject(new NetbootError(code, "a: no connection")));

function forget(host: string | undefined): void {
  vi.stubEnv("PULUMI_NETBOOT_FORGET", host);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe("orForget", () => {
  it.each<ErrorCode>(["HOST_UNREACHABLE", "HOST_KEY_CHANGED", "OTHER_MACHINE"])(
    "names the way out, and takes it only where the operator has named the host: %s",
    async (code) => {
      const [host, told] = [`${code}.example`, vi.fn()];
      for (const other of [undefined, "", "another.example"]) {
        forget(other);
        const { message } = await failure(orForget({ host }, told, failing(code)));
        expect(message).toBe(
          `a: no connection\nIf ${host} is gone for good, run the same command with PULUMI_NETBOOT_FORGET=${host} in its environment: what is deleted there then goes from the state only`,
        );
      }
      expect(told).not.toHaveBeenCalled();
      forget(host);
      await Promise.all([orForget({ host }, told, failing(code)), orForget({ host }, told, failing(code))]);
      expect(told.mock.calls).toEqual([["warning", expect.stringMatching(new RegExp(`^${host} is left behind`))]]);
      // Nobody waits for it again.
      const third = failing(code);
      await orForget({ host }, told, third);
      expect(third).not.toHaveBeenCalled();
    },
  );

  it("never passes over a host that answers, or a mistake on this side", async () => {
    forget("alive.example");
    const done = vi.fn(() => Promise.resolve());
    await orForget({ host: "alive.example" }, vi.fn(), done);
    await orForget({ host: "alive.example" }, vi.fn(), done);
    expect(done).toHaveBeenCalledTimes(2);
    for (const code of [
      "AUTHENTICATION_FAILED",
      "KEY_UNREADABLE",
      "HOST_KEY_UNKNOWN",
      "IN_USE",
      "CONNECTION_LOST",
    ] as const) {
      const { message } = await failure(orForget({ host: "alive.example" }, vi.fn(), failing(code)));
      expect(message).toBe("a: no connection");
    }
  });

  it("tells hosts of one address by their ports and jump hosts", async () => {
    const [one, other] = [2201, 2202].map((port) => ({ host: "nat.example", port, proxy: { host: "bastion" } }));
    if (one === undefined || other === undefined) throw new Error("there are two");
    const { message } = await failure(orForget(one, vi.fn(), failing("HOST_UNREACHABLE")));
    const name = "nat.example:2201 through bastion";
    expect(message).toContain(`with PULUMI_NETBOOT_FORGET="${name}" in its environment`);
    forget(name);
    const told = vi.fn();
    await orForget(one, told, failing("HOST_UNREACHABLE"));
    expect(told.mock.calls).toEqual([
      ["warning", expect.stringContaining("`npx pulumi-netboot records --host nat.example --port 2201`")],
    ]);
    const done = vi.fn(() => Promise.resolve());
    await orForget(other, vi.fn(), done);
    expect(done).toHaveBeenCalledOnce();
    expect((await failure(orForget(other, vi.fn(), failing("HOST_UNREACHABLE")))).message).toContain(":2202 through");
  });
});
