import { describe, expect, it, vi } from "vitest";
import { ChangesTogether, Refused } from "../../../../provider/conversation/refused";
import { type ErrorCode, NetbootError } from "../../../../provider/errors";
import { onOneOfTwo } from "../../../../provider/lifecycle/ofTwo";
import { failure } from "../../../support/sshServer";

const failing = (code: ErrorCode) => () => Promise.reject(new NetbootError(code, "h: no connection"));
const on = (is: "first" | "second", names: readonly [string, string], more = {}) => ({
  __pair: { is, names },
  ...more,
});
const goOn = { whileOneIsDown: "go on" };

describe("onOneOfTwo", () => {
  it("does what is to be done, and is silent about it", async () => {
    const display = vi.fn();
    expect(await onOneOfTwo({}, display, async () => 1)).toBe(1);
    expect(await onOneOfTwo(on("second", ["a", "b"]), display, async () => 2)).toBe(2);
    expect(display).not.toHaveBeenCalled();
    expect(await failure(onOneOfTwo({}, display, failing("HOST_UNREACHABLE")))).toMatchObject({
      message: "h: no connection",
    });
  });

  it("says what stands on each where one fails", async () => {
    const first = await failure(onOneOfTwo(on("first", ["a", "b"]), vi.fn(), failing("NOT_SERVING")));
    expect(first).toMatchObject({ code: "NOT_SERVING" });
    expect(first.message).toBe("h: no connection\nb comes after a, so it is not touched, and serves what it served");
    const second = await failure(onOneOfTwo(on("second", ["a", "b"]), vi.fn(), failing("HOST_UNREACHABLE")));
    expect(second.message).toBe(
      "h: no connection\na has the new state, and has proved it; b has the state of the last up that reached it. A machine that boots gets " +
        "what this up declares from a, and what it got before from b, where that serves; one that is new gets nothing from b. " +
        "The next `pulumi up` brings it to b",
    );
  });

  it("keeps of a refusal what a create and others go by", async () => {
    const taken = new Refused("CLASH", "h: taken", "OlaNode/p/s/x", true, "put back");
    const told = await failure(onOneOfTwo(on("first", ["a", "b"]), vi.fn(), () => Promise.reject(taken)));
    expect(told).toMatchObject({ culprit: "OlaNode/p/s/x", isIdTaken: true, undone: "put back" });
    const together = new ChangesTogether("h", taken, "OlaNode/p/s/x");
    expect(await failure(onOneOfTwo(on("first", ["a", "b"]), vi.fn(), () => Promise.reject(together)))).toBe(together);
  });

  it("goes on without one that is down, where the program says so, and not without both", async () => {
    const display = vi.fn();
    const names = ["c", "d"] as const;
    expect(await onOneOfTwo(on("first", names, goOn), display, failing("HOST_UNREACHABLE"))).toBeUndefined();
    expect(display.mock.calls).toEqual([
      ["warning", expect.stringMatching(/^h: no connection\nc has the state of .*, and d alone follows this one, as/)],
    ]);
    const second = await failure(onOneOfTwo(on("second", names, goOn), display, failing("HOST_UNREACHABLE")));
    expect(second.message).toMatch(/\nc was not reached either: nothing of this change stands on one of the two$/);
    const other = ["e", "f"] as const;
    expect(await onOneOfTwo(on("second", other, goOn), display, failing("HOST_UNREACHABLE"))).toBeUndefined();
  });

  it("goes on without none that answers, and refuses or lets nobody in", async () => {
    for (const code of ["NOT_SERVING", "AUTHENTICATION_FAILED", "HOST_KEY_CHANGED", "CONNECTION_LOST"] as const) {
      const { message } = await failure(onOneOfTwo(on("second", ["g", "h"], goOn), vi.fn(), failing(code)));
      expect(message).toMatch(/^h: no connection\ng has the new state/);
    }
  });
});
