import { afterEach, describe, expect, it, vi } from "vitest";
import { NetbootError } from "../../../../provider/errors";
import { noteLook } from "../../../../provider/lifecycle/lookedAt";
import { tellingFailures } from "../../../../provider/lifecycle/told";
import { upMends } from "../../../../provider/values/mending";
import { failure } from "../../../support/sshServer.ts";

const failing = (id: string, reason: unknown) => failure(tellingFailures("OlaNode", id, () => Promise.reject(reason)));

afterEach(() => vi.restoreAllMocks());

describe("tellingFailures", () => {
  it("tells a reason in full beside the first resource that has it, and how many others do", async () => {
    const reason = () => new NetbootError("HOST_UNREACHABLE", "h: no connection\n  does sshd run there?");
    const ids = Array.from({ length: 12 }, (_, at) => `OlaNode/p/one/n${at}`);
    const [first, ...others] = await Promise.all(ids.map((id) => failing(id, reason())));
    expect(first?.message).toBe(
      "h: no connection\n  does sshd run there?\nthe same holds for 11 other resources so far [HOST_UNREACHABLE]",
    );
    expect(new Set(others.map(({ message }) => message))).toEqual(
      new Set(["not done, for the reason that is told beside OlaNode/p/one/n0 [HOST_UNREACHABLE]"]),
    );
    expect((await failing("OlaNode/p/one/late", reason())).message).toMatch(/beside OlaNode\/p\/one\/n0/);
  });

  it("tells different reasons each in full, with their codes", async () => {
    const [one, other] = await Promise.all([
      failing("A/p/one/a", new NetbootError("CLASH", "h: a is taken")),
      failing("A/p/one/b", new NetbootError("CLASH", "h: b is taken")),
    ]);
    expect(one).toMatchObject({ code: "CLASH", message: "h: a is taken [CLASH]" });
    expect(other.message).toBe("h: b is taken [CLASH]");
  });

  it("advises no refresh in a run that has looked at this node 0, and tells what this run does", async () => {
    const reason = () =>
      new NetbootError("NOT_SERVING", `h: not served; ${upMends("mends what somebody changed")}; db-1 would not boot`);
    const refused = (host: string, id: string) =>
      failure(tellingFailures("OlaNode", id, () => Promise.reject(reason()), { host }));
    noteLook({ host: "looked-at" });
    expect((await refused("looked-at", "A/p/one/looked")).message).toBe(
      "h: not served; the `up` of this run mends what somebody changed, where this stack declares it; db-1 would not boot [NOT_SERVING]",
    );
  });

  it("calls anything else a bug", async () => {
    expect((await failing("A/p/one/a", new TypeError("x is undefined"))).message).toBe(
      "this is a bug in pulumi-netboot, in OlaNode: x is undefined [BUG]",
    );
  });

  it("escapes what another machine has written", async () => {
    const { message } = await failing("A/p/one/a", new NetbootError("COMMAND_FAILED", "h: \u001b[2Jall is well"));
    expect(message).toBe("h: \\u001b[2Jall is well [COMMAND_FAILED]");
  });

  it("keeps the SDK from writing the error beside the stack as well, and nothing else", async () => {
    const write = vi.spyOn(console, "error").mockImplementation(() => {});
    const before = console.error;
    vi.resetModules();
    const fresh = await import("../../../../provider/lifecycle/told.ts");
    const error = await failure(
      fresh.tellingFailures("A", "A/p/one/a", () => Promise.reject(new NetbootError("CLASH", "h: taken"))),
    );
    // As cmd/dynamic-provider does it of a delete and a read.
    console.error(`${error}: ${error.stack}`);
    console.error("something else");
    console.error = before;
    expect(write.mock.calls).toEqual([["something else"]]);
  });
});
