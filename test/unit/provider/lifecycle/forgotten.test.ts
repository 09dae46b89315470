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
        const { message } = await failure(orForget(host, told, failing(code)));
        expect(message).toBe(
          `a: no connection\nIf ${host} is gone for good, run the same command with PULUMI_NETBOOT_FORGET=${host} in its environment: what is deleted there then goes from the state only`,
        );
      }
      expect(told).not.toHaveBeenCalled();
      forget(host);
      await Promise.all([orForget(host, told, failing(code)), orForget(host, told, failing(code))]);
      expect(told.mock.calls).toEqual([["warning", expect.stringMatching(new RegExp(`^${host} is left behind`))]]);
      // Nobody waits for it again.
      const third = failing(code);
      await orForget(host, told, third);
      expect(third).not.toHaveBeenCalled();
    },
  );

  it("never passes over a host that answers, or a mistake on this side", async () => {
    forget("alive.example");
    const done = vi.fn(() => Promise.resolve());
    await orForget("alive.example", vi.fn(), done);
    await orForget("alive.example", vi.fn(), done);
    expect(done).toHaveBeenCalledTimes(2);
    for (const code of [
      "AUTHENTICATION_FAILED",
      "KEY_UNREADABLE",
      "HOST_KEY_UNKNOWN",
      "IN_USE",
      "CONNECTION_LOST",
    ] as const) {
      const { message } = await failure(orForget("alive.example", vi.fn(), failing(code)));
      expect(message).toBe("a: no connection");
    }
  });
});
