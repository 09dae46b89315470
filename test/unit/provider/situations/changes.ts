import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { onTestFinished, vi } from "vitest";
import { ChangesTogether, Refused, refuseOtherMachine } from "../../../../provider/conversation/refused";
import { renderFirewall } from "../../../../provider/conversation/renderPlan";
import { apply } from "../../../../provider/conversation/transaction";
import { NetbootError } from "../../../../provider/errors";
import type { Change } from "../../../../provider/kinds/want";
import { check } from "../../../../provider/lifecycle/comparison";
import { orForget } from "../../../../provider/lifecycle/forgotten";
import { readLocalFile } from "../../../../provider/lifecycle/localFile";
import { tellPlan } from "../../../../provider/lifecycle/plannedLine";
import { prove } from "../../../../provider/lifecycle/proof";
import { tellingFailures } from "../../../../provider/lifecycle/told";
import { byNewestWay, noteProgram } from "../../../../provider/lifecycle/ways";
import { planFirewall } from "../../../../provider/plan/firewall";
import type { FirewallPart } from "../../../../provider/plan/firewallPart";
import { closeHosts } from "../../../../provider/ssh/pool";
import { factsOf, firewallCase } from "../../../support/firewallCases";
import { hands, type Say } from "../../../support/playedNode0";
import { failure, hostKey, makeFolder, makeUser, open, startServer, userKey } from "../../../support/sshServer";
import type { Situation } from "./situation";

const host = "node0.example";
const id = "OlaNode/shop/prod/db-1";
const generation = "aaaaaaaa00000001";

/** A user who reaches node 0, played so, by its name. */
async function userOf(play: (say: Say, turn: number) => void) {
  const { port } = await startServer({ exec: hands(play) });
  return makeUser({
    ".ssh/config": `Host ${host}\nHostName 127.0.0.1\nPort ${port}\n`,
    ".ssh/known_hosts": `[127.0.0.1]:${port} ${hostKey.public}\n`,
    ".ssh/id_ed25519": userKey.private,
  });
}

const begins = (say: Say, turn: number, more: () => void = () => {}): void => {
  if (turn > 0) return;
  say("machineId", { text: "0123456789abcdef" });
  more();
  say("asked");
};

/** What a change says and throws, where node 0 is played so. */
function applied(what: string, wanted: readonly Change[], play: (say: Say, turn: number) => void): Situation {
  const said = async () => {
    const told: string[] = [];
    try {
      const reached = await open({ host }, await userOf(play));
      await apply(reached, wanted, undefined, (_, severity, words) => told.push(`${severity}: ${words}`));
    } catch (error) {
      if (told.length === 0) return error as NetbootError;
      told.push((error as Error).message);
    }
    return told.join("\n");
  };
  return { what, said };
}

const drop: readonly Change[] = [{ kind: "drop", id, generation }];
const refused = new Refused("OCCUPIED", `${host}: dnsmasq has port 67`, "DhcpServer/shop/prod/dhcp");

const together: readonly Situation[] = [
  { what: "a change that goes with a refused one", said: new ChangesTogether(host, refused, refused.culprit) },
  {
    what: "another machine",
    said: () =>
      failure(
        (async () => refuseOtherMachine({ name: host } as never, "0123456789ab", { machineId: "beef" } as never))(),
      ) as Promise<NetbootError>,
  },
  applied("a plan that did not arrive", drop, (say, turn) => (turn > 0 ? say("end") : begins(say, turn))),
  applied("a change after one that was cut short", drop, (say, turn) => {
    begins(say, turn, () => say("recovered"));
    if (turn > 0) say("complete");
  }),
  applied("a file that somebody writes meanwhile", drop, (say, turn) => {
    begins(say, turn);
    if (turn === 0) return;
    say("complete");
    say("late", { copy: "/var/lib/pulumi-netboot/edits/1" });
  }),
];

const firewallWords = (name: string): string => {
  const plan = planFirewall(["allow in on eno2 udp 67"], factsOf(firewallCase(name).answers), "Firewall/shop/prod/f");
  if ("code" in plan) throw new Error(plan.message);
  const [line] = renderFirewall({ plan, puts: [] as readonly string[] } as FirewallPart);
  return String(line?.values["words"]);
};

const progress: readonly Situation[] = [
  { what: "no firewall", said: firewallWords("bookworm-no-firewall-at-all") },
  { what: "ufw", said: firewallWords("bookworm-ufw") },
];

const gone = () => Promise.reject(new NetbootError("HOST_UNREACHABLE", `${host}: no connection to 192.0.2.7:22`));

const leaving: readonly Situation[] = [
  {
    what: "a host that does not answer a delete",
    said: () => failure(orForget({ host }, () => {}, gone)) as Promise<NetbootError>,
  },
  {
    what: "a host that is left behind",
    said: async () => {
      const told: string[] = [];
      vi.stubEnv("PULUMI_NETBOOT_FORGET", host);
      await orForget({ host }, (_, words) => void told.push(words), gone);
      vi.unstubAllEnvs();
      return told.join("\n");
    },
  },
  {
    what: "ways that lead nowhere",
    said: async () => {
      noteProgram("m", { host, privateKey: "new" }, "OlaNode/shop/prod/db-2");
      const act = () => Promise.reject(new NetbootError("AUTHENTICATION_FAILED", `${host}: "root" was not let in`));
      return (await failure(byNewestWay(id, "m", { host, privateKey: "old" }, act))) as NetbootError;
    },
  },
];

const beside: readonly Situation[] = [
  {
    what: "the same for several resources",
    said: async () => {
      const act = () => Promise.reject(new NetbootError("HOST_UNREACHABLE", `${host}: no connection to 192.0.2.7:22`));
      const names = ["db-1", "db-2", "db-3"];
      const told = await Promise.all(
        names.map(async (name) => {
          const { message } = await failure(tellingFailures("OlaNode", `OlaNode/shop/prod/${name}`, act));
          return `${name}: ${message}`;
        }),
      );
      return told.join("\n");
    },
  },
  {
    what: "a part of a NetbootServer that is wrong",
    said: check(
      "DhcpServer",
      {},
      { __problems: [{ path: "network", message: "is required" }], __toldBeside: 'NetbootServer "node0"' },
    )
      .failures.map(({ reason }) => reason)
      .join("\n"),
  },
];

const files: readonly Situation[] = [
  {
    what: "a file that changed while pulumi ran",
    said: async () => {
      const path = join(makeFolder(), "ipxe.efi");
      writeFileSync(path, "new");
      const { message } = await failure(readLocalFile({ name: "ipxe.efi", path, sha256: "ab".repeat(32) }));
      return message.replace(path, "/home/me/ipxe.efi");
    },
  },
];

const planned = (what: string, inputs: object): Situation => ({
  what,
  said: async () => {
    const told: string[] = [];
    const log = vi.spyOn(EngineClient.prototype, "log").mockImplementation(((request: LogRequest) => {
      told.push(request.getMessage());
    }) as never);
    const user = makeUser({ ".ssh/config": `Host ${host}\nHostName ECONNREFUSED.invalid\n` });
    vi.stubEnv("HOME", user.home);
    await tellPlan("BootFile", "BootFile/shop/prod/a", {}, { __urn: "urn:pulumi:prod::shop::::a", ...inputs });
    vi.unstubAllEnvs();
    log.mockRestore();
    return told.join("\n").replace("ECONNREFUSED.invalid", "192.0.2.7");
  },
});

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const file = { directory: "/srv/tftp", name: "a", connection: { host, dialErrorLimit: 0 } };
const notes: readonly Situation[] = [
  planned("a name that only the up knows", { ...file, name: unknown, content: "x" }),
  planned("a text that only the up knows", { ...file, content: unknown }),
  planned("a file that is gone", { ...file, file: "/home/me/a", sha256: "ab".repeat(32) }),
  planned("a node 0 that can't be asked", { ...file, content: "x" }),
];

const proofs: readonly Situation[] = [
  {
    what: "a reboot of a machine that is gone from node 0",
    said: async () => {
      const user = await userOf((say, turn) => begins(say, turn));
      vi.stubEnv("HOME", user.home);
      onTestFinished(closeHosts);
      const error = (await failure(prove({ host }, id))) as NetbootError;
      vi.unstubAllEnvs();
      return error.message;
    },
  },
];

/** All that is said around a change of node 0, by the golden file. */
export const changeSituations: Readonly<Record<string, readonly Situation[]>> = {
  "changeTogether.txt": [...together, ...beside],
  "changeProgress.txt": [...progress, ...notes],
  "changeLeaving.txt": leaving,
  "changeBefore.txt": [...files, ...proofs],
};
